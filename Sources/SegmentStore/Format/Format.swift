/// The constants of the format, version 1. Nothing outside this folder knows an offset.
///
///     segment file (its length, the capacity, never changes)
///     ┌──────────┬──────────┬────────────────────┬────── hole ──────┬─────────────┬─────────┐
///     │ header   │ header   │ records, 8-aligned │ free, or punched │ footer rows │ trailer │
///     │ 0 … 256  │ 512 …    │ 1,024 …            │ once sealed      │             │ 64 B    │
///     └──────────┴──────────┴────────────────────┴──────────────────┴─────────────┴─────────┘
///
/// All numbers are little-endian; the engine runs on 64-bit little-endian machines only.
package enum Format {
    /// "GRANSEG1" as its bytes lie in the file.
    package static let magic: UInt64 = 0x3147_4553_4E41_5247
    package static let major: UInt16 = 1
    package static let minor: UInt16 = 0

    package static let headerLength = 256
    /// The copies lie in different sectors, so that one torn sector leaves the other.
    package static let headerOffsets = [0, 512]
    package static let recordsStart = 1_024

    package static let recordHeaderLength = 56
    package static let alignment = 8
    /// The unit of lengths and offsets that the index and the frames store.
    package static let unit = 8

    package static let footerRowLength = 40
    package static let footerTrailerLength = 64

    package static let keyLengthRange = 1...65_535
    /// One GiB: lengths are stored in 32 bits, and a value is copied at least once in memory.
    package static let maximumValueLength = 1 << 30
    package static let maximumTagLength = 255
    package static let maximumExtensionLength = 2_040

    /// The smallest segment and, without a size limit, the first.
    package static let smallestSegment = 1 << 20
    /// Large enough that headers and footers cost nothing, small enough to seal in milliseconds.
    package static let largestSegment = 64 << 20

    /// Segment numbers and sequences stay below: counting there one by one takes longer than any disk lasts, and a
    /// forged number cannot make the next one overflow.
    package static let highestNumber: UInt64 = 1 << 62
    /// What a header may state at most, so far below that counting on from there never arrives.
    package static let highestHeaderNumber: UInt64 = 1 << 60
    /// Sequences given while a segment takes records, at most; years of writing without a pause use a part of half.
    package static let sequenceSpan: UInt64 = 1 << 48
    /// What a file's name may state at most; no honest one comes near.
    package static let highestNamedNumber: UInt64 = 1 << 48
    /// Records begin below: an index entry has 27 bits for the offset in units of 8 bytes.
    package static let offsetLimit = 1 << 30

    /// The largest capacity a header may state: room for the largest record in a segment of its own, rounded up.
    package static let maximumCapacity = maximumValueLength + (1 << 20)

    @inline(__always)
    package static func aligned(_ count: Int) -> Int {
        (count + (alignment - 1)) & ~(alignment - 1)
    }

    /// The unit in which files get their blocks, and in which segments of a single record are made.
    static let page = 4_096

    static func wholePages(_ count: Int) -> Int { (count + (page - 1)) & ~(page - 1) }
}

/// Integers in bytes.
extension [UInt8] {
    mutating func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        withUnsafeMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self) }
    }
}

extension RawSpan {
    /// The integer at the offset, which the caller has checked to lie inside.
    @inline(__always)
    func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value {
        Value(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: type))
    }
}
