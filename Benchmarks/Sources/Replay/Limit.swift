import Foundation

/// The bytes of a cache: so many, or a part of what all values of a trace take.
package enum Limit: Sendable, Equatable {
    case bytes(Int)
    case percent(Double)

    private static let units = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000),
    ]

    /// Reads `10%`, `64MiB` or plain bytes; nil if it is none of these.
    package init?(_ text: some StringProtocol) {
        if text.hasSuffix("%") {
            guard let value = Double(text.dropLast()), value > 0, value <= 100 else { return nil }
            self = .percent(value)
            return
        }
        let unit = Self.units.first { text.hasSuffix($0.0) }
        guard let count = Int(text.dropLast(unit?.0.count ?? 0)), count > 0 else { return nil }
        let (bytes, overflows) = count.multipliedReportingOverflow(by: unit?.1 ?? 1)
        guard !overflows else { return nil }
        self = .bytes(bytes)
    }

    func bytes(ofFootprint footprint: Int) -> Int {
        switch self {
        case .bytes(let bytes): bytes
        case .percent(let percent): Int(Double(footprint) * percent / 100)
        }
    }
}
