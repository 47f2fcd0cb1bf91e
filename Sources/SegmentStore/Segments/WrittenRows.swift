/// The rows of what a process has appended to a segment itself, for the footer.
///
/// Records that were published a moment ago need not be hashed again: their frames lead from one to the next. Where they
/// do not, because something else has written into the segment, it is scanned as a stranger's would be.
struct WrittenRows {
    let base: UnsafeRawPointer
    let header: SegmentHeader
    let salt: UInt64

    /// The rows of the records between the bytes, about `count` of them, all of which are published.
    func rows(from start: Int, to end: Int, count: Int) -> RowTable {
        var rows = RowTable(capacity: count)
        var position = start
        while position < end {
            let length = Frame.validLength(
                of: (base + position).load(as: UInt64.self),
                number: header.number,
                generation: header.generation,
                offset: position,
                limit: end
            )
            guard let length else { return scannedRows(from: start, to: end, count: count) }
            let record = RecordView(base: base + position, length: length)
            // A reservation whose writer failed to publish has no checksum; it keeps its room, without a row.
            if record.checksum != 0 {
                guard record.layoutHolds, record.isUnderstood, let kind = RecordKind(rawValue: record.kindByte) else {
                    return scannedRows(from: start, to: end, count: count)
                }
                rows.append(FooterRow(record, kind: kind, offset: position, keyHashSeed: header.keyHashSeed))
            }
            position += length
        }
        return rows
    }

    private func scannedRows(from start: Int, to end: Int, count: Int) -> RowTable {
        var scanner = SegmentScanner(
            source: MappedBytes(base: base, count: end),
            header: header,
            salt: salt,
            limit: end,
            stopsAtIncomplete: false
        )
        return scanner.scan(from: start, expecting: count).rows
    }
}
