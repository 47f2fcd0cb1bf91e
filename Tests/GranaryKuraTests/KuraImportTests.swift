import Foundation
import GRDB
import Granary
import GranarySummaries
import SegmentStore
import TestSupport
import Testing

@testable import GranaryKura

/// Whole caches of Kura's, and what an import makes of them.
@Suite(.inTurn) struct KuraImportTests {
    private let now: UInt64 = 1_800_000_000_000
    private var clock: StoreClock { StoreClock { [now] in now } }

    private func run(_ directory: String, into cache: any CacheStrategy) async throws -> KuraImportReport {
        try await KuraImport(from: directory).run(into: cache, clock: clock)
    }

    private func content(_ key: String, in cache: any CacheStrategy) async throws -> SummaryContent? {
        try await Cache<SummaryContent>(over: cache).value(forKey: "kura/" + key)
    }

    // MARK: What a killed Kura left

    @Test func bringsOverWhatAKilledProcessLeftInTheLog() async throws {
        let directory = try TemporaryDirectory()
        let kura = try directory.addKilledCache()
        let cache = MemoryCache(clock: clock)
        let report = try await run(kura, into: cache)
        #expect(report.imported == 4 && report.expired == 1 && report.damage == nil)
        #expect(report.skips.map(\.reason) == [.foreignKey, .foreignValue] && report.skipped == 2)
        let plain = PickleReaderTests.plain
        #expect(try await content(String(repeating: "0", count: 32), in: cache) == plain)
        let large = try #require(try await content(String(repeating: "1", count: 32), in: cache))
        #expect(large.summary == String(repeating: "long ", count: 8_000) && large.topic == plain.topic)
        #expect(try await content(String(repeating: "3", count: 32), in: cache)?.topic == "in 2100")
        #expect(
            try await content(String(repeating: "5", count: 32), in: cache) == SummaryContent(summary: "Generated.")
        )
        #expect(try await cache.count() == 4)
    }

    @Test func itIsTheLogThatHasThem() async throws {
        let directory = try TemporaryDirectory()
        let kura = try directory.addKilledCache()
        try FileManager.default.removeItem(atPath: kura + "/cache.db-wal")
        #expect(try await run(kura, into: MemoryCache()) == KuraImportReport())
    }

    @Test func changesNothingInKurasDirectoryAndLeavesNothingElsewhere() async throws {
        let directory = try TemporaryDirectory()
        let kura = try directory.addKilledCache()
        let temporary = directory.path + "/temporary"
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: false)
        let before = try contents(of: kura)
        let source = try await KuraImport(from: kura, temporaryDirectory: temporary)
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
        #expect(source.entryCount == 7)
        #expect(try await source.run(into: MemoryCache(), clock: clock).imported == 4)
        #expect(try contents(of: kura) == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
    }

    @Test func aReadOnlyDirectoryWillDo() async throws {
        let directory = try TemporaryDirectory()
        let mount = directory.path + "/mount"
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: false)
        guard try call("/bin/mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount) else {
            if ProcessInfo.processInfo.environment["CI"] != nil { Issue.record("cannot mount a tmpfs") }
            print("not run: mounting a tmpfs is not allowed here")
            return
        }
        defer { _ = try? call("/bin/umount", mount) }
        let fixture = TestFiles.directory.appending(path: "Fixtures/killed").path
        try FileManager.default.copyItem(atPath: fixture, toPath: mount + "/kura")
        #expect(try call("/bin/mount", "-o", "remount,ro", mount))
        #expect(!FileManager.default.createFile(atPath: mount + "/kura/new", contents: nil))
        #expect(try await run(mount + "/kura", into: MemoryCache()).imported == 4)
    }

    private func call(_ path: String, _ arguments: String...) throws -> Bool {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    // MARK: What is stored

    @Test func theValueIsCodedAsTheSummaryLayerCodesIt() async throws {
        let kura = try KuraDirectory()
        try kura.add(String.key(1), Data(PickleWriter.summary()))
        let cache = MemoryCache()
        #expect(try await run(kura.path, into: cache).imported == 1)
        let value = try await cache.get("kura/" + .key(1))
        #expect(value == CacheValue(Array(#"{"summary":"A summary."}"#.utf8), coding: .json))
    }

    @Test func theKeyIsFoundByTheConversation() async throws {
        let conversation = Conversation(chatID: "42", messages: [Message(role: "user", content: "it's \u{200B}")])
        let key = KuraKeys().key(for: conversation, model: "openai/gpt-4o-mini", temperature: 0.2)
        let kura = try KuraDirectory()
        try kura.add(String(key.dropFirst("kura/".count)), Data(PickleWriter.summary()))
        let cache = MemoryCache()
        _ = try await run(kura.path, into: cache)
        #expect(try await Cache<SummaryContent>(over: cache).value(forKey: key)?.summary == "A summary.")
    }

    @Test func keepsWhenAnEntryEndsAndWhoseItIs() async throws {
        let kura = try KuraDirectory()
        let pickle = Data(PickleWriter.summary())
        try kura.add(String.key(1), pickle)
        try kura.add(String.key(2), pickle, expiry: Double(now) / 1_000 + 1.5)
        try kura.add(String.key(3), pickle, expiry: Int(now / 1_000) + 1)
        try kura.add(String.key(4), pickle, expiry: 1e300)
        for (number, expiry) in [Double(now) / 1_000, 0, -1, -1e300, -Double.infinity].enumerated() {
            try kura.add(String.key(10 + number), pickle, expiry: expiry)
        }
        for (number, expiry) in (["soon", Data([1])] as [any DatabaseValueConvertible]).enumerated() {
            try kura.add(String.key(20 + number), pickle, expiry: expiry)
        }
        let recorder = Recorder()
        let report = try await KuraImport(from: kura.path).run(into: recorder, model: "openai/gpt", clock: clock)
        #expect(report.imported == 4 && report.expired == 5)
        #expect(report.skips.map(\.reason) == [.foreignValue] && report.skipped == 2)
        let options = await recorder.options
        #expect(options.allSatisfy { $0.value.tag == "openai/gpt" })
        #expect(options["kura/" + .key(1)]?.expiry == nil)
        #expect(options["kura/" + .key(2)]?.expiry == .at(milliseconds: now + 1_500))
        #expect(options["kura/" + .key(3)]?.expiry == .at(milliseconds: now + 1_000))
        #expect(options["kura/" + .key(4)]?.expiry == .at(milliseconds: .max))
    }

    @Test func thousandsOfEntriesComeOverInBatchesWithProgress() async throws {
        let kura = try KuraDirectory()
        let pickle = Data(PickleWriter.summary())
        try kura.run("BEGIN")
        for number in 0..<1_700 { try kura.add(String.key(number), number % 7 == 3 ? Data([1]) : pickle) }
        try kura.run("COMMIT")
        let progress = ProgressRecorder()
        let source = try await KuraImport(from: kura.path)
        let cache = MemoryCache()
        let report = try await source.run(into: cache) { progress.add($0) }
        #expect(report.imported + report.skipped == 1_700 && report.skips.map(\.reason) == [.damagedPickle])
        #expect(report.skips[0].count == 243 && report.skips[0].example.hasPrefix(.key(3)))
        #expect(progress.values == [500, 1_000, 1_500, 1_700, 1_700])
        #expect(try await cache.count() == report.imported)
    }

    @Test func importingAgainReplaces() async throws {
        let kura = try KuraDirectory()
        try kura.add(String.key(1), Data(PickleWriter.summary()))
        let cache = MemoryCache()
        _ = try await run(kura.path, into: cache)
        let changed = PickleWriter.summary { $0.text("topic").text("new") }
        try kura.run("UPDATE Cache SET value = ?", [Data(changed)])
        #expect(try await run(kura.path, into: cache).imported == 1)
        #expect(try await content(.key(1), in: cache)?.topic == "new")
    }

    @Test func aCacheThatFailsEndsTheImport() async throws {
        let kura = try KuraDirectory()
        try kura.add(String.key(1), Data(PickleWriter.summary()))
        await #expect(throws: FullCache.Failure.self) { try await run(kura.path, into: FullCache()) }
    }

    @Test func cancellingEndsItAndKeepsWhatIsThere() async throws {
        let kura = try KuraDirectory()
        try kura.run("BEGIN")
        for number in 0..<1_200 { try kura.add(String.key(number), Data(PickleWriter.summary())) }
        try kura.run("COMMIT")
        let source = try await KuraImport(from: kura.path)
        let cache = MemoryCache()
        let task = Task {
            try await source.run(into: cache) { _ in withUnsafeCurrentTask { $0?.cancel() } }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await cache.count() == 500)
    }
}

/// Remembers what entries were stored with.
private actor Recorder: CacheStrategy {
    private(set) var options: [String: CacheSetOptions] = [:]
    func get(_ key: String) async throws -> CacheValue? { nil }
    func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws { self.options[key] = options }
}

private struct FullCache: CacheStrategy {
    struct Failure: Error {}
    func get(_ key: String) async throws -> CacheValue? { nil }
    func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws { throw Failure() }
}
