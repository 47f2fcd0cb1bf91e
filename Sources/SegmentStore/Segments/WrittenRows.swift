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

    /// How many rows there are; nil if the frames do not lead from the first byte to the last.
    ///
    /// Counted apart, for a footer's rows begin where their number says, and a table of them would take as much memory as
    /// the index of the segment.
    func count() -> Int? {
        var count = 0
        let isWhole = walk { _, _, _ in count += 1 }
        return isWhole ? count : nil
    }

    /// Calls the body with every row, until the frames do not hold; false then.
    func forEach<Failure>(_ body: (FooterRow) throws(Failure) -> Void) throws(Failure) -> Bool {
        try walk { record, kind, offset throws(Failure) in
            try body(FooterRow(record, kind: kind, offset: offset, keyHashSeed: header.keyHashSeed))
        }
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

    /// Calls the body with every record and its offset, until one is not what this process wrote; false then.
    private func walk<Failure>(
        _ body: (RecordView, RecordKind, Int) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
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
                try body(record, kind, position)
            }
            position += length
        }
        return true
    }
}
