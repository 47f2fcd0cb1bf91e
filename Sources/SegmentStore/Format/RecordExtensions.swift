/// The optional parts of a record, between its header and its key.
///
///     type (1), length of the bytes (2), bytes …; zeros up to a multiple of 8 in all
///
/// A type of zero ends the list; a reader skips the types it does not know.
package struct RecordExtensions: Sendable, Equatable {
    /// 1 to 255 bytes that the caller groups records by.
    package var tag: [UInt8]?
    /// Of a tombstone or a clear: the highest segment number when it was first written.
    package var horizon: UInt64?

    package init(tag: [UInt8]? = nil, horizon: UInt64? = nil) {
        self.tag = tag
        self.horizon = horizon
    }

    private enum Kind {
        static let end: UInt8 = 0
        static let tag: UInt8 = 1
        static let horizon: UInt8 = 2
        // 3 (dictionary), 4 (nonce) and 5 (chunk) are reserved.
    }
    private static let partHeaderLength = 3

    /// The bytes as they lie in a record; empty if there is nothing to say.
    package func encoded() -> [UInt8] {
        guard tag != nil || horizon != nil else { return [] }
        var bytes: [UInt8] = []
        if let tag { bytes.append(part: Kind.tag, tag) }
        if let horizon {
            var number = [UInt8](repeating: 0, count: 8)
            number.put(horizon, at: 0)
            bytes.append(part: Kind.horizon, number)
        }
        bytes.append(contentsOf: repeatElement(0, count: Format.aligned(bytes.count) - bytes.count))
        return bytes
    }

    /// Reads the parts; nil if they don't fit into the bytes.
    package init?(decoding bytes: UnsafeRawBufferPointer) {
        var position = 0
        while position < bytes.count, bytes[position] != Kind.end {
            guard position + Self.partHeaderLength <= bytes.count else { return nil }
            let kind = bytes[position]
            let count = Int(bytes[position + 1]) | Int(bytes[position + 2]) << 8
            let start = position + Self.partHeaderLength
            guard start + count <= bytes.count else { return nil }
            let part = UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
            switch kind {
            case Kind.tag: tag = Array(part)
            case Kind.horizon:
                guard count == 8 else { return nil }
                horizon = UInt64(littleEndian: part.loadUnaligned(as: UInt64.self))
            default: break
            }
            position = start + count
        }
    }

    /// The 32 bits of a tag that stand in the record's header; never zero.
    package static func tagHash(_ tag: [UInt8]?) -> UInt32 {
        guard let tag else { return 0 }
        let hash = UInt32(truncatingIfNeeded: XXH3.hash(tag))
        return hash == 0 ? 1 : hash
    }
}

extension [UInt8] {
    fileprivate mutating func append(part kind: UInt8, _ bytes: [UInt8]) {
        append(kind)
        append(UInt8(truncatingIfNeeded: bytes.count))
        append(UInt8(truncatingIfNeeded: bytes.count >> 8))
        append(contentsOf: bytes)
    }
}
