import Granary
import SegmentStore
import TestSupport
import Testing

/// Writers and readers of one key at a time, and writing behind.
@Suite(.inTurn) struct TieredCacheConcurrencyTests {
    enum Change: CaseIterable { case set, remove, removeAll }

    @Test(arguments: Change.allCases)
    func aFillNeverUndoesWhatWasWrittenSinceItsValueWasRead(change: Change) async throws {
        let tiers = try TieredFixture()
        try await tiers.lower.base.set("key", to: CacheValue([1]))
        let stop = Stop()
        tiers.lower.holdNextRead(at: stop)
        let get = Task { [tiers] in try await tiers.get("key") }
        await stop.waitUntilReached()
        switch change {
        case .set: try await tiers.set("key", 2)
        case .remove: try await tiers.cache.remove("key")
        case .removeAll: try await tiers.cache.removeAll()
        }
        stop.open()
        #expect(try await get.value == 1)
        #expect(try await tiers.get("key") == (change == .set ? 2 : nil))
        #expect(try await tiers.upper.base.get("key") == (change == .set ? CacheValue([2]) : nil))
    }

    @Test func aFillDoesNotPassASetThatIsOnItsWay() async throws {
        let tiers = try TieredFixture()
        try await tiers.lower.base.set("key", to: CacheValue([1]))
        let stop = Stop()
        tiers.upper.holdNextWrite(at: stop)
        let set = Task { [tiers] in try await tiers.set("key", 2) }
        await stop.waitUntilReached()
        // Read while the set is on its way: the old value is still right, and must not be kept above the new one.
        #expect(try await tiers.get("key") == 1)
        stop.open()
        try await set.value
        #expect(try await tiers.get("key") == 2)
        try await tiers.upper.base.remove("key")
        #expect(try await tiers.get("key") == 2)
    }

    @Test func aFillDoesNotFollowASetThatWasOnItsWayWhenTheValueWasRead() async throws {
        let tiers = try TieredFixture()
        try await tiers.lower.base.set("key", to: CacheValue([1]))
        let (writing, reading) = (Stop(), Stop())
        tiers.upper.holdNextWrite(at: writing)
        let set = Task { [tiers] in try await tiers.set("key", 2) }
        await writing.waitUntilReached()
        tiers.lower.holdNextRead(at: reading)
        let get = Task { [tiers] in try await tiers.get("key") }
        await reading.waitUntilReached()
        writing.open()
        try await set.value
        reading.open()
        #expect(try await get.value == 1)
        #expect(try await tiers.upper.base.get("key") == CacheValue([2]))
    }

    @Test func whatIsWrittenBehindDuringAListingIsListedOnce() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        let keys = (0..<10).map(String.init)
        try await tiers.lower.base.set(keys.map { CacheEntry($0, CacheValue([1])) })
        let stop = try await tiers.setHeldUp("waiting", 1)
        try await tiers.set("0", 2)
        try await tiers.upper.base.removeAll()
        var iterator = tiers.cache.keys.makeAsyncIterator()
        // The lower tier's keys are asked for once what waits for it was listed.
        let reading = Stop()
        tiers.lower.holdNextRead(at: reading)
        let listing = Task {
            var listed: [String] = []
            while let key = try await iterator.next() { listed.append(key) }
            return listed
        }
        await reading.waitUntilReached()
        stop.open()
        try await tiers.cache.flush()
        let again = Stop()
        tiers.lower.holdNextWrite(at: again)
        try await tiers.set("1", 3)
        reading.open()
        #expect(try await listing.value.sorted() == keys + ["waiting"])
        again.open()
        try await tiers.cache.close()
    }

    @Test func removingEverythingWaitsForAFillThatIsOnItsWay() async throws {
        let tiers = try TieredFixture()
        try await tiers.lower.base.set("key", to: CacheValue([1]))
        let stop = Stop()
        tiers.upper.holdNextWrite(at: stop)
        let get = Task { [tiers] in try await tiers.get("key") }
        await stop.waitUntilReached()
        let removal = Task { [tiers] in try await tiers.cache.removeAll() }
        stop.open()
        #expect(try await get.value == 1)
        try await removal.value
        #expect(try await tiers.get("key") == nil)
    }

    @Test func allTiersKeepTheSameOfManySets() async throws {
        let tiers = try TieredFixture()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask { [tiers] in
                    for turn in 0..<50 {
                        try await tiers.set("\(turn % 3)", UInt8(task * 10 + turn % 10))
                        if turn % 5 == 0 {
                            try await tiers.cache.set((0..<3).map { CacheEntry("\($0)", CacheValue([UInt8(task)])) })
                        }
                        _ = try await tiers.get("\(turn % 3)")
                    }
                }
            }
            try await group.waitForAll()
        }
        for key in ["0", "1", "2"] {
            let upper = try await tiers.upper.base.get(key)
            #expect(try await tiers.lower.base.get(key) == upper)
        }
    }

    @Test func writingBehindDoesNotWaitAndReadsWhatWaits() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        try await tiers.lower.base.set("key", to: CacheValue([1]))
        let stop = try await tiers.setHeldUp("first", 1)
        try await tiers.set("key", 2)
        try await tiers.set("key", 3)
        #expect(tiers.lowerFigures.queued == 2)
        // The upper tier loses it, and the lower one has not got it yet.
        try await tiers.upper.base.remove("key")
        #expect(try await tiers.get("key") == 3)
        try await tiers.upper.base.remove("key")
        #expect(try await tiers.cache.get(["key", "absent"]) == [CacheValue([3]), nil])
        try await tiers.upper.base.remove("key")
        let listed = try await tiers.cache.keys.reduce(into: [String]()) { $0.append($1) }
        #expect(listed.sorted() == ["first", "key"])
        stop.open()
        try await tiers.cache.flush()
        #expect(tiers.lowerFigures.queued == 0 && tiers.lowerFigures.sets == 2)
        #expect(try await tiers.lower.base.get("key") == CacheValue([3]))
        #expect(try await tiers.lower.base.get("first") == CacheValue([1]))
    }

    @Test func whatHasNoRoomInTheQueueIsDroppedCountedAndNotServedInAnOlderForm() async throws {
        let tiers = try TieredFixture {
            $0.writing = .behind
            $0.queuedEntries = 3
        }
        for number in 0..<6 { try await tiers.lower.base.set("\(number)", to: CacheValue([1])) }
        tiers.lower.fail { $0.isWritingDown = true }
        for number in 0..<6 { try await tiers.set("\(number)", 2) }
        await tiers.cache.finishRecovery()
        #expect(tiers.lowerFigures.queued == 3 && tiers.lowerFigures.dropped == 3)
        try await tiers.upper.base.removeAll()
        #expect(try await tiers.cache.get((0..<6).map(String.init)).compactMap { $0?.bytes } == [[2], [2], [2]])
        let error = await #expect(throws: TieredCacheError.self) { try await tiers.cache.flush() }
        #expect(error?.failures.map(\.tier) == ["lower"])
        tiers.lower.comeBack()
        try await tiers.cache.flush()
        #expect(tiers.lowerFigures.queued == 0 && tiers.lowerFigures.outdated == 0)
        #expect(try await tiers.lower.base.count() == 3)
    }

    @Test func theQueueIsBoundedInBytesToo() async throws {
        let tiers = try TieredFixture {
            $0.writing = .behind
            $0.queuedBytes = 100
        }
        tiers.lower.fail { $0.isWritingDown = true }
        try await tiers.cache.set("a", to: CacheValue([UInt8](repeating: 1, count: 90)))
        try await tiers.cache.set("b", to: CacheValue([UInt8](repeating: 1, count: 90)))
        #expect(tiers.lowerFigures.queued == 1 && tiers.lowerFigures.dropped == 1)
        // A shorter value in the place of the first makes room.
        try await tiers.cache.set("a", to: CacheValue([1]))
        try await tiers.cache.set("b", to: CacheValue([UInt8](repeating: 1, count: 90)))
        #expect(tiers.lowerFigures.queued == 2 && tiers.lowerFigures.dropped == 1)
    }

    @Test func closingWritesWhatWaitsAndCountsWhatIsNotTaken() async throws {
        for isDown in [false, true] {
            let tiers = try TieredFixture { $0.writing = .behind }
            let stop = try await tiers.setHeldUp("first", 1)
            for number in 0..<200 { try await tiers.set("\(number)", 1) }
            if isDown { tiers.lower.goDown() }
            let close = Task { [tiers] in try await tiers.cache.close() }
            stop.open()
            if isDown {
                await #expect(throws: TieredCacheError.self) { try await close.value }
                #expect(tiers.lowerFigures.dropped == 201)
            } else {
                try await close.value
                #expect(tiers.lowerFigures.dropped == 0 && tiers.lowerFigures.sets == 201)
            }
            #expect(tiers.lowerFigures.queued == 0)
        }
    }

    @Test func anEntryThatTheFirstTierDoesNotTakeIsNotLeftToTheQueue() async throws {
        let tiers = try TieredFixture { $0.writing = .behind }
        tiers.upper.fail { $0.isWritingDown = true }
        try await tiers.set("key", 1)
        #expect(try await tiers.lower.base.get("key") == CacheValue([1]))
        tiers.lower.fail { $0.isWritingDown = true }
        await #expect(throws: FaultyTier.Down.self) { try await tiers.set("key", 2) }
    }
}
