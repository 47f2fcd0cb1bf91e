@testable package import SegmentStore

/// Compares what the engine loaded from the bytes of a segment with what the reference says of them.
package func compare(
    _ loaded: LoadedRows,
    with bytes: UnsafeRawBufferPointer,
    _ header: ReferenceHeader,
    besideWriter: Bool
) {
    var rows: [FooterRow] = []
    loaded.rows.forEach { rows.append($0) }
    check(rows.count == loaded.rows.count, "rows are missing")
    for row in rows { check(loaded.rows.row(atOffset: row.offset) == row, "a row cannot be found by its offset") }
    check(loaded.recordEnd >= 1_024 && loaded.recordEnd <= max(1_024, bytes.count), "the record end is outside")

    if let footer = ReferenceFooter(bytes, header) {
        check(loaded.isSealed, "a sound footer was not used")
        check(rows == footer.rows && loaded.recordEnd == footer.recordEnd, "the footer was misread")
        check(loaded.findings.isEmpty, "findings in a sealed segment")
        check(loaded.highestSequence == rows.reduce(0) { max($0, $1.sequence) }, "the highest sequence is wrong")
        return
    }
    check(!loaded.isSealed, "an unsound footer was used")
    let isWhole = bytes.count >= header.capacity
    let limit = isWhole ? header.capacity - 64 : bytes.count
    let scan = ReferenceScan(bytes, header, limit: limit, stopsAtIncomplete: besideWriter)
    check(rows == scan.records.compactMap { $0.row(header) }, "the scan found other records")
    check(loaded.recordEnd == scan.recordEnd, "the scan ended at \(loaded.recordEnd), not \(scan.recordEnd)")
    check(loaded.highestSequence == scan.highestSequence, "the highest sequence is wrong")
    let unknown = loaded.findings.filter { $0.kind == .unknownRecord }.count
    check(unknown == (scan.unknownRecords > 0 ? 1 : 0), "unknown records")
    guard isWhole else { return }
    let trailer = bytes.part(limit, 64)
    let isOwn = trailer.u64(8) == header.number && trailer.u64(16) == header.generation
    let hadFooter = trailer.contains { $0 != 0 } && (isOwn || !header.isReused)
    let gaps = scan.gaps.filter { !hadFooter || $0.start < scan.recordEnd }
    let found = loaded.findings.filter { $0.kind == .tornRecord || $0.kind == .damagedRecord }
    check(
        found.elementsEqual(gaps) {
            $0.offset == $1.start && $0.length == $1.end - $1.start && ($0.kind == .tornRecord) == $1.isTorn
        },
        "findings \(found), gaps \(gaps)"
    )
}

/// Reading the file gives what its mapping gives.
package func compareRead(_ loaded: LoadedRows, _ loader: SegmentLoader, _ file: UnsafeRawBufferPointer) {
    let files = OneFile(file)
    guard let read = try? loader.load(0, from: Format.recordsStart, files: files) else { fail("reading failed") }
    var rows: [FooterRow] = []
    loaded.rows.forEach { rows.append($0) }
    var others: [FooterRow] = []
    read.rows.forEach { others.append($0) }
    check(rows == others, "reading finds other rows than mapping")
    check(read.recordEnd == loaded.recordEnd && read.isSealed == loaded.isSealed, "reading ends elsewhere")
    check(read.findings == loaded.findings, "reading finds other damage")
    if loaded.isSealed {
        let isUnchanged = try? loader.isUnchanged(0, recordEnd: loaded.recordEnd, files: files)
        check(isUnchanged == true, "a sealed segment changed by itself")
    }
}
