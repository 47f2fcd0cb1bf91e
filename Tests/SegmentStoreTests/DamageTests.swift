import CLinux
import Foundation
import TestSupport
import Testing

@testable import SegmentStore

/// One segment of a small store, cut short or with a bit flipped anywhere: it opens, gives no wrong value, and loses
/// only what was hit.
@Suite(.inTurnOnOwnThread) struct DamageTests {
    /// With its footer after a clean close, or without one, as a killed writer leaves it.
    enum Ending: CaseIterable { case closed, killed }

    @Test(arguments: Ending.allCases)
    func losesOnlyWhatLayBehindACut(ending: Ending) throws {
        let seed = SeededGenerator.seed()
        let store = try DamagedStore(ending, seed: seed)
        var generator = SeededGenerator(seed: seed)
        var cuts = store.holeEnds
        for _ in 0..<2_000 { cuts.append(store.randomAllocatedOffset(&generator)) }
        for (number, cut) in cuts.enumerated() {
            try store.restore()
            truncate(store.path, cut)
            let wrong = try store.disagreements(asWriter: number % 20 == 0) { row in row.offset + row.length > cut }
            #expect(wrong == [], "seed \(seed), cut at \(cut)")
        }
    }

    @Test(arguments: Ending.allCases)
    func losesOnlyTheRecordThatAFlippedBitHits(ending: Ending) throws {
        let seed = SeededGenerator.seed()
        let store = try DamagedStore(ending, seed: seed)
        var generator = SeededGenerator(seed: seed)
        for number in 0..<2_000 {
            let offset = store.randomAllocatedOffset(&generator)
            let bit = UInt8(1) << UInt8.random(in: 0..<8, using: &generator)
            try store.restore()
            try store.overwrite(at: offset, with: [store.bytes[offset] ^ bit])
            let wrong = try store.disagreements(asWriter: number % 20 == 0) { row in
                (row.offset..<row.offset + row.length).contains(offset)
            }
            #expect(wrong == [], "seed \(seed), bit \(bit) at \(offset)")
            if store.isSealed && number % 20 == 1 {
                try store.restore()
                try store.overwrite(at: offset, with: [store.bytes[offset] ^ bit])
                let reader = try SegmentStore(directory: store.directory.path, options: .readOnly)
                // Every byte of a closed store is covered by some check, the state words and the free room apart.
                let found = try reader.verify().damage
                let isState = Format.headerOffsets.contains { ($0 + 248..<$0 + 256).contains(offset) }
                #expect(found > 0 || isState, "seed \(seed), bit \(bit) at \(offset) goes unseen")
            }
        }
    }

    @Test func countsADamagedReadAndKeepsTheOldValueDead() throws {
        let store = try DamagedStore(.closed, seed: 7)
        try store.restore()
        let row = try #require(store.rows.last { $0.kind == .put })
        try store.overwrite(at: row.offset + row.length - 9, with: [store.bytes[row.offset + row.length - 9] ^ 1])
        let reader = try SegmentStore(directory: store.directory.path, options: .readOnly)
        let key = store.key(of: row)
        #expect(try reader.get(key) == nil)
        #expect(try reader.statistics().damagedReads == 1)
        let report = try reader.verify()
        #expect(report.damage == 1)
        #expect(report.findings.first?.path == store.path)
        #expect(report.findings.first?.offset == row.offset)
    }

    @Test func refusesANewerFormatAndTouchesNothing() throws {
        for (offset, bytes) in [(8, [UInt8(2), 0]), (96, [1, 0, 0, 0])] {
            let store = try DamagedStore(.closed, seed: 3)
            var header = Array(store.bytes[0..<256])
            header.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            header.put(XXH3.hash(Array(header[..<240])), at: 240)
            for place in Format.headerOffsets { try store.overwrite(at: place, with: header) }
            let before = try store.snapshot()
            for options in [StoreOptions(), .readOnly] {
                let error = #expect(throws: StoreError.self) {
                    _ = try SegmentStore(directory: store.directory.path, options: options)
                }
                #expect(error?.code == .unsupportedFormat)
                #expect(error?.path == store.path)
            }
            #expect(try store.snapshot() == before)
        }
    }

    @Test func leavesForeignAndUnreadableFilesAlone() throws {
        let own = try DamagedStore(.closed, seed: 4)
        let foreign = try DamagedStore(.closed, seed: 5)
        let paths = ["0000000077.segment", "0000000078.segment", "notes.segment"].map { own.directory.path + "/" + $0 }
        try FileManager.default.copyItem(atPath: foreign.path, toPath: paths[0])
        try Data(repeating: 0, count: 1 << 20).write(to: URL(fileURLWithPath: paths[1]))
        try Data("no segment".utf8).write(to: URL(fileURLWithPath: paths[2]))
        let before = try paths.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
        let store = try SegmentStore(directory: own.directory.path)
        #expect(store.recoveryReport.findings.map(\.kind) == [.unreadableSegment, .foreignSegment, .foreignSegment])
        #expect(store.count == own.liveKeyCount)
        try store.set("more", to: [UInt8](repeating: 1, count: 2_000_000))
        try store.removeAll()
        try store.close()
        #expect(try paths.map { try Data(contentsOf: URL(fileURLWithPath: $0)) } == before)
    }
}

/// A store of one segment whose every record the test knows, and whose bytes it can put back.
private final class DamagedStore {
    let directory: TemporaryDirectory
    let path: String
    let bytes: [UInt8]
    let rows: [FooterRow]
    let isSealed: Bool
    private let allocated: [Range<Int>]
    private var history: [[UInt8]: [[UInt8]?]] = [:]

    init(_ ending: DamageTests.Ending, seed: UInt64) throws {
        directory = try TemporaryDirectory()
        var generator = SeededGenerator(seed: seed)
        let store = try SegmentStore(directory: directory.path, options: .stepped())
        for number in 0..<120 {
            let key = text("key-\(number % 50)")
            if number % 9 == 8 {
                // A removal of nothing writes nothing.
                if try store.remove(key) { history[key, default: []].append(nil) }
            } else {
                let size = Int.random(in: 0...400, using: &generator)
                let value = number % 3 == 0 ? [UInt8](repeating: 5, count: size) : generator.bytes(size)
                let options = SetOptions(tag: number % 4 == 0 ? text("tag") : nil, compression: .lz4(minimumLength: 1))
                try store.set(key, to: value, options: options)
                history[key, default: []].append(value)
            }
        }
        if ending == .closed { try store.close() } else { store.abandon() }
        isSealed = ending == .closed
        path = try #require(directory.segmentPaths.first)
        let content = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        bytes = content
        let pair = HeaderPair(startOfFile: content.span.bytes)
        let header = try #require(pair.header)
        let loaded = content.withUnsafeBytes { bytes in
            bytes.baseAddress.map { base in
                SegmentLoader(path: "", header: header, isWhole: true, besideWriter: false, boot: 1)
                    .load(mapped: base, count: bytes.count)
            }
        }
        var rows: [FooterRow] = []
        loaded?.rows.forEach { rows.append($0) }
        self.rows = rows
        let recordEnd = loaded?.recordEnd ?? 0
        let footerStart = bytes.count - (isSealed ? Footer.length(rowCount: rows.count) : Format.footerTrailerLength)
        allocated = [0..<(recordEnd + 4_095) & ~4_095, (footerStart & ~4_095)..<bytes.count]
    }

    var holeEnds: [Int] { [allocated[0].upperBound, allocated[1].lowerBound] }
    var liveKeyCount: Int { history.values.count { ($0.last ?? nil) != nil } }

    func randomAllocatedOffset(_ generator: inout SeededGenerator) -> Int {
        let total = allocated.reduce(0) { $0 + $1.count }
        let number = Int.random(in: 0..<total, using: &generator)
        return number < allocated[0].count ? number : allocated[1].lowerBound + number - allocated[0].count
    }

    func key(of row: FooterRow) -> [UInt8] {
        bytes.withUnsafeBytes { bytes in
            bytes.baseAddress.map { Array(RecordView(base: $0 + row.offset, length: row.length).key) } ?? []
        }
    }

    /// Puts the file back as it was, and takes away what a writer may have added.
    func restore() throws {
        for other in directory.segmentPaths where other != path { try FileManager.default.removeItem(atPath: other) }
        truncate(path, 0)
        truncate(path, bytes.count)
        for range in allocated { try overwrite(at: range.lowerBound, with: Array(bytes[range])) }
    }

    func overwrite(at offset: Int, with bytes: [UInt8]) throws {
        let files = LinuxFileLayer()
        try files.withFile(path, flags: O_RDWR) { descriptor throws(SystemError) in
            try files.writeFully(descriptor, bytes, at: offset)
        }
    }

    func snapshot() throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
            files[name] = try Data(contentsOf: URL(fileURLWithPath: directory.path + "/" + name))
        }
        return files
    }

    /// What an opener says that it may not say, if the records for which `isHit` holds are damaged.
    func disagreements(asWriter: Bool, isHit: (FooterRow) -> Bool) throws -> [String] {
        let store = try SegmentStore(directory: directory.path, options: asWriter ? .stepped() : .readOnly)
        var wrong = try disagreements(of: store, isHit: isHit)
        guard asWriter else { return wrong }
        // Going on with what is left must not cost anything either.
        try store.set("after", to: [1])
        try store.close()
        let reader = try SegmentStore(directory: directory.path, options: .readOnly)
        wrong += try disagreements(of: reader, isHit: isHit).map { "\($0), once a writer had gone on" }
        if try reader.get("after") != [1] { wrong.append("what was set afterwards is lost") }
        return wrong
    }

    private func disagreements(of store: SegmentStore, isHit: (FooterRow) -> Bool) throws -> [String] {
        var hit: [[UInt8]: [Int]] = [:]
        var seen: [[UInt8]: Int] = [:]
        for row in rows {
            let key = key(of: row)
            if isHit(row) { hit[key, default: []].append(seen[key, default: 0]) }
            seen[key, default: 0] += 1
        }
        var wrong: [String] = []
        for (key, values) in history {
            let got = try store.get(key)
            let last = values.count - 1
            if got == values[last] { continue }
            let name = String(decoding: key, as: UTF8.self)
            guard let hit = hit[key], hit.contains(last) else {
                wrong.append("\(name) changed, though its newest record is whole")
                continue
            }
            // The newest one is gone. Older ones that are whole may show, where no footer tells of the newest.
            let survivors = values.indices.filter { !hit.contains($0) }
            let older: [UInt8]? = survivors.last.flatMap { values[$0] }
            if got != nil && got != older { wrong.append("\(name) has a value that is not the one before") }
        }
        return wrong
    }
}
