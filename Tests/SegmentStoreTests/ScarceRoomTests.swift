import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Stores in which what is to be won back is hard to win: beside iterations, large records, and limits set afterwards.
@Suite(.inTurnOnOwnThread) struct ScarceRoomTests {
    private static func value(_ byte: UInt8, _ count: Int) -> [UInt8] { [UInt8](repeating: byte, count: count) }

    /// An iteration holds what it reads; were its body called meanwhile, no set in it would find room.
    @Test func theBodyOfAnIterationMaySetInAFullStore() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: 4 << 20))
        for number in 0..<5_000 { try store.set("old-\(number)", to: Self.value(1, 1_000)) }
        let evicted = try store.statistics().reclamation.evictions
        var refusals: [StoreError] = []
        var number = 0
        try store.forEachKey { key in
            guard number < 600 else { return }
            for _ in 0..<20 {
                number += 1
                do throws(StoreError) {
                    try store.set("new-\(number)", to: Self.value(2, 1_000))
                } catch {
                    refusals.append(error)
                }
            }
        }
        #expect(refusals == [])
        #expect(number >= 600)
        #expect(try store.statistics().reclamation.evictions - evicted < 1_500)
        try store.close()
    }

    /// Records that fit into no segment that the store makes under a limit set afterwards.
    @Test func whatIsLongerThanSegmentsAreNowCanBeCarried() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let first = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: nil))
        for number in 0..<5 { try first.set("long-\(number)", to: Self.value(1, 200_000)) }
        try first.close()
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: 8 << 20, .none))
        var refusal: StoreError?
        var count = 0
        while refusal == nil {
            do throws(StoreError) {
                try store.set("short-\(count)", to: Self.value(2, 1_000))
                count += 1
            } catch {
                refusal = error
            }
        }
        #expect(refusal?.code == .full)
        for number in 1..<5 { #expect(try store.remove("long-\(number)")) }
        for number in 0..<500 { try store.set("again-\(number)", to: Self.value(3, 1_000)) }
        #expect(try store.get("long-0")?.count == 200_000)
        for number in 0..<count { #expect(try store.get("short-\(number)") != nil) }
        #expect(try store.statistics().reclamation.evictions == 0)
        #expect(directory.allocatedBytes <= 8 << 20)
        #expect(store.invariantViolations() == [])
        try store.close()
    }

    /// Of two of them there is room for one: to begin with the other would be in the way of all that can be won.
    @Test func whatCannotBeCarriedIsInNobodysWay() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let first = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: nil))
        for number in 0..<5 { try first.set("long-\(number)", to: Self.value(1, 200_000)) }
        try first.close()
        let options = StoreOptions.bounded(.never, limit: 8 << 20, .none)
        let store = try SegmentStore(directory: directory.path, options: options)
        var count = 0
        while (try? store.set("short-\(count)", to: Self.value(2, 1_000))) != nil { count += 1 }
        for number in 1..<4 { #expect(try store.remove("long-\(number)")) }
        #expect(throws: StoreError.self) {
            for number in 0..<500 { try store.set("again-\(number)", to: Self.value(3, 1_000)) }
        }
        for number in 0..<count where number % 2 == 0 { #expect(try store.remove("short-\(number)")) }
        for number in 500..<1_500 { try store.set("again-\(number)", to: Self.value(3, 1_000)) }
        for number in [0, 4] { #expect(try store.get("long-\(number)")?.count == 200_000) }
        #expect(directory.allocatedBytes <= 8 << 20)
        #expect(store.invariantViolations() == [])
        try store.close()
    }

    /// What ends beside old segments leaves tombstones that take more than it did; where nothing may leave, the old ones go
    /// behind them.
    @Test(arguments: [8 << 20, 64 << 20]) func whatEndsMakesRoomWhereNothingMayLeave(limit: Int) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let clock = ManualClock()
        var options = StoreOptions.bounded(.never, limit: limit, .none)
        options.clock = clock.clock
        let store = try SegmentStore(directory: directory.path, options: options)
        let old = limit / 2_500
        for number in 0..<old { try store.set("old-\(number)", to: Self.value(1, 1_000)) }
        let small = limit / 245
        for _ in 0..<2 {
            for number in 0..<small {
                try store.set("k\(100_000 + number)", to: [1], options: SetOptions(expiry: clock.now + 1_000))
            }
        }
        clock.advance(by: 2_000)
        for number in 0..<limit / 20_000 {
            // Each is refused for a while: a call empties so many segments at most.
            for attempt in 0..<64 {
                do throws(StoreError) {
                    try store.set("new-\(number)", to: Self.value(2, 1_000))
                    break
                } catch {
                    if attempt == 63 { throw error }
                }
            }
        }
        for number in 0..<old { #expect(try store.contains("old-\(number)")) }
        #expect(directory.allocatedBytes <= limit)
        #expect(store.invariantViolations() == [])
        try store.close()
    }

    /// What is given up while it is read waits apart, and others are won back meanwhile.
    @Test(arguments: [nil, 16 << 20]) func aLongReadDoesNotEndReclaiming(limit: Int?) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: limit))
        func overwrite(_ count: Int) throws {
            for number in 0..<count {
                try store.set("key-\(number % 4_000)", to: Self.value(2, 1_000))
                if number % 100 == 0 { try store.runBackgroundSteps() }
            }
        }
        // Until segments are as large as they become.
        try overwrite(200_000)
        try store.set("held", to: Self.value(1, 1_000))
        let outcome = try store.withValue("held") { _ in
            Result {
                try store.remove("held")
                try overwrite(600_000)
            }
        }
        try #require(outcome).get()
        #expect(directory.allocatedBytes < 400 << 20)
        // Nobody had to wait for what the background can do.
        #expect(try store.statistics().reclamation.waits < 10)
        try store.close()
    }

    /// A full store in which a little dies now and then is not copied over and over for it.
    @Test func littleIsNotWonBackAheadOfNeed() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: 8 << 20, .none))
        var count = 0
        while (try? store.set("key-\(count)", to: Self.value(1, 1_000))) != nil { count += 1 }
        for number in stride(from: 0, to: count, by: count / 50) {
            try store.remove("key-\(number)")
            try store.runBackgroundSteps()
        }
        #expect(try store.statistics().reclamation.carriedBytes < 1 << 20)
        try store.close()
    }

    /// Tombstones go once no segment is left that is as old as they are; a record that lives for ever must not keep one.
    @Test(arguments: [true, false]) func tombstonesGoThoughTheOldestRecordStays(isLarge: Bool) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: 8 << 20, .none))
        try store.set("first", to: Self.value(1, isLarge ? 700_000 : 1))
        for number in 0..<150_000 {
            try store.set("key-\(number)", to: [1])
            try store.remove("key-\(number)")
        }
        #expect(try store.get("first")?.count == (isLarge ? 700_000 : 1))
        #expect(directory.allocatedBytes <= 8 << 20)
        #expect(store.invariantViolations() == [])
        try store.close()
    }

    /// A large record's segment counts for its own key, whose tombstone would let it come back, and for no other.
    @Test func aSegmentOfOneRecordCountsForItsKeyAlone() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: nil))
        try store.set("large", to: Self.value(1, 700_000))
        try store.set("small", to: [1])
        try store.runBackgroundSteps()
        let alone = store.segments.inUse.filter { store.onlyKeyHash(in: $0) != nil }
        #expect(alone.count == 1)
        let large = text("large").withUnsafeBytes { store.hash(of: $0) }
        let small = text("small").withUnsafeBytes { store.hash(of: $0) }
        let others = Others(alone, of: store)
        #expect(others.mayHold(large, upTo: 1_000) && others.mayHold(large, before: 1_000))
        #expect(!others.mayHold(small, upTo: 1_000) && !others.mayHold(small, before: 1_000))
        let all = Others(store.segments.inUse, of: store)
        #expect(all.mayHold(small, upTo: 1_000) && all.mayHold(small, before: 1_000))
        try store.close()
    }

    /// While a large record is being read its segment stays, and everything that is as old goes before it: what hides the
    /// record must not, or it comes back after a death.
    @Test(arguments: [false, true]) func aLargeRecordThatIsBeingReadStaysGone(isReplaced: Bool) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let clock = ManualClock()
        var options = StoreOptions.bounded(.never, limit: 8 << 20, .none)
        options.clock = clock.clock
        let store = try SegmentStore(directory: directory.path, options: options)
        try store.set("large", to: Self.value(1, 700_000))
        try store.runBackgroundSteps()
        let large = try #require(store.segments.inUse.first { store.onlyKeyHash(in: $0) != nil })
        let number = store.segments[large].pointee.header.number
        func numbers() -> [UInt64] { store.segments.inUse.map { store.segments[$0].pointee.header.number } }
        let outcome = try store.withValue("large") { _ in
            Result {
                if isReplaced {
                    try store.set("large", to: [2], options: SetOptions(expiry: clock.now + 1_000))
                    clock.advance(by: 2_000)
                } else {
                    try store.remove("large")
                }
                let young = try #require(numbers().max())
                for number in 0..<150_000 {
                    try store.set("key-\(number)", to: [1])
                    try store.remove("key-\(number)")
                }
                // Without these the test would show nothing.
                #expect(numbers().contains(number) && !numbers().contains(young))
            }
        }
        try #require(outcome).get()
        store.abandon()
        try directory.removeFooters()
        let again = try SegmentStore(directory: directory.path, options: options)
        #expect(try again.get("large") == nil)
        #expect(again.invariantViolations() == [])
        try again.close()
    }

    /// Emptying old segments for the sake of tombstones wins nothing yet, and must not keep from what is dead.
    @Test func whatWasRemovedMakesRoomAtOnceWhereNothingMayLeave() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: 1 << 20, .none))
        var count = 0
        while (try? store.set("key-\(count)", to: Self.value(1, 850))) != nil { count += 1 }
        for number in (count - 520)..<count { #expect(try store.remove("key-\(number)")) }
        for number in 0..<200 { try store.set("again-\(number)", to: Self.value(2, 850)) }
        try store.close()
    }

    /// As long as dead records alone make a smaller limit hold, nothing leaves.
    @Test func aSmallerLimitCostsNothingThatFits() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let first = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: nil))
        for number in 0..<20_000 { try first.set("key-\(number)", to: Self.value(1, 1_000)) }
        for number in 0..<20_000 where number % 2 == 0 { try first.remove("key-\(number)") }
        try first.close()
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: 18 << 20))
        try store.runBackgroundSteps()
        for number in 0..<1_000 { try store.set("new-\(number)", to: Self.value(2, 1_000)) }
        #expect(try store.statistics().reclamation.evictions == 0)
        #expect(store.count == 11_000)
        #expect(directory.allocatedBytes <= 18 << 20)
        #expect(store.invariantViolations() == [])
        try store.close()
    }

    /// Where a file system cannot free blocks, a segment that was sealed nearly empty takes them all.
    @Test func blocksThatCannotBeFreedCount() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        for number in 0..<40 {
            let files = FaultyFileLayer()
            files.arm(FaultyFileLayer.Fault(calls: [.punchHole], effect: .error(EOPNOTSUPP), isLasting: true))
            var options = StoreOptions.bounded(.never, limit: 1 << 20)
            options.files = files
            let store = try SegmentStore(directory: directory.path, options: options)
            // Another one of these has no room in the same segment.
            try store.set("key-\(number)", to: Self.value(1, 40_000))
            store.abandon()
            #expect(directory.allocatedBytes <= 1 << 20)
        }
    }

    @Test func compactingEvictsNothing() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: 64 << 20))
        try store.set("large", to: Self.value(1, 2 << 20))
        for number in 0..<40_000 { try store.set("key-\(number)", to: Self.value(2, 100)) }
        for number in 0..<40_000 where number % 8 != 0 { try store.remove("key-\(number)") }
        try store.compact()
        #expect(try store.get("large")?.count == 2 << 20)
        #expect(store.count == 5_001)
        #expect(try store.statistics().reclamation.evictions == 0)
        try store.close()
    }
}
