import Glibc
import Synchronization

/// What a verification found.
public struct VerificationReport: Sendable, Equatable {
    /// Segments read.
    public internal(set) var segments = 0
    /// Records read and checked, dead ones included.
    public internal(set) var records = 0
    /// Bytes of those records.
    public internal(set) var bytes = 0
    /// Everything that was not as it should be, at most `RecoveryReport.findingLimit`.
    public internal(set) var findings: [Finding] = []
    /// Findings that are damage.
    public internal(set) var damage = 0
    /// Records that were torn by a death.
    public internal(set) var tornRecords = 0

    mutating func add(_ finding: Finding) {
        if finding.isDamage { damage += 1 }
        if finding.kind == .tornRecord { tornRecords += 1 }
        if findings.count < RecoveryReport.findingLimit { findings.append(finding) }
    }
}

extension SegmentStore {
    /// Reads every header, footer and record and checks them against their checksums. Changes nothing.
    ///
    /// - Throws: `.closed`, `.forkedChild`, or what reading the directory can throw.
    public func verify() throws(StoreError) -> VerificationReport {
        try checkReadable()
        var report = VerificationReport()
        for finding in try survey().findings { report.add(finding) }
        let besideWriter = isReadOnly ? try DirectoryLock.isHeld(inDirectory: directory, files: files) : false
        let stripe = Stripe.current
        for slot in segments.inUse {
            // A footer that is being written or taken back meanwhile would look like damage.
            sealing.withLock { _ in
                maintenance.withLock { _ in
                    guard segments.pin(slot, stripe: stripe) else { return }
                    defer { segments.unpin(slot, stripe: stripe) }
                    verifySegment(slot, besideWriter: besideWriter, &report)
                }
            }
        }
        return report
    }

    private func verifySegment(_ slot: Int, besideWriter: Bool, _ report: inout VerificationReport) {
        report.segments += 1
        verifyHeaders(slot, &report)
        if segments[slot].pointee.isSealed.load(ordering: .acquiring) {
            verifySealed(slot, &report)
        } else {
            verifyOpen(slot, besideWriter: besideWriter, &report)
        }
    }

    private func finding(_ kind: Finding.Kind, _ slot: Int, _ offset: Int, _ length: Int, _ loss: String) -> Finding {
        Finding(kind: kind, path: segments[slot].pointee.path, offset: offset, length: length, loss: loss)
    }

    private func verifyHeaders(_ slot: Int, _ report: inout VerificationReport) {
        let segment = segments[slot]
        let bytes = UnsafeRawBufferPointer(
            start: segment.pointee.base,
            count: min(Format.recordsStart, segment.pointee.readableCount)
        )
        let pair = HeaderPair(startOfFile: RawSpan(_unsafeBytes: bytes))
        for offset in pair.damagedOffsets {
            report.add(
                finding(.damagedHeader, slot, offset, Format.headerLength, "nothing is lost, the other copy holds")
            )
        }
        for offset in Format.headerOffsets {
            let start = offset + Format.headerLength
            let end = offset + Format.headerOffsets[1]
            verifyZeros(slot, from: min(start, bytes.count), to: min(end, bytes.count), &report)
        }
    }

    private func verifyZeros(_ slot: Int, from start: Int, to end: Int, _ report: inout VerificationReport) {
        let base = UnsafeRawPointer(segments[slot].pointee.base)
        var position = start
        while position < end {
            if position % 8 == 0 && position + 8 <= end && base.load(fromByteOffset: position, as: UInt64.self) == 0 {
                position += 8
            } else if base.load(fromByteOffset: position, as: UInt8.self) == 0 {
                position += 1
            } else {
                break
            }
        }
        guard position < end else { return }
        report.add(finding(.strayBytes, slot, position, 1, "nothing is lost, no record lies there"))
    }

    // MARK: Sealed segments

    private func verifySealed(_ slot: Int, _ report: inout VerificationReport) {
        let segment = segments[slot]
        let loaded = SegmentLoader(
            path: segment.pointee.path,
            header: segment.pointee.header,
            isWhole: segment.pointee.readableCount == segment.pointee.header.capacity,
            besideWriter: false,
            boot: files.bootIdentity
        ).load(mapped: segment.pointee.base, count: segment.pointee.readableCount)
        for finding in loaded.findings { report.add(finding) }
        var end = Format.recordsStart
        loaded.rows.forEach { row in
            verifyGap(slot, from: end, to: row.offset, &report)
            verify(row, in: slot, &report)
            end = row.offset + row.length
        }
        guard loaded.isSealed else { return }
        verifyGap(slot, from: end, to: loaded.recordEnd, &report)
        let footerStart = segment.pointee.header.capacity - Footer.length(rowCount: loaded.rows.count)
        verifyUnused(slot, from: loaded.recordEnd, to: footerStart, &report)
    }

    /// The page behind the last record and the one before the footer; between them lies the hole.
    private func verifyUnused(_ slot: Int, from start: Int, to end: Int, _ report: inout VerificationReport) {
        let holeStart = min(end, (start + Self.pageSize - 1) & ~(Self.pageSize - 1))
        let holeEnd = max(holeStart, end & ~(Self.pageSize - 1))
        verifyZeros(slot, from: start, to: holeStart, &report)
        verifyZeros(slot, from: holeEnd, to: end, &report)
    }

    private func verify(_ row: FooterRow, in slot: Int, _ report: inout VerificationReport) {
        let segment = segments[slot]
        report.records += 1
        report.bytes += row.length
        guard row.offset + row.length <= segment.pointee.readableCount else { return }
        let record = RecordView(base: segment.pointee.base + row.offset, length: row.length)
        let frame = Frame.word(
            number: segment.pointee.header.number,
            generation: segment.pointee.header.generation,
            offset: row.offset,
            length: row.length
        )
        if record.frame == frame && record.layoutHolds && record.checksumHolds(salt: segment.pointee.salt) { return }
        report.add(finding(.damagedRecord, slot, row.offset, row.length, loss(of: row, record, in: slot)))
    }

    private func loss(of row: FooterRow, _ record: RecordView, in slot: Int) -> String {
        if row.kind == .void { return "nothing is lost, the record was given up" }
        if row.sequence < clearFloor.load(ordering: .relaxed) || !isCurrent(row, in: slot) {
            return "nothing is lost, the record was replaced or removed since"
        }
        let what = row.kind == .put ? "the entry" : "the removal"
        guard record.layoutHolds, XXH3.hash(record.key, seed: segments[slot].pointee.header.keyHashSeed) == row.keyHash
        else { return "\(what) is lost; its key cannot be read" }
        return "\(what) of key \(describeKey(record.key)) is lost"
    }

    private func isCurrent(_ row: FooterRow, in slot: Int) -> Bool {
        if row.kind == .clear { return true }
        return index.shard(for: row.keyHash).pointee.probe(row.keyHash) { entry, _ in
            entry.slot == slot && entry.offset == row.offset ? true : nil
        } ?? false
    }

    /// What a writer could not finish keeps its room in a sealed segment, without a row.
    private func verifyGap(_ slot: Int, from start: Int, to end: Int, _ report: inout VerificationReport) {
        guard end > start else { return }
        let segment = segments[slot]
        let base = UnsafeRawPointer(segment.pointee.base)
        let isTorn =
            start + Format.recordHeaderLength <= end
            && Frame.validLength(
                of: base.load(fromByteOffset: start, as: UInt64.self),
                number: segment.pointee.header.number,
                generation: segment.pointee.header.generation,
                offset: start,
                limit: end
            ) != nil && RecordView(base: base + start, length: end - start).checksum == 0
        let loss =
            isTorn
            ? "its writer died before the set returned"
            : "a record was damaged before the segment was sealed, and is lost"
        report.add(finding(isTorn ? .tornRecord : .damagedRecord, slot, start, end - start, loss))
    }

    // MARK: Open segments

    private func verifyOpen(_ slot: Int, besideWriter: Bool, _ report: inout VerificationReport) {
        let segment = segments[slot]
        let loader = SegmentLoader(
            path: segment.pointee.path,
            header: segment.pointee.header,
            isWhole: segment.pointee.readableCount == segment.pointee.header.capacity,
            besideWriter: false,
            boot: files.bootIdentity
        )
        let loaded: LoadedRows
        if isReadOnly && !besideWriter {
            loaded = loader.load(mapped: segment.pointee.base, count: segment.pointee.readableCount)
        } else {
            // Its own writer verifies what is published by now, a reader beside it what it knows.
            let limit = segment.pointee.recordEnd.load(ordering: .acquiring)
            if !isReadOnly { publication.settle(reservation) { _ in } }
            loaded = loader.load(open: segment.pointee.base, count: limit)
        }
        for finding in loaded.findings { report.add(finding) }
        report.records += loaded.rows.count
        loaded.rows.forEach { report.bytes += $0.length }
    }

    /// A key for people: as text where it is text, else as hex.
    func describeKey(_ key: UnsafeRawBufferPointer) -> String {
        let shown = key.prefix(80)
        let tail = key.count > 80 ? "…" : ""
        if let text = String(validating: shown, as: UTF8.self),
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        {
            return "\"\(text)\(tail)\""
        }
        return "0x" + shown.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + tail
    }
}
