import CLinux
import Synchronization

/// A record where it lies: typed access to its fields and bytes.
///
/// The view trusts `length`, which whoever makes one has checked to lie inside the mapping; everything else is checked
/// by `layoutHolds` before an offset derived from the record's own fields is used.
package struct RecordView {
    package let base: UnsafeRawPointer
    /// Bytes of the record as its frame states them.
    package let length: Int

    @inline(__always)
    package init(base: UnsafeRawPointer, length: Int) {
        self.base = base
        self.length = length
    }

    /// The length that the record at the address states, whatever it is.
    @inline(__always)
    package static func statedLength(_ base: UnsafeRawPointer) -> Int {
        Frame.length(of: base.load(as: UInt64.self))
    }

    @inline(__always) package var frame: UInt64 { load(0) }
    @inline(__always) package var checksum: UInt64 { load(8) }
    @inline(__always) package var sequence: UInt64 { load(16) }
    @inline(__always) package var expiry: UInt64 { load(24) }
    @inline(__always) package var created: UInt32 { load(32) }
    @inline(__always) package var tagHash: UInt32 { load(36) }
    @inline(__always) package var storedLength: Int { Int(load(40) as UInt32) }
    @inline(__always) package var rawLength: Int { Int(load(44) as UInt32) }
    @inline(__always) package var keyLength: Int { Int(load(48) as UInt16) }
    @inline(__always) package var kindByte: UInt8 { load(50) }
    @inline(__always) package var codecByte: UInt8 { load(51) }
    @inline(__always) package var flags: UInt16 { load(52) }
    @inline(__always) package var extensionLength: Int { Int(load(54) as UInt8) * Format.unit }
    @inline(__always) package var callerByte: UInt8 { load(55) }

    /// The value is stored as it is.
    @inline(__always) package var isRaw: Bool { codecByte == RecordCodec.raw.rawValue }

    @inline(__always) package var extensions: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + Format.recordHeaderLength, count: extensionLength)
    }
    @inline(__always) package var key: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + Format.recordHeaderLength + extensionLength, count: keyLength)
    }
    @inline(__always) package var storedValue: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: base + Format.recordHeaderLength + extensionLength + keyLength,
            count: storedLength
        )
    }

    /// The decoder's invariant: the parts add up to the frame's length. Nothing of the record is trusted before.
    @inline(__always)
    package var layoutHolds: Bool {
        Format.aligned(Format.recordHeaderLength + extensionLength + keyLength + storedLength) == length
    }

    /// True for a value that is stored as it is, by the rules of `isUnderstood`: what most reads find.
    @inline(__always)
    package var isUnderstoodRawPut: Bool {
        // Kind, codec and the flags that must be understood lie in one word, and are zero.
        let nature: UInt64 = load(48)
        return nature & 0xFF00_FFFF_0000 == 0 && rawLength == storedLength && rawLength <= Format.maximumValueLength
            && keyLength > 0 && sequence <= Format.highestNumber
    }

    /// The rules that a record must keep beyond its checksum for this version to know what it does to its key.
    package var isUnderstood: Bool {
        // The high byte of the flags must be understood, and this version knows none of them.
        guard flags >> 8 == 0, sequence <= Format.highestNumber, let kind = RecordKind(rawValue: kindByte) else {
            return false
        }
        switch kind {
        case .put:
            guard keyLength > 0, rawLength <= Format.maximumValueLength else { return false }
            // What a newer version's codec makes of lengths is not known, nor its value; but whose value it is.
            guard hasKnownCodec else { return true }
            return isRaw ? rawLength == storedLength : storedLength < rawLength
        case .delete: return keyLength > 0 && storedLength == 0
        case .clear: return keyLength == 0 && storedLength == 0
        case .void: return true
        }
    }

    package var hasKnownCodec: Bool { RecordCodec(rawValue: codecByte) != nil }

    /// True for any value that this version can decode.
    package var isUnderstoodPut: Bool { isUnderstood && kindByte == RecordKind.put.rawValue && hasKnownCodec }

    /// The hash of everything behind the sequence.
    @inline(__always)
    package var bodyHash: UInt64 {
        XXH3.hash(base + RecordChecksum.bodyOffset, count: length - RecordChecksum.bodyOffset)
    }

    @inline(__always)
    package func checksumHolds(salt: UInt64) -> Bool { checksumHolds(salt: salt, body: bodyHash) }

    @inline(__always)
    package func checksumHolds(salt: UInt64, body: UInt64) -> Bool {
        checksum == RecordChecksum.combine(body: body, frame: frame, sequence: sequence, salt: salt)
    }

    @inline(__always)
    package func hasKey(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let key = keyWithin, key.count == bytes.count else { return false }
        guard let left = key.baseAddress, let right = bytes.baseAddress else { return true }
        return granary_equal_bytes(left, right, UInt(bytes.count))
    }

    /// The key, if it lies inside the record; its lengths are read once, so that it does whatever another process stores
    /// there meanwhile.
    @inline(__always)
    package var keyWithin: UnsafeRawBufferPointer? {
        let lengths: UInt64 = load(48)
        let start = Format.recordHeaderLength + Int(lengths >> 48 & 0xFF) * Format.unit
        let count = Int(lengths & 0xFFFF)
        guard start + count <= length else { return nil }
        return UnsafeRawBufferPointer(start: base + start, count: count)
    }

    @inline(__always)
    private func load<Value: BitwiseCopyable>(_ offset: Int) -> Value {
        base.load(fromByteOffset: offset, as: Value.self)
    }
}

/// Writing a record into memory that a reservation owns.
package struct RecordWriter {
    package let base: UnsafeMutableRawPointer

    package init(base: UnsafeMutableRawPointer) {
        self.base = base
    }

    /// Stores the frame so that whoever sees it, after a crash too, can step over the record.
    @inline(__always)
    package func storeFrame(_ word: UInt64) {
        base.assumingMemoryBound(to: Atomic<UInt64>.self).pointee.store(word, ordering: .releasing)
    }

    /// Makes the record one that is not written yet, before its frame says that it is there.
    @inline(__always)
    package func clearChecksum() { store(UInt64(0), 8) }

    /// Writes everything behind the sequence; returns its hash.
    @inline(__always)
    package func storeBody(
        _ header: RecordHeader,
        extensions: [UInt8],
        key: UnsafeRawBufferPointer,
        value: UnsafeRawBufferPointer
    ) -> UInt64 {
        let length = header.recordLength
        store(header.expiry, 24)
        store(header.created, 32)
        store(header.tagHash, 36)
        store(UInt32(truncatingIfNeeded: header.storedLength), 40)
        store(UInt32(truncatingIfNeeded: header.rawLength), 44)
        store(UInt16(truncatingIfNeeded: header.keyLength), 48)
        store(header.kind.rawValue, 50)
        store(header.codec.rawValue, 51)
        store(header.flags, 52)
        store(UInt8(truncatingIfNeeded: header.extensionLength / Format.unit), 54)
        store(header.callerByte, 55)
        // The last word first: what the parts do not cover of it is the padding.
        if length > Format.recordHeaderLength { store(UInt64(0), length - 8) }
        var position = Format.recordHeaderLength
        if !extensions.isEmpty {
            extensions.withUnsafeBytes { copy($0, to: position) }
            position += extensions.count
        }
        copy(key, to: position)
        copy(value, to: position + key.count)
        return XXH3.hash(base + RecordChecksum.bodyOffset, count: length - RecordChecksum.bodyOffset)
    }

    /// Makes the record whole: sequence, then the checksum, which a reader of the file takes for the end of the write.
    @inline(__always)
    package func finish(body: UInt64, frame: UInt64, sequence: UInt64, salt: UInt64) {
        store(sequence, 16)
        let checksum = RecordChecksum.combine(body: body, frame: frame, sequence: sequence, salt: salt)
        (base + 8).assumingMemoryBound(to: Atomic<UInt64>.self).pointee.store(checksum, ordering: .releasing)
    }

    /// Copies what another record has behind its sequence.
    package func copyBody(of record: RecordView) {
        (base + RecordChecksum.bodyOffset).copyMemory(
            from: record.base + RecordChecksum.bodyOffset,
            byteCount: record.length - RecordChecksum.bodyOffset
        )
    }

    @inline(__always)
    private func store<Value: BitwiseCopyable>(_ value: Value, _ offset: Int) {
        base.storeBytes(of: value, toByteOffset: offset, as: Value.self)
    }

    @inline(__always)
    private func copy(_ bytes: UnsafeRawBufferPointer, to offset: Int) {
        guard let source = bytes.baseAddress else { return }
        (base + offset).copyMemory(from: source, byteCount: bytes.count)
    }
}
