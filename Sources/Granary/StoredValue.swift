internal import CXXHash

/// A value as strategies keep it in places that know bytes only: with its coding, its expiry, and a checksum over all of
/// it and its key.
///
///     0  "GRV1"                                        (4)
///     4  coding                                        (1)
///     5  zero                                          (3)
///     8  expiry, milliseconds since 1970; 0: never     (8)
///    16  XXH3-64 of the value, seeded with the XXH3-64
///        of bytes 0..<16 and the key's UTF-8           (8)
///    24  value
///
/// Numbers are little-endian. The key is in the checksum, so that a value that lies under another key is refused like one
/// with a bit flipped. XXH3 finds damage and mistakes; it is no defence against who writes values on purpose.
///
/// Source of the hash: <https://github.com/Cyan4973/xxHash>, specification `doc/xxhash_spec.md`.
public struct StoredValue: Sendable, Hashable {
    /// The value.
    public var value: CacheValue
    /// When it ends, in milliseconds since 1970; nil: never.
    public var expiry: UInt64?

    /// Bytes before those of the value.
    public static let headerLength = 24
    /// "GRV1", as a number of four bytes.
    private static let magic: UInt32 = 0x3156_5247
    private static let checkedLength = 16

    /// A value that ends at the moment; nil: never.
    public init(_ value: CacheValue, expiry: UInt64? = nil) {
        self.value = value
        self.expiry = expiry
    }

    /// The bytes to store under the key.
    public func encoded(forKey key: String) -> [UInt8] {
        let length = Self.headerLength + value.bytes.count
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            bytes.storeBytes(of: Self.magic.littleEndian, as: UInt32.self)
            bytes.storeBytes(of: UInt32(value.coding.rawValue).littleEndian, toByteOffset: 4, as: UInt32.self)
            // 0 says never, and no clock shows it.
            let expiry = expiry.map { max($0, 1) } ?? 0
            bytes.storeBytes(of: expiry.littleEndian, toByteOffset: 8, as: UInt64.self)
            value.bytes.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: bytes[Self.headerLength...]).copyMemory(from: $0)
            }
            let checksum = Self.checksum(UnsafeRawBufferPointer(bytes), key: key)
            bytes.storeBytes(of: checksum.littleEndian, toByteOffset: Self.checkedLength, as: UInt64.self)
            count = length
        }
    }

    /// The value in bytes that were found under the key; nil for anything but what `encoded(forKey:)` made for that key.
    /// Bytes that nobody else has are not copied.
    public init?(decoding bytes: consuming [UInt8], forKey key: String) {
        guard let (coding, expiry) = bytes.withUnsafeBytes({ Self.header(of: $0, key) }) else { return nil }
        bytes.removeFirst(Self.headerLength)
        value = CacheValue(bytes, coding: coding)
        self.expiry = expiry
    }

    /// What the header says, if it is one and all that it vouches for is as it was.
    private static func header(
        of bytes: UnsafeRawBufferPointer,
        _ key: String
    ) -> (coding: ValueCoding, expiry: UInt64?)? {
        guard bytes.count >= headerLength, number(bytes, at: 0, UInt32.self) == magic else { return nil }
        // One byte, and three that are zero.
        guard let coding = UInt8(exactly: number(bytes, at: 4, UInt32.self)),
            checksum(bytes, key: key) == number(bytes, at: checkedLength, UInt64.self)
        else { return nil }
        let expiry = number(bytes, at: 8, UInt64.self)
        return (ValueCoding(rawValue: coding), expiry == 0 ? nil : expiry)
    }

    /// Whether it has ended at the moment, in milliseconds since 1970.
    public func hasEnded(at now: UInt64) -> Bool { expiry.map { $0 <= now } ?? false }

    /// Of the header's beginning, the key, and what is behind the header.
    private static func checksum(_ bytes: UnsafeRawBufferPointer, key: String) -> UInt64 {
        var key = key
        let seed = key.withUTF8 { key in
            withUnsafeTemporaryAllocation(byteCount: checkedLength + key.count, alignment: 8) { checked in
                checked.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<checkedLength]))
                UnsafeMutableRawBufferPointer(rebasing: checked[checkedLength...])
                    .copyMemory(from: UnsafeRawBufferPointer(key))
                return granary_xxh3_seeded(checked.baseAddress, UInt(checked.count), 0)
            }
        }
        let value = UnsafeRawBufferPointer(rebasing: bytes[headerLength...])
        return granary_xxh3_seeded(value.baseAddress, UInt(value.count), seed)
    }

    private static func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int,
        _ type: Number.Type
    ) -> Number {
        Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }
}
