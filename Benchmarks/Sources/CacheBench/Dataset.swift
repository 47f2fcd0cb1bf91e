import Foundation
import Sampling

/// Keys and values that every engine is given alike: entry `id` has a key of 32 hexadecimal digits, as a digest would be,
/// and a value of the size and make of a summary, both a function of the id.
///
/// The first and the last 16 bytes of a value are stamps of the entry, so that a timed loop can tell a right answer from
/// a wrong one by its length and two comparisons; every byte is compared outside the timing.
struct Dataset: Sendable {
    static let keyLength = 32
    static let stampLength = 16

    private let lengths: SummaryLengths
    private let texts: [[UInt8]]
    var meanValueLength: Double { lengths.mean }

    init() {
        var generator = SplitMix64(state: 20_260_101)
        lengths = SummaryLengths(&generator)
        texts = (0..<64).map { _ in Self.text(&generator, length: 8_192) }
    }

    func length(of id: Int) -> Int { lengths.length(forHash: mixed(id)) }

    /// Writes the key of the entry, `keyLength` bytes.
    func writeKey(of id: Int, to target: UnsafeMutableRawPointer) {
        Self.writeHex(mixed(id), to: target)
        Self.writeHex(mixed(id ^ 0x5555_5555_5555), to: target + 16)
    }

    /// Lends the value that the entry has after `version` overwrites; `scratch` is the caller's own.
    @inline(__always)
    func withValue<Result>(
        of id: Int,
        version: Int,
        _ scratch: ValueScratch,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let length = length(of: id)
        let base = scratch.bases[textNumber(id, version)]
        let tail = base + (length - Self.stampLength)
        let saved = tail.loadUnaligned(as: (UInt64, UInt64).self)
        storeStamps(of: id, length: length, base)
        defer { tail.storeBytes(of: saved, as: (UInt64, UInt64).self) }
        return try body(UnsafeRawBufferPointer(start: base, count: length))
    }

    /// True if the bytes can be the value of the entry: length and both stamps.
    @inline(__always)
    func plausible(_ bytes: UnsafeRawBufferPointer, id: Int) -> Bool {
        guard bytes.count >= 16, let base = bytes.baseAddress else { return false }
        return plausible(
            first: base.loadUnaligned(as: UInt64.self),
            last: (base + bytes.count - 8).loadUnaligned(as: UInt64.self),
            count: bytes.count,
            id: id
        )
    }

    /// The same of a value's first and last 8 bytes and its length.
    @inline(__always)
    func plausible(first: UInt64, last: UInt64, count: Int, id: Int) -> Bool {
        let stamps = stamps(of: id)
        return count == length(of: id) && first == stamps.0 && last == stamps.1
    }

    /// True if the bytes are the value of the entry, every one of them.
    func exact(_ bytes: UnsafeRawBufferPointer, id: Int, version: Int, _ scratch: ValueScratch) -> Bool {
        withValue(of: id, version: version, scratch) { wanted in
            guard wanted.count == bytes.count, let left = wanted.baseAddress, let right = bytes.baseAddress else {
                return false
            }
            return memcmp(left, right, wanted.count) == 0
        }
    }

    /// What another program needs to make the same keys and values: 4,096 lengths of 2 bytes, little-endian, and 64 texts of
    /// 8,192 bytes.
    func write(to file: String) throws {
        var data = Data()
        for number in 0..<4_096 as Range<UInt64> {
            let length = UInt16(truncatingIfNeeded: lengths.length(forHash: number << 40))
            withUnsafeBytes(of: length.littleEndian) { data.append(contentsOf: $0) }
        }
        for text in texts { data.append(contentsOf: text) }
        try data.write(to: URL(fileURLWithPath: file))
    }

    func makeScratch() -> ValueScratch { ValueScratch(texts) }

    // MARK: Parts

    @inline(__always)
    private func textNumber(_ id: Int, _ version: Int) -> Int {
        Int(truncatingIfNeeded: mixed(id) >> 8 &+ UInt64(truncatingIfNeeded: version)) & 63
    }

    @inline(__always)
    private func stamps(of id: Int) -> (UInt64, UInt64) {
        let mixed = mixed(id)
        // Kept to seven bits a byte, so that values are text.
        return (mixed & 0x3F3F_3F3F_3F3F_3F3F | 0x4040_4040_4040_4040, (mixed >> 5) & 0x3F3F_3F3F_3F3F_3F3F)
    }

    @inline(__always)
    private func storeStamps(of id: Int, length: Int, _ base: UnsafeMutableRawPointer) {
        let stamps = stamps(of: id)
        base.storeBytes(of: stamps.0, as: UInt64.self)
        (base + length - 8).storeBytes(of: stamps.1, as: UInt64.self)
    }

    @inline(__always)
    private func mixed(_ id: Int) -> UInt64 { SplitMix64.mix(UInt64(truncatingIfNeeded: id) &* 0x9E37_79B9_7F4A_7C15) }

    private static func writeHex(_ value: UInt64, to target: UnsafeMutableRawPointer) {
        for digit in 0..<16 {
            let nibble = UInt8(truncatingIfNeeded: value >> UInt64(60 - digit * 4)) & 15
            target.storeBytes(of: nibble < 10 ? 48 + nibble : 87 + nibble, toByteOffset: digit, as: UInt8.self)
        }
    }

    /// Prose in fields, as a structured summary is: words by their rank, names of fields in between.
    private static func text(_ generator: inout SplitMix64, length: Int) -> [UInt8] {
        let syllables = [
            "con", "ver", "sa", "tion", "mo", "del", "re", "quest", "ing", "data", "er", "ly", "pro", "gram", "code",
            "ta",
            "ble", "sum", "ma", "ry", "use", "help", "with", "er", "ror", "file", "in", "out", "put", "test", "the",
            "and",
        ]
        let words = (0..<2_000).map { _ in
            (0...Int(generator.next() % 3)).map { _ in syllables[Int(generator.next() % 32)] }.joined()
        }
        let fields = [
            "\",\"task\":\"", "\",\"request\":\"", "\",\"languages\":[\"", "\"],\"summary\":\"", "\",\"concerns\":\"",
        ]
        var bytes: [UInt8] = []
        while bytes.count < length {
            if generator.next() % 24 == 0 { bytes += Array(fields[Int(generator.next() % 5)].utf8) }
            // Zipf's law, roughly: squaring a uniform draw makes low ranks frequent.
            let draw = Double(generator.next() >> 11) / Double(1 << 53)
            bytes += Array(words[Int(draw * draw * 2_000)].utf8) + [32]
        }
        return Array(bytes.prefix(length))
    }
}

/// Texts that values are cut from, changed in place for the moment of use; one thread's own.
final class ValueScratch {
    let bases: [UnsafeMutableRawPointer]

    init(_ texts: [[UInt8]]) {
        bases = texts.map { text in
            let base = UnsafeMutableRawPointer.allocate(byteCount: text.count, alignment: 64)
            text.withUnsafeBytes {
                base.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(base), byteCount: text.count)
            }
            return base
        }
    }

    deinit { for base in bases { base.deallocate() } }
}

/// Ranks with Zipf's distribution (Gray et al., "Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994),
/// scattered over the ids so that neighbours in rank are none in place.
struct Zipf: Sendable {
    private let count: Int
    private let theta: Double
    private let zeta: Double
    private let alpha: Double
    private let eta: Double

    init(count: Int, theta: Double = 0.99) {
        self.count = count
        self.theta = theta
        var sum = 0.0
        for rank in 1...count { sum += 1 / pow(Double(rank), theta) }
        zeta = sum
        alpha = 1 / (1 - theta)
        eta = (1 - pow(2 / Double(count), 1 - theta)) / (1 - (1 + pow(0.5, theta)) / sum)
    }

    func draw(_ generator: inout SplitMix64) -> Int {
        let unit = generator.nextUnit()
        let scaled = unit * zeta
        let rank: Int
        if scaled < 1 {
            rank = 0
        } else if scaled < 1 + pow(0.5, theta) {
            rank = 1
        } else {
            rank = min(count - 1, Int(Double(count) * pow(eta * unit - eta + 1, alpha)))
        }
        return Int(truncatingIfNeeded: SplitMix64.mix(UInt64(rank) &+ 77) % UInt64(count))
    }
}
