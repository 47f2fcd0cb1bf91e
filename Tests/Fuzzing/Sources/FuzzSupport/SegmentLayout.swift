@testable internal import SegmentStore

/// Lays a segment out from the fuzzer's bytes, and mends what no fuzzer can guess.
///
///     0   flags (1): see `Flags`
///     1   what the header copies become (1)
///     2   rows taken from the end of the input (1)
///     3   words of the hole (1)
///     4   change of the capacity in words, signed (1)
///     5   words cut off the file (1)
///     6   record to break (1), how (1)
///     8   header: its first 128 bytes (128)
///     136 records, rows
///
/// With `Flags.raw` everything behind the control bytes is the file as it stands.
package struct SegmentLayout {
    package struct Flags: OptionSet {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The bytes are the file.
        package static let raw = Flags(rawValue: 1)
        /// Magic, version, features and capacity are made to fit, so that the rest is reached.
        package static let soundHeader = Flags(rawValue: 2)
        /// Lengths of records are made to fit one another.
        package static let soundLengths = Flags(rawValue: 4)
        package static let frames = Flags(rawValue: 8)
        package static let checksums = Flags(rawValue: 16)
        /// A footer of the rows in the input.
        package static let givenFooter = Flags(rawValue: 32)
        /// A footer of the whole records that are there.
        package static let ownFooter = Flags(rawValue: 64)
        /// The trailer's hashes are left wrong.
        package static let brokenTrailer = Flags(rawValue: 128)
    }

    package static let controlLength = 8
    static let headerLength = 128
    package static let longest = 1 << 16

    package private(set) var flags: Flags
    private let copies: UInt8
    private let hole: Int
    private let capacityChange: Int
    private let cut: Int
    private let brokenRecord: Int
    private let harm: UInt8
    private let header: UnsafeRawBufferPointer
    private let records: UnsafeRawBufferPointer
    private let rows: UnsafeRawBufferPointer

    package init(_ input: FuzzInput) {
        var input = input
        flags = Flags(rawValue: input.byte())
        copies = input.byte()
        let rowCount = Int(input.byte())
        hole = Int(input.byte()) * 8
        capacityChange = Int(Int8(bitPattern: input.byte())) * 8
        cut = Int(input.byte()) * 8
        brokenRecord = Int(input.byte())
        harm = input.byte()
        header = flags.contains(.raw) ? input.take(0) : input.take(Self.headerLength)
        let count = min(input.rest.count, Self.longest)
        let rowLength = flags.contains(.givenFooter) && !flags.contains(.raw) ? min(rowCount * 40, count / 40 * 40) : 0
        records = input.take(count - rowLength)
        rows = input.take(rowLength)
    }

    /// Bytes of the file.
    package var length: Int {
        if flags.contains(.raw) { return records.count }
        return max(0, wholeLength - cut)
    }

    private var wholeLength: Int {
        // A footer of the records found takes at most a row for every 56 bytes; the rest of that room is hole.
        let footer = flags.contains(.ownFooter) ? records.count / 56 * 40 : rows.count
        return 1_024 + (records.count + 7) / 8 * 8 + hole + footer + 64
    }

    /// The file, in memory of exactly its length.
    package func makeFile() -> UnsafeMutableRawBufferPointer {
        if flags.contains(.raw) {
            let file = UnsafeMutableRawBufferPointer.allocate(byteCount: records.count, alignment: 16)
            file.copyMemory(from: records)
            return file
        }
        let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: wholeLength, alignment: 16)
        lay(into: whole)
        guard length < whole.count else { return whole }
        let shortened = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 16)
        shortened.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[..<length]))
        whole.deallocate()
        return shortened
    }

    private func lay(into file: UnsafeMutableRawBufferPointer) {
        file.initializeMemory(as: UInt8.self, repeating: 0)
        file.copyMemory(from: header)
        mendHeader(file)
        UnsafeMutableRawBufferPointer(rebasing: file[1_024...]).copyMemory(from: records)
        guard let header = ReferenceHeader.ruling(UnsafeRawBufferPointer(file)) else { return }
        let recordEnd = 1_024 + (records.count + 7) / 8 * 8
        mendRecords(file, header, limit: recordEnd)
        guard !flags.isDisjoint(with: [.givenFooter, .ownFooter]) else { return }
        var end = recordEnd
        var bytes = Array(rows)
        if flags.contains(.ownFooter) {
            let scan = ReferenceScan(UnsafeRawBufferPointer(file), header, limit: recordEnd)
            end = scan.recordEnd
            // Rows in the input are ignored; the footer says what a writer would have said.
            bytes = scan.records.compactMap { $0.row(header) }.flatMap(Self.encoded)
        }
        Self.putFooter(file, header, rows: bytes, recordEnd: end)
        if flags.contains(.brokenTrailer) { file[file.count - 1] ^= 1 }
    }

    // MARK: Header

    private func mendHeader(_ file: UnsafeMutableRawBufferPointer) {
        if flags.contains(.soundHeader) {
            file.put(ReferenceHeader.magic, 0)
            file.put(UInt16(1), 8)
            file.put(UInt32(256), 12)
            file.put(UInt64(max(0, file.count + capacityChange)), 80)
            file.put(UInt32(0), 96)
            file[120] &= 1
        }
        Self.putHeaderHash(file, at: 0)
        UnsafeMutableRawBufferPointer(rebasing: file[512..<768]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: file[..<256])
        )
        switch copies & 15 {
        case 1: file[20] ^= 1
        case 2: file[532] ^= 1
        case 3:
            file[20] ^= 1
            file[532] ^= 1
        case 4, 5:
            let place = copies & 1 == 0 ? 0 : 512
            file.put(UInt64(copies >> 4) &+ file.u64(16), place + 16)
            Self.putHeaderHash(file, at: place)
        case 6: file.put(ReferenceHeader.spare, 248)
        case 7: file.put(ReferenceHeader.spare, 760)
        case 8:
            file.put(UInt16(2), 520)
            Self.putHeaderHash(file, at: 512)
        default: break
        }
    }

    package static func putHeaderHash(_ file: UnsafeMutableRawBufferPointer, at offset: Int) {
        file.put(XXH3.hash(UnsafeRawBufferPointer(file).part(offset, 240)), offset + 240)
    }

    // MARK: Records

    private func mendRecords(_ file: UnsafeMutableRawBufferPointer, _ header: ReferenceHeader, limit: Int) {
        let salt = header.salt
        var position = 1_024
        var index = 0
        while position + 56 <= limit {
            guard let length = mendedLength(file, at: position, limit: limit) else {
                position += 8
                continue
            }
            file.put(UInt32(length / 8), position)
            if flags.contains(.frames) {
                file.put(header.frameCheck(offset: position, units: UInt32(length / 8)), position + 4)
            }
            if flags.contains(.checksums) {
                let record = UnsafeRawBufferPointer(file).part(position, length)
                file.put(ReferenceRecord.checksum(record, salt: salt), position + 8)
            }
            if index == brokenRecord { harm(file, at: position, length: length) }
            index += 1
            position += length
        }
    }

    private func mendedLength(_ file: UnsafeMutableRawBufferPointer, at position: Int, limit: Int) -> Int? {
        let bytes = UnsafeRawBufferPointer(file)
        guard flags.contains(.soundLengths) else {
            let length = Int(bytes.u32(position)) * 8
            return length >= 56 && position + length <= limit ? length : nil
        }
        let fixed = 56 + Int(bytes[position + 54]) * 8 + Int(bytes.u16(position + 48))
        let stored = Int(bytes.u32(position + 40))
        if position + (fixed + stored + 7) / 8 * 8 <= limit { return (fixed + stored + 7) / 8 * 8 }
        guard position + fixed <= limit else { return nil }
        file.put(UInt32(limit - position - fixed), position + 40)
        if bytes[position + 51] == 0 { file.put(UInt32(limit - position - fixed), position + 44) }
        return limit - position
    }

    private func harm(_ file: UnsafeMutableRawBufferPointer, at position: Int, length: Int) {
        switch harm & 7 {
        case 1: file.put(UInt64(0), position + 8)
        case 2: file[position + 4] ^= 1
        case 3: file[position + length - 1] ^= 1
        case 4: file[position + 24 + Int(harm >> 3)] ^= 1
        default: break
        }
    }

    // MARK: Footer

    private static func encoded(_ row: FooterRow) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 40)
        bytes.withUnsafeMutableBytes { bytes in
            bytes.put(row.keyHash, 0)
            bytes.put(UInt32(row.offset / 8), 8)
            bytes.put(UInt32(row.length / 8), 12)
            bytes.put(row.sequence, 16)
            bytes.put(row.expiry, 24)
            bytes.put(row.tagHash, 32)
            bytes[36] = row.kind.rawValue
        }
        return bytes
    }

    /// Writes rows and a trailer that holds at the end of the capacity, as far as that is the end of the file.
    private static func putFooter(
        _ file: UnsafeMutableRawBufferPointer,
        _ header: ReferenceHeader,
        rows: [UInt8],
        recordEnd: Int
    ) {
        let end = min(header.capacity, file.count)
        guard end - 64 - rows.count >= recordEnd else { return }
        UnsafeMutableRawBufferPointer(rebasing: file[(end - 64 - rows.count)...]).copyBytes(from: rows)
        putTrailer(
            UnsafeMutableRawBufferPointer(rebasing: file[(end - 64)..<end]),
            header,
            rows: rows,
            recordEnd: recordEnd
        )
    }

    package static func putTrailer(
        _ trailer: UnsafeMutableRawBufferPointer,
        _ header: ReferenceHeader,
        rows: [UInt8],
        recordEnd: Int
    ) {
        trailer.put(ReferenceFooter.magic, 0)
        trailer.put(header.number, 8)
        trailer.put(header.generation, 16)
        trailer.put(UInt64(recordEnd), 24)
        trailer.put(UInt64(rows.count / 40), 32)
        trailer.put(XXH3.hash(rows), 40)
        trailer.put(UInt64(0), 48)
        trailer.put(XXH3.hash(UnsafeRawBufferPointer(trailer).part(0, 56)), 56)
    }
}

extension UnsafeMutableRawBufferPointer {
    package func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, _ offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: Value.self)
    }
    package func u64(_ offset: Int) -> UInt64 { UnsafeRawBufferPointer(self).u64(offset) }
}
