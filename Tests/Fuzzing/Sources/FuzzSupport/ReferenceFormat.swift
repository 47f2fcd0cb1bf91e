@testable package import SegmentStore

// What `docs/format.md` says, written a second time and as plainly as possible, to compare the engine with. Nothing
// here uses the engine but for XXH3.

/// Integers at any offset of bytes.
extension UnsafeRawBufferPointer {
    @inline(__always)
    package func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: Value.Type) -> Value {
        loadUnaligned(fromByteOffset: offset, as: type)
    }
    package func u64(_ offset: Int) -> UInt64 { integer(offset, as: UInt64.self) }
    package func u32(_ offset: Int) -> UInt32 { integer(offset, as: UInt32.self) }
    package func u16(_ offset: Int) -> UInt16 { integer(offset, as: UInt16.self) }
    package func part(_ start: Int, _ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[start..<start + count])
    }
}

/// A header as the format describes it.
package struct ReferenceHeader: Equatable {
    package var number: UInt64
    package var generation: UInt64
    package var low: UInt64
    package var high: UInt64
    package var seed: UInt64
    package var baseSequence: UInt64
    package var clearFloor: UInt64
    package var capacity: Int
    package var created: UInt64
    /// The file held another segment before.
    package var isReused: Bool
    package var isSpare: Bool

    package enum Copy {
        case valid(ReferenceHeader)
        case unsupported
        case unreadable
    }

    /// "GRANSEG1"
    package static let magic: UInt64 = 0x3147_4553_4E41_5247
    /// "SMGESPAR"
    package static let spare: UInt64 = 0x5241_5053_4547_4D53

    package static func copy(_ file: UnsafeRawBufferPointer, at offset: Int) -> Copy {
        guard file.count >= offset + 256 else { return .unreadable }
        let bytes = file.part(offset, 256)
        guard bytes.u64(0) == Self.magic, bytes.u64(240) == XXH3.hash(bytes.part(0, 240)) else {
            return .unreadable
        }
        if bytes.u16(8) != 1 || bytes.u32(96) != 0 { return .unsupported }
        guard bytes.u32(12) == 256, (1_088...(1 << 30) + (1 << 20)).contains(bytes.u64(80)), bytes[120] < 2,
            bytes.u64(16) <= 1 << 60, bytes.u64(64) <= 1 << 60,
            bytes.u64(72) <= bytes.u64(64)
        else { return .unreadable }
        return .valid(
            ReferenceHeader(
                number: bytes.u64(16),
                generation: bytes.u64(24),
                low: bytes.u64(32),
                high: bytes.u64(40),
                seed: bytes.u64(48),
                baseSequence: bytes.u64(64),
                clearFloor: bytes.u64(72),
                capacity: Int(bytes.u64(80)),
                created: bytes.u64(88),
                isReused: bytes.u32(100) & 1 != 0,
                isSpare: bytes.u64(248) == spare
            )
        )
    }

    /// What both copies say together; nil if neither can be read.
    package static func ruling(_ file: UnsafeRawBufferPointer) -> ReferenceHeader? {
        var best: ReferenceHeader?
        for offset in [0, 512] {
            guard case .valid(let header) = copy(file, at: offset) else { continue }
            if let known = best, known.number >= header.number {
                if known.number == header.number && header.isSpare { best?.isSpare = true }
            } else {
                best = header
            }
        }
        return best
    }

    package static func isValid(_ file: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        if case .valid = copy(file, at: offset) { true } else { false }
    }

    /// True if a copy is of a format that must not be touched.
    package static func isUnsupported(_ file: UnsafeRawBufferPointer) -> Bool {
        [0, 512].contains { offset in
            if case .unsupported = copy(file, at: offset) { return true }
            return false
        }
    }

    /// What a record may state as its sequence.
    package var highestSequence: UInt64 { baseSequence + (1 << 48) }

    package var salt: UInt64 {
        withUnsafeBytes(of: (number, generation)) { XXH3.hash($0) }
    }

    package func frameCheck(offset: Int, units: UInt32) -> UInt32 {
        withUnsafeBytes(of: (number, UInt64(offset), UInt64(units))) { bytes in
            UInt32(truncatingIfNeeded: XXH3.hash(bytes, seed: generation))
        }
    }
}

/// A whole record as the format describes it.
package struct ReferenceRecord {
    package var offset: Int
    package var length: Int
    package var sequence: UInt64
    package var expiry: UInt64
    package var created: UInt32
    package var tagHash: UInt32
    package var storedLength: Int
    package var rawLength: Int
    package var kind: UInt8
    package var codec: UInt8
    package var flags: UInt16
    package var callerByte: UInt8
    package var extensions: UnsafeRawBufferPointer
    package var key: UnsafeRawBufferPointer
    package var stored: UnsafeRawBufferPointer

    /// The length that the frame at the offset states, if the frame holds.
    package static func frameLength(
        _ file: UnsafeRawBufferPointer,
        at offset: Int,
        limit: Int,
        _ header: ReferenceHeader
    ) -> Int? {
        let units = file.u32(offset)
        let length = Int(units) * 8
        guard length >= 56, offset + length <= limit,
            file.u32(offset + 4) == header.frameCheck(offset: offset, units: units)
        else { return nil }
        return length
    }

    /// The record at the offset, if a whole one lies there.
    package init?(_ file: UnsafeRawBufferPointer, at offset: Int, limit: Int, _ header: ReferenceHeader, salt: UInt64) {
        guard let length = Self.frameLength(file, at: offset, limit: limit, header) else { return nil }
        self.init(file, at: offset, length: length, salt: salt)
    }

    /// The record that a read finds by the row, if a whole one lies there.
    ///
    /// Of its frame it takes the length: that the frame holds at this place is what a scan asks, and what `verify` does.
    package init?(_ file: UnsafeRawBufferPointer, foundBy row: FooterRow, _ header: ReferenceHeader, salt: UInt64) {
        let limit = min(file.count, header.capacity)
        guard row.offset + 56 <= limit else { return nil }
        let length = Int(file.u32(row.offset)) * 8
        guard length >= 56, row.offset + length <= limit else { return nil }
        self.init(file, at: row.offset, length: length, salt: salt)
    }

    /// The same where the length is known.
    package init?(_ file: UnsafeRawBufferPointer, at offset: Int, length: Int, salt: UInt64) {
        let bytes = file.part(offset, length)
        let keyStart = 56 + Int(bytes[54]) * 8
        let valueStart = keyStart + Int(bytes.u16(48))
        guard (valueStart + Int(bytes.u32(40)) + 7) / 8 * 8 == length,
            bytes.u64(8) == Self.checksum(bytes, salt: salt)
        else { return nil }
        self.offset = offset
        self.length = length
        sequence = bytes.u64(16)
        expiry = bytes.u64(24)
        created = bytes.u32(32)
        tagHash = bytes.u32(36)
        storedLength = Int(bytes.u32(40))
        rawLength = Int(bytes.u32(44))
        kind = bytes[50]
        codec = bytes[51]
        flags = bytes.u16(52)
        callerByte = bytes[55]
        extensions = bytes.part(56, keyStart - 56)
        key = bytes.part(keyStart, valueStart - keyStart)
        stored = bytes.part(valueStart, storedLength)
    }

    package static func checksum(_ record: UnsafeRawBufferPointer, salt: UInt64) -> UInt64 {
        let body = XXH3.hash(record.part(24, record.count - 24))
        var mixed = (body ^ salt) &+ record.u64(0) &* 0xC2B2_AE3D_27D4_EB4F
        mixed ^= mixed >> 32
        mixed = mixed &+ record.u64(16) &* 0x1656_67B1_9E37_79F9
        mixed ^= mixed >> 29
        return mixed == 0 ? 1 : mixed
    }

    /// True if the record keeps the rules of its kind, codec and flags.
    package var isUnderstood: Bool {
        guard flags < 256, sequence <= 1 << 62 else { return false }
        switch kind {
        case 0:
            guard !key.isEmpty && rawLength <= 1 << 30 else { return false }
            return !hasKnownCodec || (codec == 0 ? rawLength == storedLength : storedLength < rawLength)
        case 1: return !key.isEmpty && storedLength == 0
        case 2: return key.isEmpty && storedLength == 0
        case 3: return true
        default: return false
        }
    }

    package var hasKnownCodec: Bool { codec <= 2 }

    /// The value as it was set; nil if it cannot be decoded.
    package var value: [UInt8]? { codec == 0 ? Array(stored) : decoded?.bytes }

    /// True if the engine has to find the value: the library refuses some blocks that end in a way which the
    /// specification forbids.
    package var mustDecode: Bool { codec == 0 || decoded?.isProper == true }

    private var decoded: ReferenceLZ4.Decoded? {
        guard hasKnownCodec else { return nil }
        return ReferenceLZ4.decoded(stored, count: rawLength, behind: codec == 2 ? Array(TextDictionary.bytes) : [])
    }

    /// The tag, if the list of extensions holds and has one.
    package var tag: [UInt8]? {
        var tag: [UInt8]?
        var rest = extensions
        while let type = rest.first, type != 0 {
            guard rest.count >= 3, rest.count >= 3 + Int(rest.u16(1)) else { return nil }
            let part = rest.part(3, Int(rest.u16(1)))
            if type == 1 { tag = Array(part) }
            if type == 2 && part.count != 8 { return nil }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(3 + part.count))
        }
        return tag
    }
}

extension ReferenceHeader {
    /// What the engine decoded, to compare; the state stands elsewhere there.
    package init(_ header: SegmentHeader) {
        self.init(
            number: header.number,
            generation: header.generation,
            low: header.directory.low,
            high: header.directory.high,
            seed: header.keyHashSeed,
            baseSequence: header.baseSequence,
            clearFloor: header.clearFloor,
            capacity: header.capacity,
            created: header.created,
            isReused: header.isReused,
            isSpare: false
        )
    }

    package var withoutState: ReferenceHeader {
        var header = self
        header.isSpare = false
        return header
    }
}
