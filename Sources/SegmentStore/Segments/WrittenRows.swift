import CLinux

/// The rows of what a process has appended to a segment itself, for the footer.
///
/// Records that were published a moment ago need not be hashed again: their frames lead from one to the next. Where they
/// do not, because something else has written into the segment, it is scanned as a stranger's would be.
struct WrittenRows {
    let base: UnsafeRawPointer
    let header: SegmentHeader
    let salt: UInt64
    /// Where the records begin and end, all of which are published.
    let range: Range<Int>

    /// Calls the body with every row, until a record is not what this process wrote; false then.
    func forEach<Failure>(_ body: (FooterRow) throws(Failure) -> Void) throws(Failure) -> Bool {
        var position = range.lowerBound
        while position < range.upperBound {
            let length = Frame.validLength(
                of: (base + position).load(as: UInt64.self),
                number: header.number,
                generation: header.generation,
                offset: position,
                limit: range.upperBound
            )
            guard let length else { return false }
            // The next header and key, which are in no cache any more.
            granary_prefetch_line(base + position + length)
            granary_prefetch_line(base + position + length + 64)
            let record = RecordView(base: base + position, length: length)
            // A reservation whose writer failed to publish has no checksum; it keeps its room, without a row.
            if record.checksum != 0 {
                guard record.layoutHolds, record.isUnderstood, let kind = RecordKind(rawValue: record.kindByte) else {
                    return false
                }
                try body(FooterRow(record, kind: kind, offset: position, keyHashSeed: header.keyHashSeed))
            }
            position += length
        }
        return true
    }

    /// The rows of the whole records that a scan finds.
    func scanned() -> RowTable {
        var scanner = SegmentScanner(
            source: MappedBytes(base: base, count: range.upperBound),
            header: header,
            salt: salt,
            limit: range.upperBound,
            stopsAtIncomplete: false
        )
        return scanner.scan(from: range.lowerBound).rows
    }
}
