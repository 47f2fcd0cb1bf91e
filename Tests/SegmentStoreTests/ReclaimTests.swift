import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Ways in which winning back room can go wrong, one by one.
@Suite(.inTurnOnOwnThread) struct ReclaimTests {
    private static func key(_ number: Int) -> [UInt8] { Array("key-\(1_000_000 + number)".utf8) }

    /// Who closes a store waits for its thread, and others may use up what that wins for as long as they like.
    @Test func nothingMoreIsReclaimedAheadOnceTheThreadIsToStop() throws {
        func reclaimedAhead(isStopped: Bool) throws -> Int {
            let directory = try TemporaryDirectory(inMemory: true)
            let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: 4 << 20))
            let value = [UInt8](repeating: 7, count: 2_000)
            for number in 0..<5_000 { try store.set(Self.key(number), to: value) }
            let before = try store.statistics().reclamation.reclaimedBytes
            if isStopped { store.stopThreads() }
            store.reclaimAhead()
            defer { store.abandon() }
            return try store.statistics().reclamation.reclaimedBytes - before
        }
        #expect(try reclaimedAhead(isStopped: false) > 0)
        #expect(try reclaimedAhead(isStopped: true) == 0)
    }

    @Test func whereNothingMayLeaveRemovalsMakeRoom() throws {
        let directory = try TemporaryDirectory()
        let store = try SegmentStore(directory: directory.path, options: .bounded(limit: 1 << 20, .none))
        var count = 0
        var refusal: StoreError?
        while refusal == nil {
            do throws(StoreError) {
                try store.set(Self.key(count), to: [1, 2, 3])
                count += 1
            } catch {
                refusal = error
            }
        }
        #expect(refusal?.code == .full)
        #expect(store.count == count)
        for number in 0..<count { #expect(try store.remove(Self.key(number * 7_919 % count))) }
        #expect(store.count == 0)
        try store.set("again", to: [1])
        try store.removeAll()
        #expect(try store.statistics().reclamation.evictions == 0)
        #expect(directory.allocatedBytes <= 1 << 20)
        try store.close()
    }

    /// Sets are refused until as much has been removed as the limit is too small.
    @Test(arguments: [nil, 8 << 20]) func whereNothingMayLeaveRemovalsMakeASmallerLimitHold(before: Int?) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: before, .none))
        let value = [UInt8](repeating: 1, count: 1_000)
        for number in 0..<5_000 { try store.set(Self.key(number), to: value) }
        try store.close()
        let limit = 2 << 20
        store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: limit, .none))
        let refusal = #expect(throws: StoreError.self) {
            try store.set("more", to: [UInt8](repeating: 1, count: 100_000))
        }
        #expect(refusal?.code == .full)
        for number in 0..<4_900 { #expect(try store.remove(Self.key(number))) }
        for number in 4_900..<5_000 { #expect(try store.get(Self.key(number)) == value) }
        for number in 5_000..<5_500 { try store.set(Self.key(number), to: value) }
        #expect(store.count == 600)
        #expect(directory.allocatedBytes <= limit)
        #expect(store.invariantViolations() == [])
        try store.close()
    }

    @Test(arguments: [false, true]) func aStoreOpenedWithASmallerLimitShrinksToIt(isOverwritten: Bool) throws {
        let directory = try TemporaryDirectory()
        var store = try SegmentStore(directory: directory.path, options: .bounded(limit: nil))
        let value = [UInt8](repeating: 1, count: 1_000)
        for number in 0..<6_000 { try store.set(Self.key(number), to: value) }
        if isOverwritten { for number in 0..<3_000 { try store.set(Self.key(number * 2), to: value) } }
        try store.close()
        store = try SegmentStore(directory: directory.path, options: .bounded(limit: 1 << 20))
        #expect(store.count == 6_000)
        for number in 6_000..<8_000 { try store.set(Self.key(number), to: value) }
        try store.runBackgroundSteps()
        #expect(directory.allocatedBytes <= 1 << 20)
        #expect(store.count > 500)
        try store.close()
        #expect(directory.allocatedBytes <= 1 << 20)
    }

    /// Tombstones of what leaves would take more than it took itself.
    @Test func smallEntriesThatReplacedOthersLeaveUnderALimit() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: nil))
        for _ in 0..<3 {
            for number in 0..<60_000 { try store.set(Self.key(number), to: [1]) }
        }
        try store.close()
        try setMoreUnderALimit(directory)
    }

    /// What has ended and hides older values leaves tombstones, which take more than it took; and a segment that is read
    /// throughout is no room.
    @Test(
        arguments: [(1 << 20, 20), (3 << 20, 20), (3 << 20, 300), (8 << 20, 20), (8 << 20, 800), (nil, 20)],
        [false, true]
    )
    func smallEntriesThatEndLeaveBesideOldSegments(_ load: (limit: Int?, old: Int), isOneRead: Bool) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let clock = ManualClock()
        var options = StoreOptions.bounded(.never, limit: load.limit)
        options.clock = clock.clock
        let store = try SegmentStore(directory: directory.path, options: options)
        for number in 0..<load.old { try store.set("old-\(number)", to: [UInt8](repeating: 1, count: 2_000)) }
        let count = (load.limit ?? 4 << 20) / 280
        func setSmallOnes() throws {
            for round in 0..<10 {
                let ends = SetOptions(expiry: clock.now + 1_000)
                for _ in 0..<2 {
                    for number in 0..<count {
                        try store.set(Self.key(round % 2 * count + number), to: [1], options: ends)
                    }
                }
                clock.advance(by: 2_000)
                try store.runBackgroundSteps()
            }
            for number in 0..<2_000 { try store.set("new-\(number)", to: [UInt8](repeating: 2, count: 200)) }
        }
        if isOneRead {
            let outcome = try store.withValue("old-0") { _ in Result { try setSmallOnes() } }
            try #require(outcome).get()
        } else {
            try setSmallOnes()
        }
        #expect(try store.get("new-1999") != nil)
        #expect(try store.get(Self.key(1)) == nil)
        #expect(store.invariantViolations() == [])
        let statistics = try store.statistics()
        #expect(statistics.reclamation.carriedBytes < (load.limit ?? 4 << 20) * 40)
        try store.close()
    }

    /// What takes longer to remove than a segment could never be removed.
    @Test func keysThatNoSegmentCouldRemoveAreRefused() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: 1 << 20))
        let longest = try #require(store.limit).longestKey
        for round in 0..<30 {
            let key = [UInt8](repeating: UInt8(round), count: longest)
            try store.set(key, to: [1])
            try store.set(key, to: [2])
            if round % 2 == 0 { #expect(try store.remove(key)) }
        }
        let tooLong = [UInt8](repeating: 0, count: longest + 1)
        #expect(#expect(throws: StoreError.self) { try store.set(tooLong, to: [1]) }?.code == .invalidKey)
        #expect(#expect(throws: StoreError.self) { try store.remove(tooLong) }?.code == .invalidKey)
        #expect(directory.allocatedBytes <= 1 << 20)
        try store.close()
    }

    /// A death in the middle of emptying leaves records twice. Where the one that the index names leaves first, it must not
    /// be forgotten that the other is there.
    @Test func whatLayTwiceAfterADeathDoesNotComeBackOnceRemoved() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var options = StoreOptions.bounded(.never, limit: 1 << 20)
        let deaths = Mutex<[TemporaryDirectory]>([])
        let steps = Atomic<Int>(0)
        options.betweenReclaimSteps = { _ in
            guard steps.wrappingAdd(1, ordering: .relaxed).newValue % 397 == 0 else { return }
            guard let copy = try? directory.copy() else { return }
            deaths.withLock { $0.append(copy) }
        }
        let store = try SegmentStore(directory: directory.path, options: options)
        let kept = (0..<2_000).map { Self.key($0) }
        for key in kept { try store.set(key, to: [UInt8](repeating: 1, count: 100)) }
        for number in 0..<8_000 {
            if number % 400 == 0 { for key in kept { _ = try store.get(key) } }
            try store.set(Self.key(10_000 + number), to: [UInt8](repeating: 2, count: 600))
            // Half of the others go to the main log too, so that it turns over.
            if number % 2 == 0 { _ = try store.get(Self.key(10_000 + number)) }
        }
        store.abandon()
        options.betweenReclaimSteps = nil
        // The main log would outlast what is only set.
        options.eviction = .fifo
        var chances = 0
        for death in deaths.withLock({ $0 }) {
            var store = try SegmentStore(directory: death.path, options: options)
            let older = store.segments.inUse.first {
                store.segments[$0].pointee.copyFloor.load(ordering: .relaxed)
                    < store.segments[$0].pointee.header.baseSequence
            }
            // As one that was closed with room left: large records pass it by, and reclamation too.
            store.maintenance.withLock { $0.continuable = older }
            let large = [UInt8](repeating: 3, count: 50_000)
            for number in 0..<60 { try store.set("large-\(number)", to: large) }
            let gone = try kept.filter { try store.get($0) == nil }
            if older != nil { chances += gone.count }
            for key in gone { try store.remove(key) }
            store.abandon()
            store = try SegmentStore(directory: death.path, options: options)
            for key in gone { #expect(try store.get(key) == nil) }
            store.abandon()
        }
        #expect(chances > 100)
    }

    /// The tombstones of a large segment's entries are more than what is kept for emptying one.
    @Test func largeSegmentsOfWhatWasReplacedAreGivenUpUnderALimit() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: nil))
        var generator = SeededGenerator(seed: 5)
        let value = [UInt8](repeating: 1, count: 100)
        for _ in 0..<150_000 { try store.set(Self.key(Int.random(in: 0..<100_000, using: &generator)), to: value) }
        try store.close()
        try setMoreUnderALimit(directory)
    }

    /// Opens the store with a limit that leaves hardly any room, and sets new keys.
    private func setMoreUnderALimit(_ directory: TemporaryDirectory) throws {
        let limit = directory.allocatedBytes + (200 << 10)
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: limit))
        for number in 0..<100_000 { try store.set(Self.key(1_000_000 + number), to: [UInt8](repeating: 2, count: 200)) }
        try store.runBackgroundSteps()
        #expect(directory.allocatedBytes <= limit)
        #expect(store.invariantViolations() == [])
        try store.close()
    }

    /// A death between making a large record's segment and writing the record leaves it empty.
    @Test(arguments: [false, true]) func aLargeRecordsEmptySegmentIsNotFilledWithSmallOnes(isSealed: Bool) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let limit = 16 << 20
        var store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: limit))
        try store.set("first", to: [1])
        let capacity = limit / 8
        _ = try store.maintenance.withLock { _ throws(StoreError) in try store.makeSegment(capacity: capacity) }
        if isSealed { try store.close() }
        let copy = try directory.copy()
        if !isSealed { store.abandon() }
        store = try SegmentStore(directory: copy.path, options: .bounded(.never, limit: limit))
        let value = [UInt8](repeating: 1, count: 1_000)
        for number in 0..<8_000 { try store.set(Self.key(number), to: value) }
        #expect(store.count == 8_001)
        let most = try #require(store.limit).segmentCapacity
        #expect(store.segments.inUse.allSatisfy { store.segments[$0].pointee.header.capacity <= most })
        try store.close()
    }

    /// An old segment that stays keeps the tombstones of everything younger; the writer must go on all the same.
    @Test func tombstonesThatCannotGoStopNobody() throws {
        let directory = try TemporaryDirectory()
        let limit = 4 << 20
        let store = try SegmentStore(directory: directory.path, options: .bounded(limit: limit))
        try store.set("large", to: [UInt8](repeating: 1, count: limit / 10))
        for number in 0..<60_000 {
            if number % 100 == 0 { _ = try store.get("large") }
            try store.set(Self.key(number), to: [1])
            if number % 2 == 0 { try store.remove(Self.key(number)) }
        }
        #expect(directory.allocatedBytes <= limit)
        #expect(store.invariantViolations() == [])
        try store.close()
    }

    @Test(arguments: [nil, 4 << 20]) func theRoomOfWhatHasEndedComesBackUnread(limit: Int?) throws {
        let directory = try TemporaryDirectory()
        let clock = ManualClock()
        var options = StoreOptions.bounded(limit: limit)
        options.clock = clock.clock
        let store = try SegmentStore(directory: directory.path, options: options)
        let value = [UInt8](repeating: 1, count: 1_000)
        for round in 0..<20 {
            for number in 0..<2_000 {
                let expiry = clock.now + 1_000
                try store.set(Self.key(round * 2_000 + number), to: value, options: SetOptions(expiry: expiry))
            }
            clock.advance(by: 2_000)
            try store.runBackgroundSteps()
        }
        let statistics = try store.statistics()
        #expect(statistics.reclamation.evictions == 0)
        // Without a limit it comes back once more is dead than lives, and a segment of the largest size.
        if limit == nil { return #expect(statistics.deadBytes > 20 << 20) }
        #expect(statistics.reclamation.expired > 0)
        #expect(directory.allocatedBytes <= limit ?? 0)
        try store.close()
    }

    /// Four threads set, read, lend and remove keys of their own while the store's threads win back room for all of them.
    @Test(arguments: [1 << 20, 2 << 20]) func threadsThatShareALimitSeeTheirOwnValuesOrNone(limit: Int) throws {
        let directory = try TemporaryDirectory()
        var options = StoreOptions(durability: .interval(.milliseconds(20)), compression: .none)
        options.sizeLimit = limit
        let store = try SegmentStore(directory: directory.path, options: options)
        let wrong = Mutex<[String]>([])
        let lasting = Mutex<[[UInt8]: [UInt8]]>([:])
        inParallelThreads(4) { thread in
            var generator = SeededGenerator(seed: UInt64(thread))
            var expected: [[UInt8]: [UInt8]] = [:]
            do {
                for number in 0..<20_000 {
                    let key = Array("thread \(thread) key \(Int.random(in: 0..<500, using: &generator))".utf8)
                    switch Int.random(in: 0..<10, using: &generator) {
                    case 0..<4:
                        var value = [UInt8](repeating: UInt8(thread), count: 8 + number % 3_000)
                        value[0] = UInt8(truncatingIfNeeded: number)
                        value[1] = UInt8(truncatingIfNeeded: number >> 8)
                        try store.set(key, to: value)
                        expected[key] = value
                    case 4:
                        try store.remove(key)
                        expected[key] = nil
                    default:
                        let got = try store.withValue(key) { span in span.withUnsafeBytes { Array($0) } }
                        guard let got else {
                            expected[key] = nil
                            continue
                        }
                        guard got != expected[key] else { continue }
                        wrong.withLock { $0.append("thread \(thread), operation \(number)") }
                    }
                }
            } catch {
                wrong.withLock { $0.append("\(error)") }
            }
            let kept = expected
            lasting.withLock { $0.merge(kept) { $1 } }
        }
        #expect(wrong.withLock { $0 } == [])
        #expect(directory.allocatedBytes <= limit)
        #expect(try store.statistics().reclamation.evictions > 0)
        try store.close()
        let again = try SegmentStore(directory: directory.path, options: options)
        for (key, value) in lasting.withLock({ $0 }) {
            if let got = try again.get(key) { #expect(got == value) }
        }
        #expect(again.invariantViolations() == [])
        try again.close()
    }

    /// A large record takes the room of many segments at once, which it would never get if each that comes free were taken
    /// for small ones.
    @Test func whatALargeRecordWaitsForIsLeftToIt() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let limit = 4 << 20
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: limit))
        let value = [UInt8](repeating: 1, count: 1_000)
        var number = 0
        // Until the active segment is about to need a successor, and there is room for one.
        while try store.statistics().reclamation.evictions == 0 || !store.reservation.withLock({ $0.wantsSpare }) {
            try store.set(Self.key(number), to: value)
            number += 1
        }
        let free = store.maintenance.withLock { store.freeSegments($0) }
        for _ in free..<SegmentStore.reservedSegments + 1 { #expect(try store.reclaimOne()) }
        let bytes = 3 * SizeLimit.cost(ofCapacity: 64 << 10)
        store.maintenance.withLock { $0.waiters.append(.init(number: -1, bytes: bytes)) }
        try store.makeSpare()
        #expect(store.reservation.withLock { $0.spare } == -1)
        // Whoever comes later waits, and in doing so makes room for those before and for itself.
        let isThere = try store.withRoom(for: bytes) { state, ahead throws(StoreError) -> Bool? in
            #expect(ahead == bytes)
            return try store.makeWay(for: bytes + ahead, leaving: store.leftBySets, &state) ? true : nil
        }
        #expect(isThere && store.maintenance.withLock { $0.waiters.map(\.number) } == [-1])
        store.maintenance.withLock { $0.waiters = [] }
        try store.makeSpare()
        #expect(store.reservation.withLock { $0.spare } >= 0)
        try store.set("large", to: [UInt8](repeating: 1, count: limit / 10))
        #expect(store.maintenance.withLock { $0.waiters.isEmpty })
        #expect(directory.allocatedBytes <= limit)
        try store.close()
    }

    /// What is stored once and never replaced fills nearly all of the room, and never more.
    @Test(arguments: LimitTests.isLong ? [64 << 20, 1 << 30] : [64 << 20])
    func theRoomIsUsedAndNeverOverstepped(limit: Int) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let scale = limit / (64 << 20)
        let store = try SegmentStore(directory: directory.path, options: .bounded(.never, limit: limit))
        let value = [UInt8](repeating: 1, count: 1_000)
        for number in 0..<120_000 * scale {
            try store.set(Self.key(number), to: value)
            guard number % (500 * scale) == 0 else { continue }
            try store.runBackgroundSteps()
            #expect(directory.allocatedBytes <= limit)
            guard number > 70_000 * scale else { continue }
            let statistics = try store.statistics()
            #expect(statistics.liveBytes * 100 > limit * 85, "\(number), \(statistics.reclamation)")
        }
        let figures = try store.statistics().reclamation
        #expect(figures.evictions > 0 && figures.carried == 0)
        try store.close()
        #expect(directory.allocatedBytes <= limit)
    }
}
