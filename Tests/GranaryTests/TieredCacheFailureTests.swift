import Granary
import SegmentStore
import TestSupport
import Testing

/// Tiers that fail: nothing waits for them, nothing old comes back from them, and they are brought up to date.
@Suite(.inTurn) struct TieredCacheFailureTests {
    @Test func aTierThatFailsIsLeftOutWithOneLineAndTriedAgainAfterABackOffThatDoubles() async throws {
        RecordedLog.start()
        let tiers = try TieredFixture(name: "lower-that-fails")
        tiers.lower.fail { $0.isReadingDown = true }
        for number in 0..<10 { #expect(try await tiers.get("\(number)") == nil) }
        #expect(tiers.lower.calls.reads.count == 1)
        #expect(tiers.lowerFigures.failures == 1 && tiers.lowerFigures.skipped == 9)
        #expect(tiers.lowerFigures.isReadingSuspended && !tiers.lowerFigures.isWritingSuspended)
        // Writing is watched apart, and still done.
        try await tiers.set("a", 1)
        #expect(tiers.lower.calls.writes == [["a"]])
        var expected = 1
        for seconds in [1, 2, 4, 8, 8] {
            tiers.uptime.advance(by: .seconds(seconds) - .milliseconds(1))
            #expect(try await tiers.get("early") == nil)
            #expect(tiers.lower.calls.reads.count == expected)
            tiers.uptime.advance(by: .milliseconds(1))
            for _ in 0..<3 { #expect(try await tiers.get("due") == nil) }
            expected += 1
            #expect(tiers.lower.calls.reads.count == expected)
        }
        #expect(RecordedLog.messages(naming: "lower-that-fails").count == 1)
        tiers.lower.comeBack()
        tiers.uptime.advance(by: .seconds(8))
        for number in 0..<3 { #expect(try await tiers.get("\(number)") == nil) }
        #expect(tiers.lower.calls.reads.count == expected + 3)
        #expect(
            RecordedLog.messages(naming: "lower-that-fails") == [
                "the tier lower-that-fails: reading fails and is left out; it is tried again in 1000 ms: Down()",
                "the tier lower-that-fails: reading works again after failing 6 times",
            ]
        )
    }

    @Test func oneCallerTriesATierThatMayBeBackAndTheOthersDoNotWait() async throws {
        let tiers = try TieredFixture()
        tiers.lower.fail { $0.isReadingDown = true }
        _ = try await tiers.get("a")
        tiers.uptime.advance(by: .seconds(1))
        let stop = Stop()
        tiers.lower.holdNextRead(at: stop)
        let trying = Task { [tiers] in try await tiers.get("a") }
        await stop.waitUntilReached()
        for _ in 0..<5 { #expect(try await tiers.get("b") == nil) }
        #expect(tiers.lower.calls.reads == [["a"], ["a"]])
        stop.open()
        #expect(try await trying.value == nil)
    }

    @Test func callsThatFailTogetherCountOnce() async throws {
        let tiers = try TieredFixture()
        tiers.lower.fail { $0.isReadingDown = true }
        let stops = (0..<5).map { _ in Stop() }
        var calls: [Task<UInt8?, any Error>] = []
        for (number, stop) in stops.enumerated() {
            tiers.lower.holdNextRead(at: stop)
            calls.append(Task { [tiers] in try await tiers.get("\(number)") })
            await stop.waitUntilReached()
        }
        for stop in stops { stop.open() }
        for call in calls { #expect(try await call.value == nil) }
        #expect(tiers.lowerFigures.failures == 5)
        // The first back-off, not the fifth.
        tiers.uptime.advance(by: .seconds(1))
        _ = try await tiers.get("again")
        #expect(tiers.lower.calls.reads.count == 6)
    }

    @Test func aGetThrowsOnlyIfNoTierCouldBeAsked() async throws {
        let tiers = try TieredFixture()
        tiers.lower.goDown()
        #expect(try await tiers.get("a") == nil)
        tiers.upper.goDown()
        await #expect(throws: FaultyTier.Down.self) { try await tiers.get("a") }
        // Left out by now, both of them.
        await #expect(throws: FaultyTier.Down.self) { try await tiers.get("a") }
        await #expect(throws: FaultyTier.Down.self) { try await tiers.cache.get(["a", "b"]) }
        await #expect(throws: FaultyTier.Down.self) { try await tiers.set("a", 1) }
        tiers.lower.comeBack()
        tiers.uptime.advance(by: .seconds(1))
        #expect(try await tiers.get("a") == nil)
    }

    @Test(arguments: [false, true])
    func anOlderValueNeverComesBackFromATierThatMissedASet(isDoneAllTheSame: Bool) async throws {
        let tiers = try TieredFixture()
        try await tiers.set("key", 1)
        tiers.lower.fail { ($0.isWritingDown, $0.failsAfterWriting) = (true, isDoneAllTheSame) }
        try await tiers.set("key", 2)
        #expect(try await tiers.get("key") == 2)
        // The upper tier loses it, as when it has to make room.
        try await tiers.upper.base.remove("key")
        #expect(try await tiers.get("key") == nil)
        #expect(try await tiers.cache.get(["key"]) == [nil])
        #expect(try await tiers.cache.keys.reduce(into: 0) { count, _ in count += 1 } == 0)
        #expect(tiers.lowerFigures.outdated == 1)
        // Back again, it has nothing of the key.
        tiers.lower.comeBack()
        tiers.uptime.advance(by: .seconds(1))
        #expect(try await tiers.get("key") == nil)
        await tiers.cache.finishRecovery()
        #expect(try await tiers.lower.base.get("key") == nil)
        #expect(tiers.lowerFigures.outdated == 0 && tiers.lowerFigures.repaired == 1)
    }

    @Test func aTierThatComesBackGetsWhatItMissed() async throws {
        let tiers = try TieredFixture()
        tiers.lower.goDown()
        let end = tiers.time.clock.milliseconds() + 60_000
        let options = CacheSetOptions(expiry: .at(milliseconds: end))
        for number in 0..<200 {
            try await tiers.cache.set("\(number)", to: CacheValue([UInt8(number)]), options: options)
        }
        #expect(tiers.lower.calls.writes.count == 1 && tiers.lowerFigures.outdated == 200)
        tiers.lower.comeBack()
        tiers.uptime.advance(by: .seconds(1))
        try await tiers.set("another", 1)
        await tiers.cache.finishRecovery()
        #expect(tiers.lowerFigures.outdated == 0 && tiers.lowerFigures.repaired == 200)
        #expect(try await tiers.lower.base.count() == 201)
        #expect(try await tiers.lower.base.hit("17") == CacheHit(CacheValue([17]), end: .at(end)))
    }

    @Test func theFirstTierMayMissASetAsWell() async throws {
        let tiers = try TieredFixture()
        try await tiers.set("key", 1)
        tiers.upper.fail { $0.isWritingDown = true }
        try await tiers.set("key", 2)
        #expect(try await tiers.upper.base.get("key") == CacheValue([1]))
        #expect(try await tiers.get("key") == 2)
        #expect(try await tiers.cache.hits(["key"])[0]?.value == CacheValue([2]))
        tiers.upper.comeBack()
        tiers.uptime.advance(by: .seconds(1))
        #expect(try await tiers.get("key") == 2)
        await tiers.cache.finishRecovery()
        #expect(try await tiers.get("key") == 2)
        #expect(tiers.cache.tierStatistics[0].outdated == 0)
    }

    @Test func keysBeyondThoseThatAreRememberedAreNotAskedForEither() async throws {
        let tiers = try TieredFixture { $0.rememberedKeys = 10 }
        try await tiers.cache.set((0..<100).map { CacheEntry("\($0)", CacheValue([1])) })
        tiers.lower.goDown()
        for number in 0..<100 { try await tiers.set("\(number)", 2) }
        try await tiers.upper.base.removeAll()
        tiers.lower.comeBack()
        tiers.uptime.advance(by: .seconds(1))
        for number in 0..<100 { #expect(try await tiers.get("\(number)") == nil) }
        await tiers.cache.finishRecovery()
        for number in 0..<100 { #expect(try await tiers.get("\(number)") == nil) }
        // Other keys are asked for, and everything is once the tier was cleared.
        try await tiers.lower.base.set("another", to: CacheValue([3]))
        #expect(try await tiers.get("another") == 3)
        try await tiers.cache.removeAll()
        try await tiers.lower.base.set("50", to: CacheValue([4]))
        #expect(try await tiers.get("50") == 4)
    }

    @Test func aRemovalSaysWhichTierFailedAndIsDoneThereLater() async throws {
        let tiers = try TieredFixture()
        try await tiers.set("key", 1)
        tiers.lower.fail { $0.isWritingDown = true }
        let error = await #expect(throws: TieredCacheError.self) { try await tiers.cache.remove("key") }
        #expect(error?.failures.map(\.tier) == ["lower"])
        #expect(error?.description.hasPrefix("removing a key failed in the tier lower: Down(); it is gone") == true)
        #expect(try await tiers.get("key") == nil)
        tiers.lower.comeBack()
        tiers.uptime.advance(by: .seconds(1))
        #expect(try await tiers.get("key") == nil)
        await tiers.cache.finishRecovery()
        #expect(try await tiers.lower.base.count() == 0)
        #expect(try await !tiers.cache.remove("key"))
    }

    @Test func whatATierOutlivedARemovalOfEverythingWithDoesNotCount() async throws {
        let tiers = try TieredFixture()
        for key in ["a", "b", "c"] { try await tiers.set(key, 1) }
        tiers.lower.fail { $0.isWritingDown = true }
        let error = await #expect(throws: TieredCacheError.self) { try await tiers.cache.removeAll() }
        #expect(error?.failures.map(\.tier) == ["lower"])
        #expect(try await tiers.cache.get(["a", "b", "c"]) == [nil, nil, nil])
        try await tiers.set("b", 2)
        try await tiers.upper.base.remove("b")
        #expect(try await tiers.get("b") == nil)
        try await tiers.set("c", 3)
        tiers.lower.comeBack()
        tiers.uptime.advance(by: .seconds(2))
        #expect(try await tiers.get("a") == nil)
        await tiers.cache.finishRecovery()
        #expect(try await tiers.lower.base.get("c") == CacheValue([3]))
        #expect(try await tiers.lower.base.count() == 1)
        #expect(try await tiers.cache.get(["a", "b", "c"]) == [nil, nil, CacheValue([3])])
    }

    @Test func managingCallsSayWhichTierCannotBeAsked() async throws {
        let tiers = try TieredFixture()
        tiers.lower.goDown()
        for call in [
            { _ = try await tiers.cache.count() }, { _ = try await tiers.cache.byteCount() },
            { for try await _ in tiers.cache.keys {} }, { try await tiers.cache.flush() },
        ] as [() async throws -> Void] {
            let error = await #expect(throws: TieredCacheError.self) { try await call() }
            #expect(error?.failures.map(\.tier) == ["lower"])
        }
    }

    @Test func aValueThatOneTierRefusesIsKeptByTheOthersAndNoOutage() async throws {
        let tiers = try TieredFixture()
        try await tiers.set("key", 1)
        tiers.lower.fail { $0.refusesLongerThan = 10 }
        let long = CacheValue([UInt8](repeating: 2, count: 11))
        try await tiers.cache.set("key", to: long)
        // Nor does the older one stay there.
        #expect(try await tiers.lower.base.get("key") == nil)
        try await tiers.cache.set([
            CacheEntry("a", CacheValue([1])), CacheEntry("b", long), CacheEntry("c", CacheValue([3])),
        ])
        #expect(try await tiers.lower.base.get(["a", "b", "c"]) == [CacheValue([1]), nil, CacheValue([3])])
        #expect(try await tiers.cache.get("b") == long)
        #expect(tiers.lowerFigures.refused == 2 && tiers.lowerFigures.failures == 0)
        #expect(!tiers.lowerFigures.isWritingSuspended && tiers.lowerFigures.outdated == 0)
        tiers.upper.fail { $0.refusesLongerThan = 10 }
        await #expect(throws: FaultyTier.Refused.self) { try await tiers.cache.set("key", to: long) }
        #expect(try await tiers.get("key") == nil)
    }

    @Test func aCallerThatGivesUpIsNoFailureOfTheTier() async throws {
        let tiers = try TieredFixture()
        try await tiers.set("key", 1)
        let stop = Stop()
        tiers.lower.holdNextWrite(at: stop)
        let set = Task { [tiers] in try await tiers.set("key", 2) }
        await stop.waitUntilReached()
        set.cancel()
        stop.open()
        // The upper tier has taken it.
        try await set.value
        #expect(tiers.lowerFigures.failures == 0 && !tiers.lowerFigures.isWritingSuspended)
        await tiers.cache.finishRecovery()
        try await tiers.upper.base.remove("key")
        #expect(try await tiers.get("key") != 1)
        let stopRead = Stop()
        tiers.lower.holdNextRead(at: stopRead)
        let get = Task { [tiers] in try await tiers.get("absent") }
        await stopRead.waitUntilReached()
        get.cancel()
        stopRead.open()
        await #expect(throws: CancellationError.self) { try await get.value }
        #expect(tiers.lowerFigures.failures == 0 && !tiers.lowerFigures.isReadingSuspended)
    }
}
