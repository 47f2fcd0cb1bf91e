import Granary
import GranarySQLite
import Synchronization
import TestSupport
import Testing

/// What a size limit does.
@Suite(.inTurnOnOwnThread) struct SizeLimitTests {
    private static let limit = 1 << 20

    private func value(_ count: Int) -> CacheValue { CacheValue([UInt8](repeating: 7, count: count)) }

    @Test func whatWasStoredLeastRecentlyLeavesAndTheFirstToLeaveIsReported() async throws {
        let directory = try TemporaryDirectory()
        let reports = Mutex(0)
        var options = SQLiteCacheOptions()
        options.onFirstEviction = { reports.withLock { $0 += 1 } }
        let cache = try await SQLiteCache(file: directory.file, sizeLimit: Self.limit, options: options)
        for number in 0..<500 { try await cache.set("\(number)", to: value(1_000)) }
        #expect(cache.evictionCount == 0 && reports.withLock { $0 } == 0)
        // Read or not, it is the time of storing that counts.
        try await cache.set("0", to: value(1_000))
        _ = try await cache.get("1")
        for number in 500..<3_000 {
            try await cache.set("\(number)", to: value(1_000))
            #expect(directory.fileSize <= Self.limit)
        }
        let count = try await cache.count()
        #expect(count > 600 && cache.evictionCount == 3_000 - count)
        let kept = Set(try await cache.keys.all())
        #expect(kept == Set((3_000 - count..<3_000).map { "\($0)" }))
        #expect(reports.withLock { $0 } == 1)
        try await cache.close()
        #expect(directory.fileSize <= Self.limit)
    }

    @Test func severalOpenersThatSetAtOnceStayWithinTheLimitTogether() async throws {
        let directory = try TemporaryDirectory()
        var caches: [SQLiteCache] = []
        for _ in 0..<2 { caches.append(try await SQLiteCache(file: directory.file, sizeLimit: Self.limit)) }
        try await withThrowingTaskGroup(of: Void.self) { [caches] group in
            for (task, cache) in (caches + caches).enumerated() {
                group.addTask {
                    for number in 0..<800 {
                        let key = "\(task)/\(number)"
                        try await cache.set(key, to: value(1_000))
                        #expect(directory.fileSize <= Self.limit)
                    }
                }
            }
            try await group.waitForAll()
        }
        let counts = [try await caches[0].count(), try await caches[1].count()]
        #expect(counts[0] == counts[1] && counts[0] > 600)
        #expect(caches.reduce(0) { $0 + $1.evictionCount } == 4 * 800 - counts[0])
        for cache in caches { try await cache.close() }
        #expect(try directory.text("PRAGMA integrity_check") == "ok")
    }

    @Test func aKeyThatIsSetAgainIsYoungAgain() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file, sizeLimit: Self.limit)
        for number in 0..<2_000 {
            try await cache.set("wanted", to: value(10))
            try await cache.set("\(number)", to: value(1_000))
            #expect(try await cache.get("wanted") != nil)
        }
        #expect(cache.evictionCount > 0)
    }

    @Test func whatHasExpiredGoesBeforeWhatLives() async throws {
        let directory = try TemporaryDirectory()
        let time = ManualClock()
        let options = SQLiteCacheOptions(sizeLimit: Self.limit, clock: time.clock)
        let cache = try await SQLiteCache(file: directory.file, options: options)
        for number in 0..<300 { try await cache.set("old-\(number)", to: value(1_000)) }
        let ending = CacheSetOptions(expiry: .after(.seconds(1)))
        for number in 0..<300 { try await cache.set("ending-\(number)", to: value(1_000), options: ending) }
        time.advance(by: 1_000)
        for number in 0..<300 { try await cache.set("new-\(number)", to: value(1_000)) }
        #expect(cache.evictionCount == 0)
        #expect(try await cache.keys(hasPrefix: "old-").all().count == 300)
    }

    @Test func aLargeValueTakesThePlaceOfManyAndOneThatIsTooLargeOfNone() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file, sizeLimit: Self.limit)
        for number in 0..<600 { try await cache.set("\(number)", to: value(1_000)) }
        let failure = await error { try await cache.set("large", to: value(Self.limit)) }
        #expect(failure?.code == .valueTooLarge && cache.evictionCount == 0)
        try await cache.set("large", to: value(900_000))
        #expect(try await cache.get("large") == value(900_000))
        #expect(directory.fileSize <= Self.limit)
        // Each of these takes the whole room but for the one before.
        for number in 0..<5 {
            try await cache.set("large-\(number)", to: value(900_000))
            #expect(try await cache.get("large-\(number)") == value(900_000))
            #expect(directory.fileSize <= Self.limit)
        }
        #expect(try await cache.count() == 1)
    }

    @Test func aDatabaseLargerThanTheLimitShrinksAsItIsWrittenTo() async throws {
        let directory = try TemporaryDirectory()
        let unlimited = try await SQLiteCache(file: directory.file)
        try await unlimited.set((0..<5_000).map { CacheEntry("\($0)", value(1_000)) })
        #expect(unlimited.evictionCount == 0)
        try await unlimited.close()
        let cache = try await SQLiteCache(file: directory.file, sizeLimit: Self.limit)
        #expect(try await cache.count() == 5_000)
        try await cache.set("first", to: value(1))
        // One set gives back some, and no more than that.
        #expect((4_000..<5_000).contains(try await cache.count()))
        for number in 0..<50 { try await cache.set("new-\(number)", to: value(1)) }
        #expect(try await cache.get("4999") != nil && cache.evictionCount > 4_000)
        #expect(try await cache.compact() > 4_000_000)
        #expect(directory.fileSize <= Self.limit)
    }

    @Test func manyEntriesAtOnceKeepToTheLimitToo() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file, sizeLimit: Self.limit)
        try await cache.set((0..<3_000).map { CacheEntry("\($0)", value(1_000)) })
        try await cache.close()
        #expect(directory.fileSize <= Self.limit)
    }

    @Test func aLimitBelowAMebibyteIsRefused() async throws {
        let directory = try TemporaryDirectory()
        let failure = await error { _ = try await SQLiteCache(file: directory.file, sizeLimit: 1 << 20 - 1) }
        #expect(failure?.code == .invalidSizeLimit)
    }
}
