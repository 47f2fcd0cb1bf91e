internal import Granary

/// The body of an object: a `StoredValue`, behind the key where the object's name holds only its digest.
///
///     name with the key         StoredValue
///     name with a digest
///     0  "GRK1"                 (4)
///     4  length of the key      (4, little-endian)
///     8  key
///        StoredValue
enum ObjectBody {
    private static let magic = Array("GRK1".utf8)
    private static let keyStart = 8
    /// Bytes of a key.
    static let longestKey = 65_535
    /// Bytes that a body can have before its `StoredValue`.
    static let longestStart = keyStart + longestKey

    static func encode(_ value: StoredValue, key: String, name: ObjectName) -> [UInt8] {
        let frame = value.encoded(forKey: key)
        guard case .digest = name else { return frame }
        let length = UInt32(key.utf8.count)
        return magic + (0..<4).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + Array(key.utf8) + frame
    }

    /// The value; nil for anything but what `encode` made for that key.
    static func decode(_ bytes: [UInt8], key: String, name: ObjectName) -> StoredValue? {
        guard case .digest = name else { return StoredValue(decoding: bytes, forKey: key) }
        guard let found = self.key(bytes), found.utf8.elementsEqual(key.utf8) else { return nil }
        return StoredValue(decoding: Array(bytes.dropFirst(keyStart + key.utf8.count)), forKey: key)
    }

    /// The key at the beginning of the body of an object whose name is a digest; nil if there is none.
    static func key(_ bytes: [UInt8]) -> String? {
        guard bytes.count >= keyStart, bytes.starts(with: magic) else { return nil }
        let length = bytes[4..<keyStart].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard (1...longestKey).contains(length), bytes.count >= keyStart + length else { return nil }
        return String(validating: bytes[keyStart..<(keyStart + length)], as: UTF8.self)
    }
}
