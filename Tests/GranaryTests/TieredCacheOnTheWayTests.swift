import Granary
import TestSupport
import Testing

/// What is written while an earlier value of the same key is on its way to a tier, which takes its time.
@Suite(.inTurn, .timeLimit(.minutes(5))) struct TieredCacheOnTheWayTests {
    /// Once nothing is on its way any more, the lower tier has this and is believed.
    private static func expectLower(_ tiers: TieredFixture, has value: [UInt8]?) async throws {
        try await tiers.cache.flush()
        #expect(try await tiers.lower.base.get("key")?.bytes == value)
        #expect(tiers.lowerFigures.queued == 0 && tiers.lowerFigures.outdated == 0)
        try await tiers.upper.base.removeAll()
        #expect(try await tiers.cache.get("key")?.bytes == value)
    }

    @Test func aSetBehindWaitsForNothingAndComesAfterTheEarlierOne() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        let stop = Stop()
        tiers.lower.holdNextWrite(at: stop)
        try await tiers.set("key", 1)
        await stop.waitUntilReached()
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
        let stop = Stop()
        tiers.lower.holdNextWrite(at: stop)
        try await tiers.set("key", 1)
        await stop.waitUntilReached()
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
            #expect(try await tiers.get("key") == 2)
            tiers.lower.comeBack()
        }
        try await Self.expectLower(tiers, has: [2])
    }

    @Test func aRepairWithAnEarlierValueDoesNotMakeALaterOneGood() async throws {
        let tiers = try TieredFixture {
            $0.writing = .behind
            $0.queuedEntries = 0
        }
        let stop = Stop()
        tiers.lower.holdNextWrite(at: stop)
        try await tiers.set("key", 1)
        await stop.waitUntilReached()
        #expect(tiers.lowerFigures.outdated == 1)
        try await tiers.set("key", 2)
        stop.open()
        try await Self.expectLower(tiers, has: [2])
        #expect(tiers.lowerFigures.repaired == 2)
    }

    @Test func aSetThroughComesAfterTheRepairThatIsOnItsWay() async throws {
        let tiers = try TieredFixture()
        tiers.lower.fail { $0.isWritingDown = true }
        try await tiers.set("key", 1)
        tiers.lower.comeBack()
        tiers.uptime.advance(by: .seconds(60))
        let stop = Stop()
        tiers.lower.holdNextWrite(at: stop)
        _ = try await tiers.get("absent")
        await stop.waitUntilReached()
        let set = Task { [tiers] in try await tiers.set("key", 2) }
        while try await tiers.upper.base.get("key") != CacheValue([2]) { await Task.yield() }
        stop.open()
        try await set.value
        try await Self.expectLower(tiers, has: [2])
    }

    @Test func aRemovalComesAfterTheValueThatIsOnItsWay() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        let stop = Stop()
        tiers.lower.holdNextWrite(at: stop)
        try await tiers.set("key", 1)
        await stop.waitUntilReached()
        let removal = Task { [tiers] in try await tiers.cache.remove("key") }
        while try await tiers.upper.base.get("key") != nil { await Task.yield() }
        stop.open()
        #expect(try await removal.value)
        try await Self.expectLower(tiers, has: nil)
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
        #expect(try await tiers.get("key") == 1)
        #expect(try await tiers.upper.base.get("key") == CacheValue([1]))
    }
}
