import Granary
import TestSupport
import Testing

/// A tier that lacks something gets it by itself, whatever is called meanwhile.
@Suite(.inTurn) struct TieredCacheRecoveryTests {
    @Test(.timeLimit(.minutes(30)), arguments: [TieredCacheOptions.Writing.through, .behind])
    func whatATierLacksIsWrittenOnceItIsBackWithoutACallThatNeedsIt(_ writing: TieredCacheOptions.Writing) async throws
    {
        let tiers = try TieredFixture { $0.writing = writing }
        tiers.lower.fail { $0.isWritingDown = true }
        for number in 0..<10 { try await tiers.set("\(number)", 1) }
        await tiers.sleep.begun(1)
        await tiers.cache.finishRecovery()
        // Hits in the first tier are no reason to try the other.
        tiers.uptime.advance(by: .seconds(8))
        let writes = tiers.lower.calls.writes.count
        for number in 0..<10 { #expect(try await tiers.get("\(number)") == 1) }
        #expect(tiers.lower.calls.writes.count == writes)
        // Not yet back: the next try comes later.
        tiers.sleep.wake()
        await tiers.sleep.begun(2)
        #expect(tiers.lower.calls.writes.count > writes)
        tiers.lower.comeBack()
        tiers.uptime.advance(by: .seconds(8))
        tiers.sleep.wake()
        while try await tiers.lower.base.count() < 10 { await Task.yield() }
        await tiers.cache.finishRecovery()
        #expect(tiers.lowerFigures.queued == 0 && tiers.lowerFigures.outdated == 0)
        #expect(tiers.sleep.waits.count == 2 && tiers.sleep.waits[0] <= tiers.sleep.waits[1])
        #expect(!tiers.lowerFigures.isWritingSuspended)
    }

    @Test(.timeLimit(.minutes(30))) func anEntryThatAlwaysFailsKeepsNoOtherFromTheTierAndIsNotTriedAllTheTime()
        async throws
    {
        let tiers = try TieredFixture { $0.writing = .behind }
        tiers.lower.fail { $0.isWritingDown = true }
        try await tiers.cache.set("long", to: CacheValue([UInt8](repeating: 1, count: 100)))
        for number in 0..<100 { try await tiers.set("\(number)", 1) }
        await tiers.sleep.begun(1)
        await tiers.cache.finishRecovery()
        tiers.lower.fail { ($0.isWritingDown, $0.failsLongerThan) = (false, 10) }
        var round = 0
        var stored = 0
        // How much of the queue one round gets through depends on who comes first.
        while round < 5 || stored < 100 {
            round += 1
            tiers.uptime.advance(by: .seconds(8))
            tiers.sleep.wake()
            await tiers.sleep.begun(round + 1)
            stored = try await tiers.lower.base.count()
        }
        await tiers.cache.finishRecovery()
        #expect(tiers.lowerFigures.queued == 1)
        #expect(tiers.sleep.waits.suffix(2).allSatisfy { $0 == .seconds(8) })
        tiers.lower.comeBack()
        tiers.uptime.advance(by: .seconds(8))
        tiers.sleep.wake()
        while tiers.lowerFigures.queued > 0 { await Task.yield() }
        #expect(try await tiers.lower.base.count() == 101)
    }

    @Test(.timeLimit(.minutes(30)), arguments: [false, true])
    func whatCouldNotBeRemovedGoesOnceTheTierIsBackWithoutACallThatNeedsIt(everything: Bool) async throws {
        let tiers = try TieredFixture()
        try await tiers.set("key", 1)
        tiers.lower.goDown()
        await #expect(throws: TieredCacheError.self) {
            if everything { try await tiers.cache.removeAll() } else { try await tiers.cache.remove("key") }
        }
        await tiers.sleep.begun(1)
        #expect(try await tiers.lower.base.count() == 1)
        tiers.lower.comeBack()
        tiers.uptime.advance(by: .seconds(8))
        tiers.sleep.wake()
        while try await tiers.lower.base.count() > 0 { await Task.yield() }
    }

    @Test(.timeLimit(.minutes(30))) func whatNoTierTookIsMendedOnceTheyAreBackWithoutACallThatNeedsThem() async throws {
        let tiers = try TieredFixture()
        try await tiers.set("key", 1)
        for tier in [tiers.upper, tiers.lower] { tier.goDown() }
        await #expect(throws: FaultyTier.Down.self) { try await tiers.set("key", 2) }
        await tiers.sleep.begun(2)
        for tier in [tiers.upper, tiers.lower] { tier.comeBack() }
        tiers.uptime.advance(by: .seconds(8))
        tiers.sleep.wake()
        // Which of the two values counts nobody knows.
        for tier in [tiers.upper, tiers.lower] {
            while try await tier.base.count() > 0 { await Task.yield() }
        }
    }

    @Test(.timeLimit(.minutes(30)), arguments: [false, true])
    func aCacheThatIsClosedOrGoneWaitsForNothing(isClosed: Bool) async throws {
        var tiers: TieredFixture? = try TieredFixture { $0.writing = .behind }
        tiers?.lower.fail { $0.isWritingDown = true }
        try await tiers?.set("key", 1)
        let sleep = try #require(tiers?.sleep)
        await sleep.begun(1)
        if isClosed { await #expect(throws: TieredCacheError.self) { try await tiers?.cache.close() } }
        tiers = nil
        while !sleep.wasCancelled { await Task.yield() }
        #expect(sleep.waits.count == 1)
    }

    @Test(.timeLimit(.minutes(30))) func nothingThatIsSetBehindWaitsForAnotherCall() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        // Each round ends with entries that came while others were being written.
        for round in 0..<200 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<4 { group.addTask { [tiers] in try await tiers.set("\(round) \(task)", 1) } }
                try await group.waitForAll()
            }
            while tiers.lowerFigures.queued > 0 { await Task.yield() }
        }
        #expect(tiers.sleep.waits.isEmpty)
        #expect(try await tiers.lower.base.count() == 800)
    }

    @Test func closingByACallerThatIsCancelledWritesWhatWaits() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        let stop = try await tiers.setHeldUp("first", 1)
        for number in 0..<100 { try await tiers.set("\(number)", 1) }
        let close = Task { [tiers] in
            withUnsafeCurrentTask { $0?.cancel() }
            try await tiers.cache.close()
        }
        stop.open()
        try await close.value
        #expect(tiers.lowerFigures.dropped == 0 && tiers.lowerFigures.sets == 101)
    }

    @Test func tiersThatTellHugeSizesAddUpToANumber() async throws {
        let tiers = try TieredFixture()
        try await tiers.set("key", 1)
        tiers.lower.fail { $0.byteCount = .max }
        #expect(try await tiers.cache.byteCount() == .max)
    }
}
