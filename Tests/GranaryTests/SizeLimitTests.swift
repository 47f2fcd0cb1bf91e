import Foundation
import Granary
import Logging
import SegmentStore
import Synchronization
import TestSupport
import Testing

/// What a size limit does to a `SegmentCache`.
@Suite(.inTurn) struct SizeLimitTests {
    private func withDirectory(_ body: (String) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "granary-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path)
    }

    /// Twice what a limit of 1 MiB has room for.
    private func fill(_ cache: SegmentCache) async throws {
        for number in 0..<2_000 { try await cache.set("key-\(number)", to: CacheValue(incompressible(1_000))) }
    }

    private func incompressible(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: .min ... .max) } }

    @Test(arguments: [StoreOptions.Eviction.s3fifo, .fifo])
    func entriesLeaveOnceTheLimitIsReachedAndTheLogSaysSoOnce(eviction: StoreOptions.Eviction) async throws {
        RecordedLog.start()
        try await withDirectory { directory in
            let calls = Counter()
            var options = StoreOptions()
            options.onFirstEviction = { calls.increment() }
            let cache = try SegmentCache(directory: directory, sizeLimit: 1 << 20, eviction: eviction, options: options)
            try await cache.set("key", to: CacheValue([1]))
            #expect(RecordedLog.messages(naming: directory) == [] && calls.count == 0)
            try await fill(cache)
            #expect(try await cache.byteCount() <= 1 << 20)
            #expect(try await cache.count() < 2_000)
            #expect(try cache.store.statistics().reclamation.evictions > 0)
            #expect(try await cache.get("key-1999") != nil)
            try await cache.close()
            #expect(calls.count == 1)
            #expect(
                RecordedLog.messages(naming: directory)
                    == ["\(directory): the size limit of 1048576 bytes is reached; entries leave from now on"]
            )
        }
    }

    @Test func nothingLeavesWithoutALimit() async throws {
        RecordedLog.start()
        try await withDirectory { directory in
            let cache = try SegmentCache(directory: directory)
            try await fill(cache)
            #expect(try await cache.count() == 2_000)
            #expect(try await cache.byteCount() > 2_000_000)
            #expect(try cache.store.statistics().reclamation.evictions == 0)
            try await cache.close()
            #expect(RecordedLog.messages(naming: directory) == [])
        }
    }

    @Test func aFullCacheThatMayEvictNothingRefusesASetAndKeepsTheRest() async throws {
        try await withDirectory { directory in
            let cache = try SegmentCache(directory: directory, sizeLimit: 1 << 20, eviction: .none)
            let error = await #expect(throws: StoreError.self) { try await fill(cache) }
            #expect(error?.code == .full)
            let count = try await cache.count()
            #expect(count > 0)
            for number in 0..<count { #expect(try await cache.get("key-\(number)") != nil) }
            // Removing makes room.
            for number in 0..<count { try await cache.remove("key-\(number)") }
            try await cache.set("key", to: CacheValue([1]))
            #expect(try await cache.get("key") == CacheValue([1]))
            try await cache.close()
        }
    }

    @Test func theOptionsOwnLimitHoldsWhereNoneIsGiven() async throws {
        try await withDirectory { directory in
            let options = StoreOptions(sizeLimit: 1 << 20, eviction: .none)
            let bounded = try SegmentCache(directory: directory, options: options)
            await #expect(throws: StoreError.self) { try await fill(bounded) }
            try await bounded.close()
            let unlimited = try SegmentCache(directory: directory, sizeLimit: nil, options: options)
            try await fill(unlimited)
            #expect(try await unlimited.count() == 2_000)
            try await unlimited.close()
        }
    }

    @Test func aLimitBelowAMebibyteIsRefused() async throws {
        try await withDirectory { directory in
            let error = #expect(throws: StoreError.self) {
                try SegmentCache(directory: directory, sizeLimit: 1 << 20 - 1)
            }
            #expect(error?.code == .invalidSizeLimit)
        }
    }

    @Test func aTagsEntriesAreRemovedAndNoOthers() async throws {
        try await withDirectory { directory in
            let cache = try SegmentCache(directory: directory)
            let long = String(repeating: "ä", count: 200)
            let tags = ["weather", "news", nil, "", "weather", long]
            for (number, tag) in tags.enumerated() {
                try await cache.set("\(number)", to: CacheValue([1]), options: CacheSetOptions(tag: tag))
            }
            #expect(try await cache.removeAll(taggedWith: "weather") == 2)
            #expect(try await cache.removeAll(taggedWith: "weather") == 0)
            #expect(try await cache.removeAll(taggedWith: "") == 0)
            // Kept are its first 255 bytes.
            #expect(try await cache.removeAll(taggedWith: long) == 1)
            var keys: [String] = []
            for try await key in cache.keys { keys.append(key) }
            #expect(keys.sorted() == ["1", "2", "3"])
            try await cache.close()
        }
    }
}

/// What this process logs from the first `start` on.
enum RecordedLog {
    private static let lines = Mutex<[String]>([])
    private static let bootstrap: Void = LoggingSystem.bootstrap { _ in Handler() }

    static func start() { bootstrap }

    static func messages(naming text: String) -> [String] { lines.withLock { $0.filter { $0.contains(text) } } }

    private struct Handler: LogHandler {
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { RecordedLog.lines.withLock { $0.append("\(event.message)") } }
    }
}
