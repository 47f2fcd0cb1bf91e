import CLinux
import Foundation
import Glibc
import Testing

@testable import SegmentStore

/// A store of one segment of three pages: records, a hole, and the footer or what became of it. Its bytes can be changed
/// and put back one by one.
final class SmallStore {
    let bytes: [UInt8]
    let rows: [FooterRow]
    /// True if the last reader's opening or verification reported something, as damage where the store was closed.
    private(set) var seesDamage = false
    private let isClosed: Bool
    private let directory: TemporaryDirectory
    private let path: String
    private let recordEnd: Int
    private let footerStart: Int
    private var acts: [Act] = []

    private struct Act {
        /// Nil: everything was removed.
        var key: [UInt8]?
        /// Nil: the key was removed.
        var value: [UInt8]?
    }

    private static let pageSize = 4_096
    private static let capacity = 3 * pageSize

    init(_ ending: EveryByteTests.Ending) throws {
        isClosed = ending == .closed
        directory = try TemporaryDirectory(inMemory: true)
        acts = try Self.fill(directory.path)
        path = try #require(directory.segmentPaths.first)
        let written = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        var header = try #require(HeaderPair(startOfFile: written.span.bytes).header)
        let loaded = try #require(
            written.withUnsafeBytes { bytes in
                bytes.baseAddress.map { base in
                    SegmentLoader(path: "", header: header, isWhole: true, besideWriter: false, boot: 0)
                        .load(mapped: base, count: bytes.count)
                }
            }
        )
        var rows: [FooterRow] = []
        loaded.rows.forEach { rows.append($0) }
        try #require(rows.count == acts.count && loaded.recordEnd < Self.pageSize)
        self.rows = rows
        recordEnd = loaded.recordEnd

        // The same records in a smaller file, so that every byte of it can have its turn.
        header.capacity = Self.capacity
        var image = [UInt8](repeating: 0, count: Self.capacity)
        image.replaceSubrange(0..<recordEnd, with: written[..<recordEnd])
        for offset in Format.headerOffsets {
            image.replaceSubrange(offset..<offset + Format.headerLength, with: header.encoded())
        }
        let footer = Footer.encoded(loaded.rows, recordEnd: recordEnd, for: header, boot: 0)
        if isClosed { image.replaceSubrange(Self.capacity - footer.count..<Self.capacity, with: footer) }
        footerStart = Self.capacity - (isClosed ? footer.count : Format.footerTrailerLength)
        bytes = image
        try restore()
    }

    /// Every kind of record; leaves the store as a killed writer does.
    private static func fill(_ directory: String) throws -> [Act] {
        let store = try SegmentStore(directory: directory, options: .stepped())
        var acts: [Act] = []
        func set(_ key: [UInt8], _ value: [UInt8], _ options: SetOptions = SetOptions()) throws {
            try store.set(key, to: value, options: options)
            acts.append(Act(key: key, value: value))
        }
        func remove(_ key: String) throws {
            #expect(try store.remove(key))
            acts.append(Act(key: text(key)))
        }
        try set(text("cleared"), text("before the clear"))
        try set(text("set again"), text("before the clear too"))
        try store.removeAll()
        acts.append(Act())
        try set(text("plain"), text("a value"))
        try set(text("replaced"), text("the first"))
        let lz4 = SetOptions(compression: .lz4(minimumLength: 1))
        try set(text("compressed"), [UInt8](repeating: 5, count: 300), lz4)
        try set(text("removed"), text("not for long"))
        try set(text("tagged"), text("with a tag"), SetOptions(tag: text("tag"), callerByte: 3))
        try set(text("replaced"), text("the second"))
        try remove("removed")
        try set(text("set again"), [])
        try set([0, 255], [1, 2, 3], SetOptions(expiry: 4_000_000_000_000))
        try set(text("replaced"), text("the third"))
        try set(text("back"), text("once"))
        try remove("back")
        try set(text("back"), text("twice"))
        try set(text("compact"), Prose.bytes(200), SetOptions(compression: .compactLZ4(minimumLength: 1)))
        store.abandon()
        return acts
    }

    // MARK: Places

    /// Headers, footer, and the record with most to it.
    func deservesEveryBit(_ offset: Int) -> Bool {
        let compressed = rows[5]
        return offset < Format.recordsStart || offset >= footerStart
            || (compressed.offset..<compressed.offset + compressed.length).contains(offset)
    }

    /// No check covers the state words, the hole of a closed store, and, where there is no footer, the free bytes in
    /// front of its place that are too few for a record.
    func isUnchecked(_ offset: Int) -> Bool {
        if Format.headerOffsets.contains(where: { ($0 + 248..<$0 + 256).contains(offset) }) { return true }
        if isClosed { return (Self.pageSize..<2 * Self.pageSize).contains(offset) }
        return (footerStart - Format.recordHeaderLength + 8..<footerStart).contains(offset)
    }

    // MARK: Changes

    func flip(_ bit: Int, at offset: Int, back: Bool = false) throws {
        try write([back ? bytes[offset] : bytes[offset] ^ (1 << UInt8(bit))], at: offset)
    }

    func cut(at length: Int) throws {
        try #require(truncate(path, length) == 0)
    }

    /// Puts the file back as it was, and takes away what a writer may have added.
    func restore() throws {
        for other in directory.segmentPaths where other != path { try FileManager.default.removeItem(atPath: other) }
        try #require(truncate(path, Self.capacity) == 0)
        try write(bytes, at: 0)
    }

    private func write(_ bytes: [UInt8], at offset: Int) throws {
        let files = LinuxFileLayer()
        try files.withFile(path, flags: O_RDWR) { descriptor throws(SystemError) in
            try files.writeFully(descriptor, bytes, at: offset)
        }
    }

    // MARK: What must be

    /// The entries that the surviving records make.
    func replay(_ survives: [Bool]) -> [[UInt8]: [UInt8]] {
        var entries: [[UInt8]: [UInt8]] = [:]
        for (act, isLeft) in zip(acts, survives) where isLeft {
            if let key = act.key { entries[key] = act.value } else { entries = [:] }
        }
        return entries
    }

    /// The entries that are left when a byte is changed: beside a footer a damaged record keeps hiding what it replaced,
    /// without one it is as if it had never been.
    func expectation(hit offset: Int) -> [[UInt8]: [UInt8]] {
        let survives = rows.map { !($0.offset..<$0.offset + $0.length).contains(offset) }
        guard isClosed else { return replay(survives) }
        var entries = replay(rows.map { _ in true })
        guard let hit = survives.firstIndex(of: false), let key = acts[hit].key else { return entries }
        if acts.lastIndex(where: { $0.key == key }) == hit { entries[key] = nil }
        return entries
    }

    /// What a reader, and a writer that goes on, show otherwise than expected.
    func disagreements(with expected: [[UInt8]: [UInt8]], asWriter: Bool) throws -> [String] {
        let reader = try SegmentStore(directory: directory.path, options: .readOnly)
        let found = try reader.recoveryReport.findings + reader.verify().findings
        seesDamage = isClosed ? found.contains(where: \.isDamage) : !found.isEmpty
        var wrong = try disagreements(of: reader, with: expected)
        try reader.close()
        guard asWriter else { return wrong }
        let writer = try SegmentStore(directory: directory.path, options: .stepped())
        wrong += try disagreements(of: writer, with: expected).map { "to a writer: \($0)" }
        try writer.set("after", to: [1])
        try writer.close()
        let again = try SegmentStore(directory: directory.path, options: .readOnly)
        let later = expected.merging([text("after"): [1]]) { $1 }
        wrong += try disagreements(of: again, with: later).map { "once a writer had gone on: \($0)" }
        try again.close()
        return wrong
    }

    private func disagreements(
        of store: SegmentStore,
        with expected: [[UInt8]: [UInt8]]
    ) throws -> [String] {
        var wrong: [String] = []
        for key in Set(acts.compactMap(\.key)).union(expected.keys) {
            let got = try store.get(key)
            if got != expected[key] { wrong.append("\(String(decoding: key, as: UTF8.self)) gives \(got as Any)") }
        }
        var listed: Set<[UInt8]> = []
        try store.forEachKey { key in listed.insert(key.withUnsafeBytes { Array($0) }) }
        if listed != Set(expected.keys) { wrong.append("\(listed.count) keys are listed, not \(expected.count)") }
        return wrong
    }
}
