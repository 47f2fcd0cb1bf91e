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
    /// The same record with its value as the codec stores it.
    func storing(_ stored: UnsafeRawBufferPointer, _ codec: RecordCodec) -> Draft {
        var draft = Draft(self, value: stored)
        draft.header.storedLength = stored.count
        draft.header.codec = codec
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
