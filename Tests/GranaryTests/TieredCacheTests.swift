import Granary
import SegmentStore
import Synchronization
import TestSupport
import Testing

/// Two tiers that tests can make fail, with times that tests advance.
struct TieredFixture {
    let time = TestTime()
    let uptime = TestUptime()
    let sleep = TestSleep()
    let upper: FaultyTier
    let lower: FaultyTier
    let cache: TieredCache

    init(name: String = "lower", _ change: (inout TieredCacheOptions) -> Void = { _ in }) throws {
        upper = FaultyTier(clock: time.clock)
        lower = FaultyTier(clock: time.clock)
        var options = TieredCacheOptions()
        options.clock = time.clock
        options.uptime = uptime.now
        options.sleep = sleep.sleep
        options.random = { 1 }
        options.backOff = TierBackOff(first: .seconds(1), longest: .seconds(8))
        change(&options)
        cache = try TieredCache([CacheTier("upper", upper), CacheTier(name, lower)], options: options)
    }

    var lowerFigures: TierStatistics { cache.tierStatistics[1] }

    func get(_ key: String) async throws -> UInt8? { try await cache.get(key)?.bytes.first }
    func set(_ key: String, _ byte: UInt8) async throws { try await cache.set(key, to: CacheValue([byte])) }

    /// Sets the key, and waits until it is on its way to the lower tier, where it stays until the stop is opened.
    func setHeldUp(_ key: String, _ byte: UInt8) async throws -> Stop {
        let stop = Stop()
        lower.holdNextWrite(at: stop)
        try await set(key, byte)
        await stop.waitUntilReached()
        return stop
    }
}

@Suite(.inTurn) struct TieredCacheTests {
    @Test func aCacheWithoutTiersIsRefused() {
        #expect(throws: TieredCacheError.self) { try TieredCache([]) }
    }

    @Test func aHitInALowerTierIsKeptAboveForTheTimeThatItHasLeft() async throws {
        let tiers = try TieredFixture()
        let end = tiers.time.clock.milliseconds() + 10_000
        let options = CacheSetOptions(expiry: .at(milliseconds: end))
        try await tiers.lower.set("ends", to: CacheValue([1], coding: .json), options: options)
        try await tiers.lower.set("stays", to: CacheValue([2]))
        tiers.time.advance(by: 4_000)
        #expect(try await tiers.cache.get("ends") == CacheValue([1], coding: .json))
        #expect(try await tiers.cache.get("stays") == CacheValue([2]))
        #expect(try await tiers.upper.base.hit("ends") == CacheHit(CacheValue([1], coding: .json), end: .at(end)))
        #expect(try await tiers.upper.base.hit("stays") == CacheHit(CacheValue([2]), end: .never))
        #expect(tiers.cache.tierStatistics[0].fills == 2)
        // The next one is the upper tier's alone.
        let reads = tiers.lower.calls.reads.count
        #expect(try await tiers.get("stays") == 2)
        #expect(tiers.lower.calls.reads.count == reads)
        tiers.time.advance(by: 6_000)
        #expect(try await tiers.get("ends") == nil)
    }

    @Test func aHitOfUnknownEndIsPassedOnAndNotKept() async throws {
        let tiers = try TieredFixture()
        try await tiers.lower.set("key", to: CacheValue([1]))
        tiers.lower.fail { $0.hidesEnds = true }
        #expect(try await tiers.get("key") == 1)
        #expect(try await tiers.cache.hit("key") == CacheHit(CacheValue([1]), end: .unknown))
        #expect(try await tiers.cache.hits(["key"]) == [CacheHit(CacheValue([1]), end: .unknown)])
        #expect(try await tiers.upper.base.count() == 0)
    }

    @Test func eachTierIsAskedOnceAndForNoMoreThanTheOnesAboveLack() async throws {
        let tiers = try TieredFixture()
        try await tiers.upper.set([CacheEntry("a", CacheValue([1])), CacheEntry("c", CacheValue([3]))])
        try await tiers.lower.set([CacheEntry("b", CacheValue([2])), CacheEntry("d", CacheValue([4]))])
        let keys = ["d", "a", "x", "b", "c", "d"]
        #expect(try await tiers.cache.get(keys).map { $0?.bytes.first } == [4, 1, nil, 2, 3, 4])
        #expect(tiers.upper.calls.reads == [keys])
        #expect(tiers.lower.calls.reads == [["d", "x", "b", "d"]])
        // What was found below has come up in one call, once for each key.
        #expect(tiers.upper.calls.writes.last == ["d", "b"])
        #expect(try await tiers.cache.get(["d", "b"]).map { $0?.bytes.first } == [4, 2])
        #expect(tiers.lower.calls.reads.count == 1)
        let statistics = try await tiers.cache.statistics()
        #expect(statistics.hits == 7 && statistics.misses == 1)
    }

    @Test func aSetGoesToEveryTierWithOneEnd() async throws {
        let tiers = try TieredFixture()
        let stop = Stop()
        tiers.lower.holdNextWrite(at: stop)
        let set = Task { [tiers] in
            try await tiers.cache.set("a", to: CacheValue([1]), options: CacheSetOptions(expiry: .after(.seconds(5))))
        }
        await stop.waitUntilReached()
        tiers.time.advance(by: 1_000)
        stop.open()
        try await set.value
        let ends = [try await tiers.upper.base.hit("a")?.end, try await tiers.lower.base.hit("a")?.end]
        #expect(ends[0] != nil && ends[0] == ends[1])
        try await tiers.cache.set([CacheEntry("b", CacheValue([2])), CacheEntry("c", CacheValue([3]))])
        #expect(tiers.lower.calls.writes == [["a"], ["b", "c"]])
        #expect(try await tiers.cache.statistics().sets == 3)
    }

    @Test func keysOfAllTiersAreListedOnceAndCountedAsTheTierThatHasMost() async throws {
        let tiers = try TieredFixture()
        try await tiers.cache.set((0..<1_500).map { CacheEntry("both/\($0)", CacheValue([1])) })
        try await tiers.lower.base.set((0..<1_200).map { CacheEntry("lower/\($0)", CacheValue([1])) })
        try await tiers.upper.base.set("upper", to: CacheValue([1]))
        try await tiers.upper.base.set("\u{E9}", to: CacheValue([1]))
        try await tiers.lower.base.set("e\u{301}", to: CacheValue([1]))
        let keys = try await tiers.cache.keys.reduce(into: [[UInt8]]()) { $0.append(Array($1.utf8)) }
        #expect(keys.count == 2_703 && Set(keys).count == keys.count)
        #expect(try await tiers.cache.count() == 2_701)
        let bytes = [try await tiers.upper.base.byteCount(), try await tiers.lower.base.byteCount()]
        #expect(try await tiers.cache.byteCount() == bytes[0] + bytes[1])
        let listed = try await tiers.cache.keys(hasPrefix: "lower/").reduce(into: 0) { count, _ in count += 1 }
        #expect(listed == 1_200)
    }

    @Test func aCopiedListingGoesOnByItself() async throws {
        let tiers = try TieredFixture()
        try await tiers.cache.set((0..<10).map { CacheEntry("both/\($0)", CacheValue([1])) })
        try await tiers.lower.base.set((0..<10).map { CacheEntry("lower/\($0)", CacheValue([1])) })
        var first = tiers.cache.keys.makeAsyncIterator()
        for _ in 0..<5 { _ = try await first.next() }
        var second = first
        var counts = [0, 0]
        while try await first.next() != nil { counts[0] += 1 }
        while try await second.next() != nil { counts[1] += 1 }
        #expect(counts == [15, 15])
    }

    @Test func nothingIsAnsweredAfterClosing() async throws {
        let tiers = try TieredFixture()
        try await tiers.set("key", 1)
        try await tiers.cache.close()
        await #expect(throws: CacheClosedError.self) { try await tiers.get("key") }
        await #expect(throws: CacheClosedError.self) { try await tiers.cache.get(["key"]) }
        await #expect(throws: CacheClosedError.self) { try await tiers.set("key", 2) }
        await #expect(throws: CacheClosedError.self) { try await tiers.cache.statistics() }
        #expect(tiers.cache.tierStatistics.map(\.failures) == [0, 0])
    }
}
