/// A value that tells which key and which version it belongs to: number and length of it stand in front, and all bytes
/// behind them follow from key and number.
enum TellingValue {
    /// No value is shorter, but for one of no bytes, which tells nothing.
    static let headLength = 16

    static func key(_ number: Int) -> String { "key \(number)" }

    static func bytes(key: Int, number: UInt64, length: Int) -> [UInt8] {
        guard length >= headLength else { return [] }
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            let bytes = UnsafeMutableRawBufferPointer(buffer)
            bytes.storeBytes(of: number, as: UInt64.self)
            bytes.storeBytes(of: UInt64(length), toByteOffset: 8, as: UInt64.self)
            var word = first(key, number)
            var offset = headLength
            while offset + 8 <= length {
                bytes.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
                word &+= step
                offset += 8
            }
            while offset < length {
                bytes[offset] = UInt8(truncatingIfNeeded: word)
                word >>= 8
                offset += 1
            }
            count = length
        }
    }

    /// The number of the version, zero for one that tells none; nil if a byte is wrong.
    static func number(of value: RawSpan, key: Int) -> UInt64? {
        value.withUnsafeBytes { bytes -> UInt64? in
            if bytes.isEmpty { return 0 }
            guard bytes.count >= headLength else { return nil }
            let number = bytes.loadUnaligned(as: UInt64.self)
            guard bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == UInt64(bytes.count) else { return nil }
            var word = first(key, number)
            var offset = headLength
            while offset + 8 <= bytes.count {
                guard bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) == word else { return nil }
                word &+= step
                offset += 8
            }
            while offset < bytes.count {
                guard bytes[offset] == UInt8(truncatingIfNeeded: word) else { return nil }
                word >>= 8
                offset += 1
            }
            return number
        }
    }

    private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    private static func first(_ key: Int, _ number: UInt64) -> UInt64 {
        (UInt64(truncatingIfNeeded: key) &* 0xBF58_476D_1CE4_E5B9) ^ (number &* 0x94D0_49BB_1331_11EB)
    }
}
