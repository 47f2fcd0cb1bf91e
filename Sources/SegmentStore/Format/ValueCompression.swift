import CLZ4
import Synchronization

/// A value as a codec other than raw stores it.
struct CompressedValue {
    let bytes: [UInt8]
    let codec: RecordCodec
}

/// Values to and from the form they are stored in, by liblz4 (github.com/lz4/lz4).
enum ValueCompression {
    /// Longer values hardly point back to the dictionary, and high compression takes 40 ms a MiB.
    static let longestCompact = 64 << 10

    /// Compresses the value where that is wanted and saves space; returns nil where it is to be stored as it is.
    static func compressed(
        _ value: UnsafeRawBufferPointer,
        _ compression: StoreOptions.Compression
    ) -> CompressedValue? {
        switch compression {
        case .none: nil
        case .compactLZ4(let minimumLength) where value.count > longestCompact:
            compressed(value, .lz4(minimumLength: minimumLength))
        case .lz4(let minimumLength):
            compressed(value, .lz4, from: minimumLength) { source, target, room in
                LZ4_compress_default(source, target, CInt(value.count), room)
            }
        case .compactLZ4(let minimumLength):
            compressed(value, .compactLZ4, from: minimumLength) { source, target, room in
                CompactStream.compress(source, CInt(value.count), into: target, room)
            }
        }
    }

    private static func compressed(
        _ value: UnsafeRawBufferPointer,
        _ codec: RecordCodec,
        from minimumLength: Int,
        _ compress: (UnsafePointer<CChar>, UnsafeMutablePointer<CChar>, CInt) -> CInt
    ) -> CompressedValue? {
        // One byte less than the value, or it would save nothing; LZ4 stops where the room ends.
        let room = value.count - 1
        guard value.count >= minimumLength, room > 0, let source = value.baseAddress else { return nil }
        let bytes = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            guard let target = buffer.baseAddress else { return }
            let written = compress(
                source.assumingMemoryBound(to: CChar.self),
                UnsafeMutableRawPointer(target).assumingMemoryBound(to: CChar.self),
                CInt(room)
            )
            count = max(0, Int(written))
        }
        return bytes.isEmpty ? nil : CompressedValue(bytes: bytes, codec: codec)
    }

    /// The value of a record that is stored compressed; nil if the bytes don't decode to the length that the record states.
    @inline(never)
    static func decompressed(_ record: RecordView) -> [UInt8]? {
        guard let codec = RecordCodec(rawValue: record.codecByte) else { return nil }
        return decompressed(record.storedValue, codec, rawLength: record.rawLength)
    }

    static func decompressed(_ stored: UnsafeRawBufferPointer, _ codec: RecordCodec, rawLength: Int) -> [UInt8]? {
        // LZ4 cannot expand more than 255 times: a length beyond that is forged, and nothing is allocated for it.
        guard codec != .raw, let source = stored.baseAddress, rawLength <= Format.maximumValueLength,
            rawLength / 255 <= stored.count
        else { return nil }
        let dictionary = codec == .compactLZ4 ? TextDictionary.bytes : UnsafeRawBufferPointer(start: nil, count: 0)
        var isWhole = false
        let value = [UInt8](unsafeUninitializedCapacity: rawLength) { buffer, count in
            guard let target = buffer.baseAddress else { return }
            let written = LZ4_decompress_safe_usingDict(
                source.assumingMemoryBound(to: CChar.self),
                UnsafeMutableRawPointer(target).assumingMemoryBound(to: CChar.self),
                CInt(stored.count),
                CInt(rawLength),
                dictionary.baseAddress?.assumingMemoryBound(to: CChar.self),
                CInt(dictionary.count)
            )
            isWhole = Int(written) == rawLength
            count = isWhole ? rawLength : 0
        }
        return isWhole ? value : nil
    }
}

/// What LZ4's high compression works with: a quarter of a MiB, too much to be made for every value.
private struct CompactStream: @unchecked Sendable {
    /// As many are kept as are used at the same time, up to so many: their addresses, zero in a free place. Without a lock:
    /// a child that was forked while somebody held one could never have it.
    private static let kept = InlineArray<8, Atomic<UInt>> { _ in Atomic(0) }

    /// One that has read the dictionary and nothing else. Reading it takes longer than compressing a short value, and
    /// copying it does not: what it holds are positions and where the dictionary lies, nothing of where it lies itself.
    private static let prepared = CompactStream().map { stream in
        let dictionary = TextDictionary.bytes
        LZ4_resetStreamHC_fast(stream.memory, LZ4HC_CLEVEL_DEFAULT)
        LZ4_loadDictHC(
            stream.memory,
            dictionary.baseAddress?.assumingMemoryBound(to: CChar.self),
            CInt(dictionary.count)
        )
        return stream
    }

    // Sound: whoever has taken it out of `kept` is alone with it, and nobody changes `prepared`.
    private let memory: UnsafeMutablePointer<LZ4_streamHC_t>

    private init?() {
        guard let memory = LZ4_createStreamHC() else { return nil }
        self.memory = memory
    }

    /// Returns the bytes written; 0 if the room is too small, or memory could not be had.
    static func compress(
        _ source: UnsafePointer<CChar>,
        _ count: CInt,
        into target: UnsafeMutablePointer<CChar>,
        _ room: CInt
    ) -> CInt {
        guard let prepared, let taken = take() else { return 0 }
        defer { taken.giveBack() }
        taken.memory.update(from: prepared.memory, count: 1)
        return LZ4_compress_HC_continue(taken.memory, source, target, count, room)
    }

    private init(_ memory: UnsafeMutablePointer<LZ4_streamHC_t>) { self.memory = memory }

    private static func take() -> CompactStream? {
        for place in kept.indices {
            let address = kept[place].exchange(0, ordering: .acquiringAndReleasing)
            if let memory = UnsafeMutablePointer<LZ4_streamHC_t>(bitPattern: address) { return CompactStream(memory) }
        }
        return CompactStream()
    }

    private func giveBack() {
        for place in Self.kept.indices {
            let (isKept, _) = Self.kept[place].compareExchange(
                expected: 0,
                desired: UInt(bitPattern: memory),
                ordering: .acquiringAndReleasing
            )
            if isKept { return }
        }
        LZ4_freeStreamHC(memory)
    }
}
