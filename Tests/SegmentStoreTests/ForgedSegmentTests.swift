import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Segments that somebody made on purpose: every check in them holds that a forger can make hold.
@Suite(.inTurnOnOwnThread) struct ForgedSegmentTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    private var path: String { directory.path }

    /// A record that holds, whatever its sequence and kind.
    private func record(
        _ key: String,
        _ header: SegmentHeader,
        at offset: Int,
        sequence: UInt64,
        kind: UInt8 = RecordKind.put.rawValue,
        codec: UInt8 = RecordCodec.raw.rawValue
    ) -> [UInt8] {
        let key = text(key)
        var fields = RecordHeader()
        fields.keyLength = key.count
        fields.storedLength = 1
        fields.rawLength = 1
        var bytes = [UInt8](repeating: 0, count: fields.recordLength)
        let frame = Frame.word(
            number: header.number,
            generation: header.generation,
            offset: offset,
            length: bytes.count
        )
        let salt = RecordChecksum.salt(number: header.number, generation: header.generation)
        bytes.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            let writer = RecordWriter(base: base)
            writer.storeFrame(frame)
            _ = key.withUnsafeBytes { key in
                [UInt8(9)].withUnsafeBytes { writer.storeBody(fields, extensions: [], key: key, value: $0) }
            }
            base.storeBytes(of: kind, toByteOffset: 50, as: UInt8.self)
            base.storeBytes(of: codec, toByteOffset: 51, as: UInt8.self)
            let body = XXH3.hash(base + RecordChecksum.bodyOffset, count: buffer.count - RecordChecksum.bodyOffset)
            writer.finish(body: body, frame: frame, sequence: sequence, salt: salt)
        }
        return bytes
    }

    /// Leaves a segment without footer, with a record of the key "own" and of others; gives its header and where its
    /// records end.
    private func killedSegment(
        others: [(key: String, value: [UInt8])] = []
    ) throws -> (path: String, header: SegmentHeader, end: Int) {
        let store = try SegmentStore(directory: path, options: .stepped())
        try store.set("own", to: [1])
        for (key, value) in others { try store.set(key, to: value) }
        store.abandon()
        let file = try #require(directory.segmentPaths.first)
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
        let header = try #require(HeaderPair(startOfFile: bytes.span.bytes).header)
        var end = Format.recordsStart
        for _ in 0...others.count {
            end += bytes.withUnsafeBytes { Frame.length(of: $0.load(fromByteOffset: end, as: UInt64.self)) }
        }
        return (file, header, end)
    }

    private func write(_ bytes: [UInt8], to file: String, at offset: Int) throws {
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file))
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: Data(bytes))
        try handle.close()
    }

    /// Writers go on, and what they set is there after closing and reopening, twice.
    private func expectGoingOn(_ expected: [String: [UInt8]?]) throws {
        for round in 0..<3 {
            let store = try SegmentStore(directory: path, options: .stepped())
            for (key, value) in expected { #expect(try store.get(key) == value, "\(key), opening \(round)") }
            for earlier in 0..<round { #expect(try store.get("after \(earlier)") == [UInt8(earlier)]) }
            try store.set("after \(round)", to: [UInt8(round)])
            try store.set("own", to: [1])
            #expect(try store.get("after \(round)") == [UInt8(round)])
            #expect(store.invariantViolations() == [])
            if round == 1 { store.abandon() } else { try store.close() }
        }
    }

    @Test(arguments: [0, 1, 1_000] as [UInt64], [false, true])
    func aForgedSequenceDoesNotStopTheSequence(below: UInt64, isClosed: Bool) throws {
        for highest in [UInt64(1) << 62, .max, 1 << 60, (1 << 48) + 1] {
            let own = try ForgedSegmentTests()
            let (file, header, end) = try own.killedSegment()
            let sequence = highest - below
            try own.write(own.record("forged", header, at: end, sequence: sequence), to: file, at: end)
            // Far out it is not believed; near enough it is, and moves those to come.
            let isBelieved = sequence <= header.highestSequence
            if isClosed {
                let writer = try SegmentStore(directory: own.path, options: .stepped())
                try writer.close()
            }
            try own.expectGoingOn(["own": [1], "forged": isBelieved ? [9] : nil])
        }
    }

    @Test func aFooterWithAForgedSequenceIsNotBelieved() throws {
        let (file, header, end) = try killedSegment()
        let forged = record("forged", header, at: end, sequence: 1 << 61)
        try write(forged, to: file, at: end)
        var rows = RowTable()
        let row = FooterRow(
            keyHash: text("forged").withUnsafeBytes { XXH3.hash($0, seed: header.keyHashSeed) },
            offset: end,
            length: forged.count,
            sequence: 1 << 61,
            expiry: 0,
            tagHash: 0,
            kind: .put
        )
        rows.append(row)
        let footer = Footer.encoded(rows, recordEnd: end + forged.count, for: header, boot: 0)
        try write(footer, to: file, at: header.capacity - footer.count)
        try expectGoingOn(["own": [1], "forged": nil])
    }

    /// A forged row may state a hash that differs from its key's where the index does not look, or another length: a get
    /// finds the record all the same, and so must what replaces it.
    @Test(arguments: 0..<64, [0, 8])
    func aForgedRowIsHiddenByWhatReplacesIt(bit: Int, missing: Int) throws {
        for removes in [false, true] { try expectForgedRowHidden(bit: bit, missing: missing, removes: removes) }
    }

    private func expectForgedRowHidden(bit: Int, missing: Int, removes: Bool) throws {
        let own = try ForgedSegmentTests()
        let (file, header, end) = try own.killedSegment()
        let forged = own.record("forged", header, at: end, sequence: 2)
        try own.write(forged, to: file, at: end)
        var rows = RowTable()
        rows.append(
            FooterRow(
                keyHash: text("forged").withUnsafeBytes { XXH3.hash($0, seed: header.keyHashSeed) } ^ 1 << bit,
                offset: end,
                length: forged.count - missing,
                sequence: 2,
                expiry: 0,
                tagHash: 0,
                kind: .put
            )
        )
        let footer = Footer.encoded(rows, recordEnd: end + forged.count, for: header, boot: 0)
        try own.write(footer, to: file, at: header.capacity - footer.count)
        let writer = try SegmentStore(directory: own.path, options: .stepped())
        #expect(writer.recoveryReport.footersUsed == 1)
        if removes { try writer.remove("forged") } else { try writer.set("forged", to: [7]) }
        let expected: [UInt8]? = try writer.get("forged")
        #expect(expected == (removes ? nil : [7]))
        try writer.close()
        for options in [StoreOptions.readOnly, .stepped()] {
            let store = try SegmentStore(directory: own.path, options: options)
            #expect(try store.get("forged") == expected)
            try store.close()
        }
    }

    /// No honest segments share one; refreshing must not take one of them for the other.
    @Test func segmentsOfOneGenerationBothStay() throws {
        let (file, header, _) = try killedSegment()
        var twin = header
        twin.number += 1
        let bytes = [UInt8](repeating: 0, count: header.capacity)
        let twinFile = file.replacing(
            SegmentFile.name(number: header.number),
            with: SegmentFile.name(number: twin.number)
        )
        try Data(bytes).write(to: URL(fileURLWithPath: twinFile))
        for offset in Format.headerOffsets { try write(twin.encoded(), to: twinFile, at: offset) }
        try write(record("twin", twin, at: Format.recordsStart, sequence: 2), to: twinFile, at: Format.recordsStart)
        let reader = try SegmentStore(directory: path, options: .readOnly)
        for _ in 0..<2 {
            #expect(try reader.get("own") == [1])
            #expect(try reader.get("twin") == [9])
            try reader.refresh()
        }
        #expect(reader.invariantViolations() == [])
        try reader.close()
    }

    @Test func whatCannotBeGotIsNotListed() throws {
        let (file, header, end) = try killedSegment()
        // A put without a key, and a record of a kind that no version has yet; a forged footer calls both puts.
        let nameless = record("", header, at: end, sequence: 2)
        let newer = record("newer", header, at: end + nameless.count, sequence: 3, kind: 77)
        try write(nameless + newer, to: file, at: end)
        let hashes = [0, text("newer").withUnsafeBytes { XXH3.hash($0, seed: header.keyHashSeed) }]
        var rows = RowTable()
        var position = end
        for (number, record) in [nameless, newer].enumerated() {
            rows.append(
                FooterRow(
                    keyHash: hashes[number],
                    offset: position,
                    length: record.count,
                    sequence: UInt64(number + 2),
                    expiry: 0,
                    tagHash: 0,
                    kind: .put
                )
            )
            position += record.count
        }
        let footer = Footer.encoded(rows, recordEnd: position, for: header, boot: 0)
        try write(footer, to: file, at: header.capacity - footer.count)
        for options in [StoreOptions.readOnly, .stepped()] {
            let store = try SegmentStore(directory: path, options: options)
            #expect(store.recoveryReport.footersUsed == 1)
            var listed: [[UInt8]] = []
            try store.forEachKey { key in listed.append(key.withUnsafeBytes { Array($0) }) }
            #expect(listed == [])
            #expect(try store.get("newer") == nil)
            try store.close()
        }
    }

    @Test func aRecordOfAnUnknownKindRaisesTheSequence() throws {
        let (file, header, end) = try killedSegment()
        try write(record("newer", header, at: end, sequence: 500, kind: 77), to: file, at: end)
        let store = try SegmentStore(directory: path, options: .stepped())
        #expect(store.recoveryReport.findings.map(\.kind) == [.unknownRecord])
        #expect(try store.get("newer") == nil)
        let next = store.reservation.withLock { $0.nextSequence }
        #expect(next == 501)
        try store.close()
    }

    /// What a newer version stored in its own way misses, and what it replaced stays replaced.
    @Test func aValueOfAnUnknownCodecHidesWhatItReplaced() throws {
        let (file, header, end) = try killedSegment()
        try write(record("own", header, at: end, sequence: 500, codec: 77), to: file, at: end)
        for options in [StoreOptions.readOnly, .stepped()] {
            let store = try SegmentStore(directory: path, options: options)
            #expect(store.recoveryReport.findings.map(\.kind) == [.unknownRecord])
            #expect(try store.get("own") == nil)
            #expect(try store.statistics().damagedReads == 0)
            try store.close()
        }
        // The writer has sealed the segment: the record has its row.
        let store = try SegmentStore(directory: path, options: .stepped())
        #expect(store.recoveryReport.footersUsed == 1)
        #expect(store.recoveryReport.findings == [])
        #expect(try store.get("own") == nil)
        #expect(store.count == 1)
        #expect(try store.removeAll(where: EntrySelection(prefix: text("own"))) == 1)
        #expect(store.count == 0)
        try store.close()
    }

    private static func incompressible(_ count: Int) -> [UInt8] {
        var generator = SeededGenerator(seed: UInt64(count))
        return generator.bytes(count)
    }

    /// A newer version that closed its store has left a footer: the segment may be reclaimed.
    @Test func reclamationCarriesAValueOfAnUnknownCodec() throws {
        let (file, header, end) = try killedSegment(others: [("large", Self.incompressible(500_000))])
        let newer = record("own", header, at: end, sequence: 500, codec: 77)
        try write(newer, to: file, at: end)
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
        var rows = RowTable()
        bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            var offset = Format.recordsStart
            while offset < end + newer.count {
                let record = RecordView(base: base + offset, length: RecordView.statedLength(base + offset))
                rows.append(FooterRow(record, kind: .put, offset: offset, keyHashSeed: header.keyHashSeed))
                offset += record.length
            }
        }
        let footer = Footer.encoded(rows, recordEnd: end + newer.count, for: header, boot: 0)
        try write(footer, to: file, at: header.capacity - footer.count)

        let compacting = try SegmentStore(directory: path, options: .stepped())
        #expect(compacting.recoveryReport.footersUsed == 1)
        try compacting.remove("large")
        // The segment that is written to is not reclaimed.
        for number in 0..<2 { try compacting.set("\(number)", to: Self.incompressible(400_000)) }
        try compacting.compact()
        #expect(try compacting.statistics().reclamation.carried > 0)
        compacting.abandon()
        let store = try SegmentStore(directory: path, options: .stepped())
        #expect(store.recoveryReport.findings.map(\.kind) == [.unknownRecord])
        #expect(try store.get("own") == nil)
        try store.set("own", to: [3])
        #expect(try store.get("own") == [3])
        try store.close()
    }

    @Test func aHeaderThatLeavesNoSequenceIsRefusedToWriters() throws {
        var (file, header, _) = try killedSegment()
        header.baseSequence = 1 << 60
        for offset in Format.headerOffsets { try write(header.encoded(), to: file, at: offset) }
        let error = #expect(throws: StoreError.self) { _ = try SegmentStore(directory: path) }
        #expect(error?.code == .unsupportedFormat)
        let reader = try SegmentStore(directory: path, options: .readOnly)
        #expect(try reader.get("own") == [1])
    }

    @Test(arguments: UInt64(1)...24, [false, true])
    func ofEqualDirectoriesTheSameOneIsAlwaysChosen(value: UInt64, isHigh: Bool) throws {
        for number in 0..<2 {
            var header = SegmentHeader(
                number: 1,
                generation: 3,
                directory: DirectoryID(low: 1, high: 2),
                keyHashSeed: 7,
                baseSequence: 1,
                clearFloor: 0,
                capacity: 4_096,
                created: 5
            )
            if isHigh {
                header.directory.high = value + UInt64(number)
            } else {
                header.keyHashSeed = value + UInt64(number)
            }
            let bytes = header.encoded() + [UInt8](repeating: 0, count: header.capacity - Format.headerLength)
            try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(number).segment"))
        }
        let survey = try DirectorySurvey(path, owner: .found(hint: nil), files: LinuxFileLayer())
        let identity = try #require(survey.identity)
        #expect((isHigh ? identity.directory.high : identity.keyHashSeed) == value + 1)
    }

    /// A younger segment, first by name, that has the directory's identity but another seed.
    @Test(arguments: [false, true])
    func anotherSeedUnderTheDirectorysIdentityTakesNothingOver(hasLockFile: Bool) throws {
        let (_, header, _) = try killedSegment()
        var forged = header
        forged.keyHashSeed += 1
        forged.created += 1
        let bytes = forged.encoded() + [UInt8](repeating: 0, count: 4_096)
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/0.segment"))
        if !hasLockFile { try FileManager.default.removeItem(atPath: "\(path)/lock") }
        let reader = try SegmentStore(directory: path, options: .readOnly)
        try reader.refresh()
        #expect(try reader.get("own") == [1])
        #expect(try reader.verify().findings.map(\.kind) == [.foreignSegment])
        let writer = try SegmentStore(directory: path, options: .stepped())
        #expect(try writer.get("own") == [1])
        try writer.close()
    }

    /// Frames that hold, close together, each claiming what is left of the segment or some of it: the records before
    /// and behind them are found, and the bytes hashed on the way stay in proportion.
    @Test(arguments: [false, true])
    func forgedFramesDoNotMakeAScanSlow(claimsAll: Bool) throws {
        let (file, header, end) = try killedSegment()
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
        let limit = bytes.count - Format.footerTrailerLength
        let own = record("behind", header, at: limit - 512, sequence: 9)
        var start = end
        // A first word that is no frame opens the gap in which everything is tried.
        bytes.replaceSubrange(start..<start + 8, with: [UInt8](repeating: 1, count: 8))
        start += 8
        for offset in stride(from: start, to: limit - 1_024, by: claimsAll ? 64 : 8) {
            let length = claimsAll ? limit - offset : min(limit - offset, 56 + offset % 50_000 / 8 * 8)
            let frame = Frame.word(
                number: header.number,
                generation: header.generation,
                offset: offset,
                length: length
            )
            bytes.put(frame, at: offset)
            // Parts that add up, so that nothing but the hash tells.
            if claimsAll { bytes.put(UInt32(length - Format.recordHeaderLength), at: offset + 40) }
        }
        bytes.replaceSubrange(limit - 512..<limit - 512 + own.count, with: own)
        let image = bytes
        let (result, failed) = image.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return (nil, 0) as (SegmentScanner<MappedBytes>.Result?, Int) }
            var scanner = SegmentScanner(
                source: MappedBytes(base: base, count: limit),
                header: header,
                salt: RecordChecksum.salt(number: header.number, generation: header.generation),
                limit: limit,
                stopsAtIncomplete: false
            )
            let result = scanner.scan(from: Format.recordsStart)
            return (result, scanner.failedBytes.reduce(0, +))
        }
        #expect(result?.rows.count == 2)
        #expect(failed < 2 * 22 * limit)
    }
}
