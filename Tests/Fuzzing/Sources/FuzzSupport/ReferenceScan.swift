@testable package import SegmentStore

/// The scan of a segment without footer, by the four rules of `docs/format.md`.
package struct ReferenceScan {
    package var records: [ReferenceRecord] = []
    package var unknownRecords = 0
    package var highestSequence: UInt64 = 0
    package var recordEnd = 1_024
    /// Bytes that are no whole record, in order: where they begin and end, and whether a death left them.
    package var gaps: [(start: Int, end: Int, isTorn: Bool)] = []

    package init(
        _ file: UnsafeRawBufferPointer,
        _ header: ReferenceHeader,
        limit: Int,
        stopsAtIncomplete: Bool = false
    ) {
        let salt = header.salt
        /// Bytes of candidates that failed inside gaps, by the bits of their length.
        var failed = [Int](repeating: 0, count: 64)
        func bits(_ length: Int) -> Int { 64 - length.leadingZeroBitCount }
        var position = 1_024
        var gap: (start: Int, end: Int, isTorn: Bool)?
        /// A frame of this segment holds in the gap.
        var hasFrame = false
        while position + 56 <= limit {
            let isZero = file.u64(position) == 0
            let length = isZero ? nil : ReferenceRecord.frameLength(file, at: position, limit: limit, header)
            if let length, gap != nil, failed[bits(length)] > limit {
                // Candidates of this size have failed too often.
                position += 8
                continue
            }
            if let length, let record = ReferenceRecord(file, at: position, limit: limit, header, salt: salt) {
                if let open = gap { gaps.append((open.start, position, open.isTorn)) }
                gap = nil
                hasFrame = false
                let isBelieved = record.sequence <= header.highestSequence
                if isBelieved { highestSequence = max(highestSequence, record.sequence) }
                let isUsed = isBelieved && record.isUnderstood
                if isUsed { records.append(record) }
                if !isUsed || (record.kind == 0 && !record.hasKnownCodec) { unknownRecords += 1 }
                position += length
                recordEnd = position
                continue
            }
            if stopsAtIncomplete { break }
            var step = 8
            if let length {
                if gap == nil { step = length } else { failed[bits(length)] += length }
                let isTorn = gap?.isTorn ?? (file.u64(position + 8) == 0)
                gap = (gap?.start ?? position, max(gap?.end ?? 0, position + length), isTorn)
                hasFrame = true
            } else if !isZero {
                gap = (gap?.start ?? position, max(gap?.end ?? 0, position + 8), gap?.isTorn ?? false)
            }
            position += step
        }
        // Behind the last record of a file that is used again lie records of the segment before.
        if let gap, hasFrame || !header.isReused { gaps.append((gap.start, gap.end, true)) }
    }

    /// Every whole record at any place of the file, whatever a scan would make of it.
    package static func everyRecord(_ file: UnsafeRawBufferPointer, _ header: ReferenceHeader) -> [ReferenceRecord] {
        let limit = min(file.count, header.capacity)
        guard limit >= 1_024 + 56 else { return [] }
        let salt = header.salt
        return stride(from: 1_024, through: limit - 56, by: 8).compactMap { offset in
            ReferenceRecord(file, at: offset, limit: limit, header, salt: salt)
        }
    }
}

/// A footer, judged by the rules of `docs/format.md`.
package struct ReferenceFooter {
    package var rows: [FooterRow]
    package var recordEnd: Int

    /// "GRANSGF1"
    package static let magic: UInt64 = 0x3146_4753_4E41_5247

    /// Nil if the footer does not count.
    package init?(_ file: UnsafeRawBufferPointer, _ header: ReferenceHeader) {
        guard file.count >= header.capacity else { return nil }
        let trailer = file.part(header.capacity - 64, 64)
        guard trailer.u64(0) == Self.magic, trailer.u64(56) == XXH3.hash(trailer.part(0, 56)),
            trailer.u64(8) == header.number, trailer.u64(16) == header.generation
        else { return nil }
        let (count, end) = (trailer.u64(32), trailer.u64(24))
        let room = UInt64(header.capacity - 64)
        guard end >= 1_024, end % 8 == 0, end <= room, count <= (room - end) / 40 else { return nil }
        recordEnd = Int(end)
        let bytes = file.part(header.capacity - 64 - Int(count) * 40, Int(count) * 40)
        guard XXH3.hash(bytes) == trailer.u64(40) else { return nil }
        rows = []
        var previous = 1_024
        for index in 0..<Int(count) {
            let row = bytes.part(index * 40, 40)
            guard let kind = RecordKind(rawValue: row[36]) else { return nil }
            let (offset, length) = (Int(row.u32(8)) * 8, Int(row.u32(12)) * 8)
            guard length >= 56, offset >= previous, offset + length <= recordEnd, offset < 1 << 30,
                row.u64(16) <= header.highestSequence
            else { return nil }
            previous = offset + length
            rows.append(
                FooterRow(
                    keyHash: row.u64(0),
                    offset: offset,
                    length: length,
                    sequence: row.u64(16),
                    expiry: row.u64(24),
                    tagHash: row.u32(32),
                    kind: kind
                )
            )
        }
    }
}

extension ReferenceRecord {
    /// The row that a footer has for the record.
    package func row(_ header: ReferenceHeader) -> FooterRow? {
        guard let kind = RecordKind(rawValue: kind) else { return nil }
        return FooterRow(
            keyHash: key.isEmpty ? 0 : XXH3.hash(key, seed: header.seed),
            offset: offset,
            length: length,
            sequence: sequence,
            expiry: expiry,
            tagHash: tagHash,
            kind: kind
        )
    }
}
