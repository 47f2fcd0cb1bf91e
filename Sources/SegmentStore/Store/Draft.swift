import CLZ4
import Glibc

/// A record on its way into the log: everything but its place and its sequence.
///
/// The buffers are the caller's, lent for the duration of the call.
struct Draft {
    var header: RecordHeader
    var extensions: [UInt8]
    let key: UnsafeRawBufferPointer
    let value: UnsafeRawBufferPointer
    let hash: UInt64

    @inline(__always) var shard: Int { Index.shard(of: hash) }
    @inline(__always) var length: Int { header.recordLength }

    /// A record of the kind, with the value stored as it is given.
    init(
        _ kind: RecordKind,
        key: UnsafeRawBufferPointer,
        hash: UInt64,
        value: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        extensions: RecordExtensions = RecordExtensions(),
        created: UInt64
    ) {
        self.key = key
        self.hash = hash
        self.value = value
        self.extensions = extensions.encoded()
        header = RecordHeader()
        header.kind = kind
        header.keyLength = key.count
        header.storedLength = value.count
        header.rawLength = value.count
        header.extensionLength = self.extensions.count
        header.created = UInt32(truncatingIfNeeded: created / 1_000)
        header.tagHash = RecordExtensions.tagHash(extensions.tag)
    }
}

extension Draft {
    /// The same record with its value compressed with LZ4.
    func storing(_ stored: UnsafeRawBufferPointer) -> Draft {
        var draft = Draft(self, value: stored)
        draft.header.storedLength = stored.count
        draft.header.codec = .lz4
        return draft
    }

    private init(_ other: Draft, value: UnsafeRawBufferPointer) {
        header = other.header
        extensions = other.extensions
        key = other.key
        hash = other.hash
        self.value = value
    }
}

/// Values in the form they are stored in.
enum ValueEncoder {
    /// Compresses the value where that is wanted and saves space; returns nil where it is to be stored as it is.
    static func compressed(_ value: UnsafeRawBufferPointer, _ compression: StoreOptions.Compression) -> [UInt8]? {
        guard case .lz4(let minimumLength) = compression, value.count >= max(1, minimumLength),
            let source = value.baseAddress
        else { return nil }
        // One byte less than the value, or it would save nothing; LZ4 stops where the room ends.
        let room = value.count - 1
        guard room > 0 else { return nil }
        let bytes = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            guard let target = buffer.baseAddress else { return }
            let written = LZ4_compress_default(
                source.assumingMemoryBound(to: CChar.self),
                UnsafeMutableRawPointer(target).assumingMemoryBound(to: CChar.self),
                CInt(value.count),
                CInt(room)
            )
            count = max(0, Int(written))
        }
        return bytes.isEmpty ? nil : bytes
    }
}
