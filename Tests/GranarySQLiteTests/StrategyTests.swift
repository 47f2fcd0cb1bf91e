import Foundation
import GRDB
import Granary
import TestSupport
import Testing

@testable import GranarySQLite

/// What every strategy promises, and what a user of a disk cache does.
@Suite(.inTurnOnOwnThread) struct StrategyTests {
    @Test func doesWhatADiskCacheUserDoesToday() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file)
        try await cache.set("a/1", to: CacheValue([1], coding: .json))
        try await cache.set([CacheEntry("a/2", CacheValue([2])), CacheEntry("b", CacheValue([]))])
        #expect(try await cache.get("a/1") == CacheValue([1], coding: .json))
        #expect(try await cache.get(["b", "c", "a/2", "b"]) == [CacheValue([]), nil, CacheValue([2]), CacheValue([])])
        #expect(try await cache.count() == 3)
        #expect(try await cache.byteCount() >= directory.fileSize && directory.fileSize > 0)
        #expect(try await cache.keys(hasPrefix: "a/").all() == ["a/1", "a/2"])
        #expect(try await cache.remove("a/1"))
        #expect(try await !cache.remove("a/1"))
        let statistics = try await cache.statistics()
        #expect(statistics.hits == 4 && statistics.misses == 1 && statistics.sets == 3 && statistics.damaged == 0)
        try await cache.flush()
        try await cache.removeAll()
        #expect(try await cache.count() == 0)
        #expect(try await cache.get("b") == nil)
        try await cache.close()
    }

    /// NORMAL forces the log when it is copied into the database, FULL with every commit.
    @Test(arguments: [(SQLiteCacheOptions.Durability.checkpoints, 1), (.everySet, 2)])
    func theWriterForcesWhatItsDurabilitySays(durability: SQLiteCacheOptions.Durability, level: Int) async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file, options: SQLiteCacheOptions(durability: durability))
        let found = try await cache.connections.writeAlone { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
        #expect(found == level)
        try await cache.close()
    }

    @Test func keepsEverythingAcrossOpenings() async throws {
        let directory = try TemporaryDirectory()
        let time = ManualClock()
        let options = SQLiteCacheOptions(clock: time.clock)
        var cache = try await SQLiteCache(file: directory.file, options: options)
        let coding = ValueCoding(rawValue: 255)
        try await cache.set(
            "key",
            to: CacheValue([1, 2, 3], coding: coding),
            options: CacheSetOptions(expiry: .after(.seconds(1)), tag: "tag")
        )
        try await cache.close()
        cache = try await SQLiteCache(file: directory.file, options: options)
        #expect(try await cache.get("key") == CacheValue([1, 2, 3], coding: coding))
        #expect(try await cache.statistics().hits == 1)
        time.advance(by: 1_000)
        #expect(try await cache.get("key") == nil)
        try await cache.close()
    }

    @Test func returnsNothingThatHasExpired() async throws {
        let directory = try TemporaryDirectory()
        let time = ManualClock()
        let cache = try await SQLiteCache(file: directory.file, options: SQLiteCacheOptions(clock: time.clock))
        let options = CacheSetOptions(expiry: .after(.seconds(10)))
        for key in ["a", "b", "c"] { try await cache.set(key, to: CacheValue([1]), options: options) }
        try await cache.set("never", to: CacheValue([2]), options: CacheSetOptions(expiry: .at(milliseconds: .max)))
        time.advance(by: 9_999)
        #expect(try await cache.bytes("a") == [1])
        time.advance(by: 1)
        #expect(try await cache.get(["a", "b", "never"]) == [nil, nil, CacheValue([2])])
        #expect(try await cache.keys.all() == ["never"])
        #expect(try await !cache.remove("b"))
        try await cache.set("past", to: CacheValue([3]), options: CacheSetOptions(expiry: .after(.seconds(-1))))
        #expect(try await cache.get("past") == nil)
        // The set has taken away what had expired.
        #expect(try await cache.count() == 1)
        // A key that had expired can be set again, without an end.
        try await cache.set("a", to: CacheValue([4]))
        time.advance(by: 1_000_000)
        #expect(try await cache.bytes("a") == [4])
    }

    @Test func aSetRemovesAFewOfWhatHasExpiredAndCompactingAllOfIt() async throws {
        let directory = try TemporaryDirectory()
        let time = ManualClock()
        let cache = try await SQLiteCache(file: directory.file, options: SQLiteCacheOptions(clock: time.clock))
        let options = CacheSetOptions(expiry: .after(.seconds(1)))
        let value = CacheValue([UInt8](repeating: 1, count: 2_000))
        try await cache.set((0..<1_000).map { CacheEntry("\($0)", value, options: options) })
        time.advance(by: 1_000)
        try await cache.set("key", to: CacheValue([1]))
        #expect(try await cache.count() == 1_001 - 16)
        #expect(try await cache.compact() > 1_900_000)
        #expect(try await cache.count() == 1)
        #expect(try await cache.bytes("key") == [1])
    }

    @Test func tellsSpellingsApart() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file)
        let keys = ["\u{E9}", "e\u{301}", "e", "E", "e ", "e\0", "e\0f", "\0", "1", "01", "x'31'", "'; DROP TABLE x"]
        for (number, key) in keys.enumerated() { try await cache.set(key, to: CacheValue([UInt8(number)])) }
        for (number, key) in keys.enumerated() { #expect(try await cache.bytes(key) == [UInt8(number)]) }
        #expect(try await cache.count() == keys.count)
        let listed = try await cache.keys.all().map { Array($0.utf8) }
        #expect(Set(listed) == Set(keys.map { Array($0.utf8) }) && listed.count == keys.count)
        #expect(try await cache.keys(hasPrefix: "e\0").all() == ["e\0", "e\0f"])
        #expect(try await cache.keys(hasPrefix: "e\u{301}").all().map { Array($0.utf8) } == [Array("e\u{301}".utf8)])
    }

    @Test func listsEachKeyThatLivesThroughoutOnceWhateverIsSetMeanwhile() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file)
        let value = CacheValue([1])
        for prefix in ["a/", "b/", "c/"] {
            try await cache.set((0..<2_500).map { CacheEntry("\(prefix)\($0)", value) })
        }
        let keys = cache.keys(hasPrefix: "b/")
        var seen: [String] = []
        for try await key in keys {
            seen.append(key)
            // Replaces what was listed and what was not, adds before and behind, and removes.
            guard seen.count % 500 == 0 else { continue }
            try await cache.set((0..<2_500).map { CacheEntry("b/\($0)", value) })
            try await cache.set([CacheEntry("b/!\(seen.count)", value), CacheEntry("b/x\(seen.count)", value)])
            try await cache.remove("a/\(seen.count)")
        }
        let throughout = (0..<2_500).map { "b/\($0)" }
        #expect(Set(seen).isSuperset(of: throughout) && Set(seen).count == seen.count)
        // Another iterator begins at the beginning.
        #expect(try await keys.all().count == 2_510)
    }

    @Test(arguments: [1, 100, 4_061, 4_062, 100_000, 20_000_000])
    func takesValuesOfAnySize(size: Int) async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file)
        let value = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            for index in 0..<size { buffer[index] = UInt8(truncatingIfNeeded: index &* 0x9E37_79B9 >> 11) }
            count = size
        }
        try await cache.set("key", to: CacheValue(value))
        #expect(try await cache.bytes("key") == value)
        try await cache.close()
    }

    @Test func takesKeysOfUpTo65535BytesAndNoneThatIsEmpty() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file)
        let longest = String(repeating: "k", count: 65_535)
        try await cache.set(longest, to: CacheValue([1]))
        #expect(try await cache.bytes(longest) == [1])
        for key in ["", longest + "k"] {
            let failure = await error { try await cache.set(key, to: CacheValue([1])) }
            #expect(failure?.code == .invalidKey)
            #expect(try await cache.get(key) == nil)
        }
        // Nothing of a part with such a key is stored.
        let entries = ["a", ""].map { CacheEntry($0, CacheValue([1])) }
        let failure = await error { try await cache.set(entries) }
        #expect(failure?.code == .invalidKey)
        #expect(try await cache.count() == 1)
    }

    @Test func storesManyEntriesOfWhichTheLaterCounts() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file)
        let entries = (0..<2_500).map { CacheEntry("\($0 % 2_000)", CacheValue(Array("\($0)".utf8))) }
        try await cache.set(entries)
        try await cache.set([])
        #expect(try await cache.count() == 2_000)
        let values = try await cache.get((0..<2_001).map { "\($0)" })
        for (number, value) in values.enumerated() {
            let expected: Int? = number < 500 ? number + 2_000 : number < 2_000 ? number : nil
            #expect(value == expected.map { CacheValue(Array("\($0)".utf8)) })
        }
        #expect(try await cache.get([String]()) == [])
    }

    @Test func aTagsEntriesAreRemovedAndNoOthers() async throws {
        let directory = try TemporaryDirectory()
        let time = ManualClock()
        let cache = try await SQLiteCache(file: directory.file, options: SQLiteCacheOptions(clock: time.clock))
        let long = String(repeating: "ä", count: 200)
        let tags = ["weather", "news", nil, "", "weather", long]
        for (number, tag) in tags.enumerated() {
            try await cache.set("\(number)", to: CacheValue([1]), options: CacheSetOptions(tag: tag))
        }
        let ending = CacheSetOptions(expiry: .after(.seconds(1)), tag: "weather")
        try await cache.set("ended", to: CacheValue([1]), options: ending)
        time.advance(by: 1_000)
        #expect(try await cache.removeAll(taggedWith: "weather") == 2)
        #expect(try await cache.removeAll(taggedWith: "weather") == 0)
        #expect(try await cache.removeAll(taggedWith: "") == 0)
        // Kept are its first 255 bytes.
        #expect(try await cache.removeAll(taggedWith: long) == 1)
        #expect(try await cache.keys.all() == ["1", "2", "3"])
        // A key that is set again has the new tag alone.
        try await cache.set("1", to: CacheValue([2]), options: CacheSetOptions(tag: "sport"))
        #expect(try await cache.removeAll(taggedWith: "news") == 0)
        let sport = CacheSetOptions(tag: "sport")
        try await cache.set((0..<2_500).map { CacheEntry("s\($0)", CacheValue([1]), options: sport) })
        #expect(try await cache.removeAll(taggedWith: "sport") == 2_501)
        #expect(try await cache.keys.all() == ["2", "3"])
    }

    @Test func clearingGivesTheDiskSpaceBack() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file)
        try await cache.set((0..<3_000).map { CacheEntry("\($0)", CacheValue([UInt8](repeating: 1, count: 1_000))) })
        try await cache.flush()
        #expect(try await cache.byteCount() > 3_000_000)
        try await cache.removeAll()
        #expect(try await cache.byteCount() < 200_000)
        try await cache.set("key", to: CacheValue([1]))
        #expect(try await cache.keys.all() == ["key"])
    }

    @Test func aSetWhoseTaskIsCancelledIsStoredAllTheSame() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file)
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await cache.set("key", to: CacheValue([1]))
            return try await cache.get("key")
        }
        task.cancel()
        #expect(try await task.value == CacheValue([1]))
    }

    @Test func aClosedCacheRefusesCallsAndMayBeClosedAgain() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file)
        try await cache.set("key", to: CacheValue([1]))
        try await cache.close()
        try await cache.close()
        let calls: [() async throws -> Void] = [
            { _ = try await cache.get("key") }, { _ = try await cache.get(["key"]) },
            { try await cache.set("key", to: CacheValue([2])) }, { try await cache.remove("key") },
            { try await cache.removeAll() }, { _ = try await cache.count() }, { _ = try await cache.keys.all() },
            { try await cache.flush() }, { try await cache.removeAll(taggedWith: "tag") },
            { try await cache.compact() },
        ]
        for call in calls {
            let failure = await error(of: call)
            #expect(failure?.code == .closed && failure?.description.contains(directory.file) == true)
        }
        // SQLite has put its log into the database and taken it away.
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["cache.sqlite"])
    }
}
