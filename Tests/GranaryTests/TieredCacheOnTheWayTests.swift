import Granary
import Synchronization
import TestSupport
import Testing

/// What is written while an earlier value of the same key is on its way to a tier, which takes its time.
@Suite(.inTurn, .timeLimit(.minutes(30))) struct TieredCacheOnTheWayTests {
    /// Once nothing is on its way any more, the lower tier has this and is believed.
    private static func expectLower(_ tiers: TieredFixture, has value: [UInt8]?) async throws {
        try await tiers.cache.flush()
        await tiers.cache.finishRecovery()
        #expect(try await tiers.lower.base.get("key")?.bytes == value)
        #expect(tiers.lowerFigures.queued == 0 && tiers.lowerFigures.outdated == 0)
        try await tiers.upper.base.removeAll()
        #expect(try await tiers.cache.get("key")?.bytes == value)
    }

    /// Whoever does not wait, but should, goes ahead.
    private static func giveOthersTime() async { for _ in 0..<1_000 { await Task.yield() } }

    @Test func aSetBehindWaitsForNothingAndComesAfterTheEarlierOne() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        let stop = try await tiers.setHeldUp("key", 1)
        try await tiers.set("key", 2)
        try await tiers.set("key", 3)
        #expect(tiers.lowerFigures.queued == 1)
        // The upper tier loses it: what waits is read, not what is on its way.
        try await tiers.upper.base.remove("key")
        #expect(try await tiers.get("key") == 3)
        stop.open()
        try await Self.expectLower(tiers, has: [3])
        #expect(tiers.lowerFigures.sets == 2)
    }

    @Test func whatHasNoRoomMeanwhileIsNotTakenForTheEarlierValue() async throws {
        let tiers = try TieredFixture {
            $0.writing = .behind
            $0.queuedBytes = 100
        }
        let stop = try await tiers.setHeldUp("key", 1)
        let long = [UInt8](repeating: 2, count: 200)
        try await tiers.cache.set("key", to: CacheValue(long))
        #expect(tiers.lowerFigures.dropped == 1 && tiers.lowerFigures.outdated == 1)
        stop.open()
        try await Self.expectLower(tiers, has: long)
    }

    @Test(arguments: [false, true])
    func anEarlierValueThatIsRefusedTakesNoLaterOneWithIt(_ isRemovalDown: Bool) async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        let (writing, again) = (Stop(), Stop())
        tiers.lower.fail { $0.refusesLongerThan = 10 }
        tiers.lower.holdNextWrite(at: writing)
        try await tiers.cache.set("key", to: CacheValue([UInt8](repeating: 1, count: 20)))
        await writing.waitUntilReached()
        tiers.lower.holdNextWrite(at: again)
        // Refused as a batch, it is tried alone; then what the tier may hold of it is removed.
        writing.open()
        await again.waitUntilReached()
        try await tiers.set("key", 2)
        if isRemovalDown { tiers.lower.fail { $0.isWritingDown = true } }
        again.open()
        if isRemovalDown {
            while !tiers.lowerFigures.isWritingSuspended { await Task.yield() }
            await tiers.cache.finishRecovery()
            #expect(tiers.lowerFigures.queued == 1 && tiers.lowerFigures.outdated == 0)
            tiers.lower.comeBack()
        }
        try await Self.expectLower(tiers, has: [2])
    }

    @Test func aRepairWithAnEarlierValueDoesNotMakeALaterOneGood() async throws {
        let tiers = try TieredFixture {
            $0.writing = .behind
            $0.queuedEntries = 0
        }
        let stop = try await tiers.setHeldUp("key", 1)
        #expect(tiers.lowerFigures.outdated == 1)
        try await tiers.set("key", 2)
        stop.open()
        try await Self.expectLower(tiers, has: [2])
        #expect(tiers.lowerFigures.repaired == 2)
    }

    @Test func aSetThroughComesAfterTheRepairThatIsOnItsWay() async throws {
        let tiers = try TieredFixture {
            $0.writing = .behind
            $0.queuedEntries = 0
        }
        let stop = try await tiers.setHeldUp("key", 1)
        // What the first tier does not take goes to the other at once.
        tiers.upper.fail { $0.isWritingDown = true }
        let set = Task { [tiers] in try await tiers.set("key", 2) }
        while !tiers.cache.tierStatistics[0].isWritingSuspended { await Task.yield() }
        await Self.giveOthersTime()
        stop.open()
        try await set.value
        tiers.upper.comeBack()
        try await Self.expectLower(tiers, has: [2])
    }

    @Test func aKeyThatFailsAndIsSetAgainEachTimeKeepsNoOtherFromTheTier() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        tiers.lower.fail { $0.failsLongerThan = 10 }
        let long = CacheValue([UInt8](repeating: 1, count: 20))
        var stop = Stop()
        tiers.lower.holdNextWrite(at: stop)
        try await tiers.cache.set("long", to: long)
        await stop.waitUntilReached()
        try await tiers.set("key", 1)
        var tried: [String]?
        for round in 1...3 where tried != ["key"] {
            try await tiers.cache.set("long", to: long)
            stop.open()
            await tiers.sleep.begun(round)
            stop = Stop()
            tiers.lower.holdNextWrite(at: stop)
            tiers.uptime.advance(by: .seconds(60))
            tiers.sleep.wake()
            await stop.waitUntilReached()
            tried = tiers.lower.calls.writes.last
        }
        #expect(tried == ["key"])
        stop.open()
    }

    @Test func aFlushEndsThoughAKeyIsSetAgainEachTime() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        var stop = try await tiers.setHeldUp("key", 0)
        let hasEnded = Atomic(false)
        let flush = Task { [tiers] in
            defer { hasEnded.store(true, ordering: .relaxed) }
            try await tiers.cache.flush()
        }
        var value = UInt8(0)
        while !hasEnded.load(ordering: .relaxed) {
            value &+= 1
            try await tiers.set("key", value)
            let next = Stop()
            tiers.lower.holdNextWrite(at: next)
            stop.open()
            await next.waitUntilReached()
            stop = next
        }
        try await flush.value
        stop.open()
        try await Self.expectLower(tiers, has: [value])
    }

    @Test func aFlushWaitsForWhatCameInThePlaceOfWhatItWaitsFor() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        let (first, second) = (Stop(), Stop())
        tiers.lower.holdNextWrite(at: first)
        try await tiers.set("other", 1)
        await first.waitUntilReached()
        try await tiers.set("key", 1)
        let hasEnded = Atomic(false)
        let flush = Task { [tiers] in
            defer { hasEnded.store(true, ordering: .relaxed) }
            try await tiers.cache.flush()
        }
        await Self.giveOthersTime()
        try await tiers.set("key", 2)
        tiers.lower.holdNextWrite(at: second)
        first.open()
        await second.waitUntilReached()
        await Self.giveOthersTime()
        let hasEndedEarly = hasEnded.load(ordering: .relaxed)
        #expect(!hasEndedEarly)
        second.open()
        try await flush.value
        try await Self.expectLower(tiers, has: [2])
    }

    @Test func aFlushWaitsForWhatIsLeftOutOnceMoreMeanwhile() async throws {
        let tiers = try TieredFixture {
            $0.writing = .behind
            $0.queuedEntries = 0
        }
        tiers.lower.fail { $0.isWritingDown = true }
        for key in ["one", "two"] { try await tiers.set(key, 1) }
        await tiers.sleep.begun(1)
        // From here on nothing but the flush tries the tier.
        tiers.lower.comeBack()
        let stop = Stop()
        tiers.lower.holdNextWrite(at: stop)
        let flush = Task { [tiers] in try await tiers.cache.flush() }
        await stop.waitUntilReached()
        for key in ["one", "two"] { try await tiers.set(key, 2) }
        stop.open()
        try await flush.value
        #expect(try await tiers.lower.base.count() == 2)
    }

    @Test func closingSaysSoIfTheTierKeepsAnEarlierValueOfWhatItRefuses() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        try await tiers.lower.base.set("key", to: CacheValue([1]))
        tiers.lower.fail { ($0.refusesLongerThan, $0.isWritingDown) = (10, true) }
        try await tiers.cache.set("key", to: CacheValue([UInt8](repeating: 2, count: 20)))
        let error = await #expect(throws: TieredCacheError.self) { try await tiers.cache.close() }
        #expect(error?.failures.map(\.tier) == ["lower"])
    }

    @Test func aSetThatIsOnItsWayDuringAClosingTakesNothingWithIt() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        let (draining, setting) = (Stop(), Stop())
        tiers.lower.holdNextWrite(at: draining)
        try await tiers.set("first", 1)
        await draining.waitUntilReached()
        for number in 0..<100 { try await tiers.set("\(number)", 1) }
        tiers.upper.holdNextWrite(at: setting)
        let set = Task { [tiers] in try await tiers.set("late", 1) }
        await setting.waitUntilReached()
        let close = Task { [tiers] in try await tiers.cache.close() }
        while (try? await tiers.cache.count()) != nil { await Task.yield() }
        setting.open()
        try await set.value
        draining.open()
        try await close.value
        #expect(tiers.lowerFigures.sets + tiers.lowerFigures.dropped == 102)
        #expect(tiers.lowerFigures.sets >= 101)
    }

    @Test func aRemovalComesAfterTheValueThatIsOnItsWay() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        let stop = try await tiers.setHeldUp("key", 1)
        let removal = Task { [tiers] in try await tiers.cache.remove("key") }
        while try await tiers.upper.base.get("key") != nil { await Task.yield() }
        await Self.giveOthersTime()
        stop.open()
        #expect(try await removal.value)
        try await Self.expectLower(tiers, has: nil)
    }

    @Test func whileEverythingIsRemovedNoEarlierValueComesBack() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        try await tiers.lower.base.set("waits", to: CacheValue([1]))
        tiers.lower.fail { $0.isWritingDown = true }
        try await tiers.set("waits", 2)
        await tiers.sleep.begun(1)
        let stop = Stop()
        tiers.lower.holdNextWrite(at: stop)
        let removal = Task { [tiers] in try await tiers.cache.removeAll() }
        await stop.waitUntilReached()
        #expect(try await tiers.upper.base.count() == 0)
        // The upper tier was cleared, and the lower one is not yet.
        let seen = try await tiers.get("waits")
        #expect(seen == 2 || seen == nil)
        try await tiers.set("meanwhile", 3)
        tiers.lower.comeBack()
        stop.open()
        try await removal.value
        try await tiers.cache.flush()
        await tiers.cache.finishRecovery()
        #expect(tiers.lowerFigures.queued == 0 && tiers.lowerFigures.outdated == 0)
        try await tiers.upper.base.removeAll()
        #expect(try await tiers.get("waits") == nil)
        #expect(try await tiers.get("meanwhile") == 3)
    }

    @Test(arguments: [TieredCacheOptions.Writing.behind, .through])
    func aWriteThatFailedAndIsDoneOnceAllWasRemovedIsNotSeen(_ writing: TieredCacheOptions.Writing) async throws {
        let tiers = try TieredFixture { $0.writing = writing }
        tiers.lower.fail { $0.isWritingDown = true }
        try await tiers.set("key", 1)
        await tiers.sleep.begun(1)
        tiers.lower.comeBack()
        let (clearing, repairing) = (Stop(), Stop())
        tiers.lower.holdNextWrite(at: clearing)
        let removal = Task { [tiers] in try await tiers.cache.removeAll() }
        await clearing.waitUntilReached()
        tiers.lower.holdNextWrite(at: repairing)
        clearing.open()
        try await removal.value
        await repairing.waitUntilReached()
        // Its sender had given up waiting for the answer.
        try await tiers.lower.base.set("key", to: CacheValue([1]))
        #expect(try await tiers.get("key") == nil)
        repairing.open()
        try await Self.expectLower(tiers, has: nil)
    }

    @Test func aReadBesideAClosingDoesNotSeeWhatWasReplaced() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        try await tiers.lower.base.set("key", to: CacheValue([1]))
        tiers.lower.fail { $0.isWritingDown = true }
        try await tiers.set("key", 2)
        tiers.upper.fail { $0.isReadingDown = true }
        let (reading, closing) = (Stop(), Stop())
        tiers.upper.holdNextRead(at: reading)
        tiers.upper.holdClosing(at: closing)
        let seen = Task { [tiers] in try await tiers.cache.get(["key"]) }
        await reading.waitUntilReached()
        let close = Task { [tiers] in try await tiers.cache.close() }
        // What the lower tier does not take is given up by then, and the tier is still there.
        await closing.waitUntilReached()
        reading.open()
        #expect(try await seen.value == [nil])
        closing.open()
        await #expect(throws: TieredCacheError.self) { try await close.value }
    }

    @Test func aReaderDoesNotWaitForWhatIsOnItsWayToATierThatItWouldFill() async throws {
        let tiers = try TieredFixture()
        tiers.upper.fail { $0.isWritingDown = true }
        try await tiers.set("key", 1)
        tiers.upper.comeBack()
        tiers.uptime.advance(by: .seconds(60))
        let stop = Stop()
        tiers.upper.holdNextWrite(at: stop)
        // Another key, so that nothing but the repair is asked of the upper tier.
        _ = try await tiers.get("absent")
        await stop.waitUntilReached()
        #expect(try await tiers.get("key") == 1)
        stop.open()
        try await tiers.cache.flush()
        await tiers.cache.finishRecovery()
        #expect(try await tiers.get("key") == 1)
        #expect(try await tiers.upper.base.get("key") == CacheValue([1]))
    }
}
