import Glibc

/// What a segment holds, from its footer or by a scan.
struct LoadedRows: Sendable {
    var rows = RowTable()
    var recordEnd = Format.recordsStart
    var highestSequence: UInt64 = 0
    var isSealed = false
    /// What the footer says that has reached the disk.
    var forced = Footer.Forced.nothing
    /// Something stands where the footer does.
    var hasTrailer = false
    var findings: [Finding] = []
    /// There are whole records that have no row.
    var omitsRecords = false
    /// Why the segment could not be read to its end; nothing else here counts then.
    var failure: SystemError?
}

/// Reads the rows of a segment.
struct SegmentLoader {
    let path: String
    let header: SegmentHeader
    /// The whole file is there, so that a footer can be.
    let isWhole: Bool
    /// Beside a live writer: an unfinished record ends the scan instead of being called torn.
    let besideWriter: Bool
    /// The machine's present boot, for footers that a power cut makes void.
    let boot: UInt64

    /// Reads through the mapping of a store that nobody else writes.
    func load(mapped base: UnsafeRawPointer, count: Int) -> LoadedRows {
        guard isWhole else { return shortened(MappedBytes(base: base, count: count), count: count) }
        let trailerStart = header.capacity - Format.footerTrailerLength
        let trailer = Footer.trailer(
            RawSpan(_unsafeStart: base + trailerStart, byteCount: Format.footerTrailerLength),
            for: header,
            boot: boot
        )
        if case .valid(let rowCount, let recordEnd, let rowsHash, let forced) = trailer {
            let length = rowCount * Format.footerRowLength
            let bytes = UnsafeRawBufferPointer(start: base + trailerStart - length, count: length)
            if let rows = RowTable(
                mapped: bytes,
                rowCount: rowCount,
                recordEnd: recordEnd,
                highestSequence: header.highestSequence,
                rowsHash: rowsHash
            ) {
                return sealed(rows, recordEnd: recordEnd, forced: forced)
            }
        }
        return scanned(MappedBytes(base: base, count: trailerStart), trailer: trailer, from: Format.recordsStart)
    }

    /// True if the segment is sealed and ends where it did when it was last read, so that nothing in it is news.
    func isUnchanged(_ descriptor: CInt, recordEnd: Int, files: any FileLayer) throws(SystemError) -> Bool {
        let trailerStart = header.capacity - Format.footerTrailerLength
        let bytes = try files.bytes(of: descriptor, at: trailerStart, count: Format.footerTrailerLength)
        guard case .valid(_, let end, _, _) = Footer.trailer(bytes.span.bytes, for: header, boot: boot) else {
            return false
        }
        return end == recordEnd
    }

    /// Reads with `pread`, beside whoever writes; records before `start` are known already.
    func load(_ descriptor: CInt, from start: Int, files: any FileLayer) throws(SystemError) -> LoadedRows {
        let loaded = try read(descriptor, from: start, files: files)
        // Rows that end where the reading failed would make misses of the rest.
        if let failure = loaded.failure { throw failure }
        return loaded
    }

    private func read(_ descriptor: CInt, from start: Int, files: any FileLayer) throws(SystemError) -> LoadedRows {
        let length = min(try files.status(of: descriptor).length, header.capacity)
        let window = WindowedBytes(descriptor, limit: length, files: files)
        guard isWhole && length == header.capacity else { return shortened(window, count: length) }
        let trailerStart = header.capacity - Format.footerTrailerLength
        let bytes = try files.bytes(of: descriptor, at: trailerStart, count: Format.footerTrailerLength)
        let trailer = Footer.trailer(bytes.span.bytes, for: header, boot: boot)
        if case .valid(let rowCount, let recordEnd, let rowsHash, let forced) = trailer {
            let length = rowCount * Format.footerRowLength
            let bytes = try files.bytes(of: descriptor, at: trailerStart - length, count: length)
            if let rows = RowTable(
                bytes,
                rowCount: rowCount,
                recordEnd: recordEnd,
                highestSequence: header.highestSequence,
                rowsHash: rowsHash
            ) {
                return sealed(rows, recordEnd: recordEnd, forced: forced)
            }
        }
        return scanned(window, trailer: trailer, from: start)
    }

    /// Scans the first `count` bytes of a segment that is being appended to; nothing behind them is looked at.
    func load(open base: UnsafeRawPointer, count: Int) -> LoadedRows {
        guard isWhole else { return shortened(MappedBytes(base: base, count: count), count: count) }
        let limit = min(count, header.capacity - Format.footerTrailerLength)
        return scan(MappedBytes(base: base, count: limit), from: Format.recordsStart, limit: limit, hadFooter: false)
    }

    private func sealed(_ rows: RowTable, recordEnd: Int, forced: Footer.Forced) -> LoadedRows {
        var loaded = LoadedRows()
        loaded.highestSequence = rows.highestSequence
        loaded.rows = rows
        loaded.recordEnd = recordEnd
        loaded.isSealed = true
        loaded.forced = forced
        loaded.hasTrailer = true
        return loaded
    }

    private func scanned(_ source: some SegmentBytes, trailer: Footer.Trailer, from start: Int) -> LoadedRows {
        let limit = header.capacity - Format.footerTrailerLength
        var loaded = scan(source, from: start, limit: limit, hadFooter: trailer != .absent)
        loaded.hasTrailer = trailer != .absent
        if trailer != .absent && trailer != .outlived && !besideWriter {
            loaded.findings.append(
                Finding(
                    kind: .damagedFooter,
                    path: path,
                    offset: limit,
                    length: Format.footerTrailerLength,
                    loss: "nothing is lost, the segment was scanned"
                )
            )
        }
        return loaded
    }

    private func shortened(_ source: some SegmentBytes, count: Int) -> LoadedRows {
        var loaded = scan(source, from: Format.recordsStart, limit: count, hadFooter: false)
        // What a cut leaves at the end is no torn record: nobody died writing it.
        loaded.findings.removeAll { $0.kind == .tornRecord }
        loaded.findings.append(
            Finding(
                kind: .shortenedSegment,
                path: path,
                offset: count,
                length: header.capacity - count,
                loss: "records that lay there are lost"
            )
        )
        return loaded
    }

    private func scan<Source: SegmentBytes>(
        _ source: Source,
        from start: Int,
        limit: Int,
        hadFooter: Bool
    ) -> LoadedRows {
        var scanner = SegmentScanner(
            source: source,
            header: header,
            salt: RecordChecksum.salt(number: header.number, generation: header.generation),
            limit: limit,
            stopsAtIncomplete: besideWriter
        )
        let result = scanner.scan(from: start)
        var loaded = LoadedRows()
        loaded.rows = result.rows
        loaded.recordEnd = result.recordEnd
        loaded.highestSequence = result.highestSequence
        loaded.failure = scanner.source.failure
        for finding in result.findings {
            // Behind the last record of a segment that was sealed once lie the rows of its footer.
            if hadFooter && finding.offset >= result.recordEnd { continue }
            loaded.findings.append(
                Finding(
                    kind: finding.isTorn ? .tornRecord : .damagedRecord,
                    path: path,
                    offset: finding.offset,
                    length: finding.length,
                    loss: finding.isTorn
                        ? "its writer died before the set returned"
                        : "the record is lost; an older value of its key may be back"
                )
            )
        }
        loaded.omitsRecords = result.omitsRecords
        if result.unknownRecords > 0 {
            loaded.findings.append(
                Finding(
                    kind: .unknownRecord,
                    path: path,
                    offset: Format.recordsStart,
                    length: 0,
                    loss: "\(result.unknownRecords) records were written by a newer version and are not used"
                )
            )
        }
        return loaded
    }
}
