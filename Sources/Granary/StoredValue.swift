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
    private static let magic: [UInt8] = Array("GRV1".utf8)
    private static let checkedLength = 16

    /// A value that ends at the moment; nil: never.
    public init(_ value: CacheValue, expiry: UInt64? = nil) {
        self.value = value
        self.expiry = expiry
    }

    /// The bytes to store under the key.
    public func encoded(forKey key: String) -> [UInt8] {
        var bytes = Self.magic + [value.coding.rawValue, 0, 0, 0]
        bytes.reserveCapacity(Self.headerLength + value.bytes.count)
        // 0 says never, and no clock shows it.
        Self.append(expiry.map { max($0, 1) } ?? 0, to: &bytes)
        Self.append(Self.checksum(bytes[...], key: key, value: value.bytes[...]), to: &bytes)
        bytes += value.bytes
        return bytes
    }

    /// The value in bytes that were found under the key; nil for anything but what `encoded(forKey:)` made for that key.
    public init?(decoding bytes: [UInt8], forKey key: String) {
        guard bytes.count >= Self.headerLength, bytes.starts(with: Self.magic), bytes[5..<8] == [0, 0, 0] else {
            return nil
        }
        let content = bytes[Self.headerLength...]
        let checksum = Self.checksum(bytes[..<Self.checkedLength], key: key, value: content)
        guard checksum == Self.integer(bytes[Self.checkedLength..<Self.headerLength]) else { return nil }
        let expiry = Self.integer(bytes[8..<16])
        value = CacheValue(Array(content), coding: ValueCoding(rawValue: bytes[4]))
        self.expiry = expiry == 0 ? nil : expiry
    }

    /// Whether it has ended at the moment, in milliseconds since 1970.
    public func hasEnded(at now: UInt64) -> Bool { expiry.map { $0 <= now } ?? false }

    private static func checksum(_ header: ArraySlice<UInt8>, key: String, value: ArraySlice<UInt8>) -> UInt64 {
        let seed = (header + Array(key.utf8)).withUnsafeBytes { granary_xxh3_seeded($0.baseAddress, UInt($0.count), 0) }
        return value.withUnsafeBytes { granary_xxh3_seeded($0.baseAddress, UInt($0.count), seed) }
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }

    private static func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
