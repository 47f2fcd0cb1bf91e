internal import GranarySummaries

/// A temperature as Kura was given it: its key tells `0` from `0.0`.
///
/// ```swift
/// let usual: KuraTemperature = 0.2
/// let whole: KuraTemperature = 0
/// ```
public enum KuraTemperature: Sendable, Hashable {
    /// One written without a decimal point.
    case integer(Int)
    /// One written with a decimal point.
    case real(Double)
    /// `None`.
    case unset

    /// The temperature of a number as JSON writes it, such as `0`, `0.0` or `2e-1`; nil for any other text, and for a
    /// number too large for its kind.
    public init?(_ text: String) {
        guard let number = JSONNumber(text) else { return nil }
        if let whole = number.intValue {
            self = .integer(whole)
        } else if text.utf8.contains(where: { [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains($0) }),
            let value = number.doubleValue
        {
            self = .real(value)
        } else {
            return nil
        }
    }
}

extension KuraTemperature: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    /// One written without a decimal point.
    public init(integerLiteral value: Int) { self = .integer(value) }

    /// One written with a decimal point.
    public init(floatLiteral value: Double) { self = .real(value) }
}
