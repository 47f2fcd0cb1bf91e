import Foundation
import TestSupport
import Testing

@testable import SegmentStore

/// Files that version 1 wrote open for ever, or are refused with a clear error.
///
/// A golden segment is kept without its hole: the bytes up to the last record, and those of the footer.
@Suite(.inTurnOnOwnThread) struct GoldenTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden")
    private static let head = folder.appending(path: "version-1.head")
    private static let tail = folder.appending(path: "version-1.tail")
    private static let capacity = 1 << 20
    private static let time: UInt64 = 1_700_000_000_000

    private var options: StoreOptions {
        var options = StoreOptions.stepped(.never, clock: StoreClock { Self.time })
        options.compression = .lz4(minimumLength: 1_000)
        return options
    }

    @Test func opensWhatVersionOneWrote() throws {
        let directory = try TemporaryDirectory()
        let head = try Data(contentsOf: Self.head)
        let tail = try Data(contentsOf: Self.tail)
        let hole = Data(count: Self.capacity - head.count - tail.count)
        try (head + hole + tail).write(to: URL(fileURLWithPath: directory.path + "/0000000001.segment"))
        for access in [StoreOptions.Access.readOnly, .readWrite] {
            var options = options
            options.access = access
            let store = try SegmentStore(directory: directory.path, options: options)
            #expect(store.recoveryReport.footersUsed == 1 && store.recoveryReport.findings.isEmpty)
            #expect(store.count == 5)
            #expect(try store.get("raw") == text("a raw value"))
            #expect(try store.get("compressed") == [UInt8](repeating: 0x61, count: 5_000))
            #expect(try store.get("empty") == [])
            #expect(try store.get("replaced") == text("new"))
            #expect(try store.get([0xFF, 0x00]) == text("a key that is no text"))
            #expect(try store.get("removed") == nil && store.get("cleared") == nil && store.get("expired") == nil)
            let entry = try #require(try store.entry("raw"))
            #expect(entry.tag == text("tag") && entry.callerByte == 7 && entry.expiry == Self.time + 1_000)
            #expect(entry.created == UInt32(Self.time / 1_000))
            #expect(try store.verify().findings == [])
            try store.close()
        }
    }

    /// Writes the golden files, where a new version of the format calls for new ones.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["GRANARY_WRITE_GOLDEN"] != nil))
    func writesTheGoldenFiles() throws {
        let directory = try TemporaryDirectory()
        let store = try SegmentStore(directory: directory.path, options: options)
        try store.set("cleared", to: text("gone"))
        try store.removeAll()
        let set = SetOptions(expiry: Self.time + 1_000, tag: text("tag"), callerByte: 7)
        try store.set("raw", to: text("a raw value"), options: set)
        try store.set("compressed", to: [UInt8](repeating: 0x61, count: 5_000))
        try store.set("empty", to: [])
        try store.set("replaced", to: text("old"))
        try store.set("replaced", to: text("new"))
        try store.set("removed", to: text("gone"))
        try store.remove("removed")
        try store.set("expired", to: text("gone"), options: SetOptions(expiry: Self.time))
        try store.set([0xFF, 0x00], to: text("a key that is no text"))
        try store.close()
        let path = try #require(directory.segmentPaths.first)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(bytes.count == Self.capacity)
        let lastUsed = try #require(bytes[..<(Self.capacity / 2)].lastIndex { $0 != 0 })
        let footer = try #require(bytes[(Self.capacity / 2)...].firstIndex { $0 != 0 })
        try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
        try bytes[...lastUsed].write(to: Self.head)
        try bytes[footer...].write(to: Self.tail)
    }
}
