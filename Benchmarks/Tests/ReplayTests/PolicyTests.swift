import Sampling
import Testing

@testable import Replay

/// Small traces with skewed requests, of objects of one size or of sizes between 1 and 9.
private func makeTrace(seed: UInt64, commonSize: Int? = nil) -> Trace {
    var generator = SplitMix64(state: seed)
    var trace = Trace(name: "test")
    let sizes = (0..<40).map { _ in commonSize ?? Int(generator.next() % 9) + 1 }
    for object in sizes.indices { _ = trace.addObject(key: [UInt8(object)]) }
    for _ in 0..<2_000 {
        let draw = generator.nextUnit()
        let object = Int(draw * draw * 40)
        trace.addRequest(UInt32(object), size: sizes[object], isFirst: false)
    }
    return trace
}

private func hits(_ policy: consuming some Policy, _ requests: [Int], size: Int = 1) -> [Bool] {
    requests.map { policy.request($0, size: size) }
}

/// A queue as one would write it down: an array, the oldest first.
private struct NaiveCache {
    var capacity: Int
    var movesOnHit: Bool
    var held: [(object: Int, size: Int)] = []

    mutating func request(_ object: Int, size: Int) -> Bool {
        if let place = held.firstIndex(where: { $0.object == object }) {
            if movesOnHit { held.append(held.remove(at: place)) }
            return true
        }
        guard size <= capacity else { return false }
        held.append((object, size))
        while held.reduce(0, { $0 + $1.size }) > capacity { held.removeFirst() }
        return false
    }
}

@Suite struct PolicyTests {
    @Test(arguments: [1, 5, 9, 30, 100, 1_000] as [Int], [1, 2, 3] as [UInt64])
    func lruAndFIFOAreTheNaiveOnes(capacity: Int, seed: UInt64) {
        let trace = makeTrace(seed: seed)
        var lru = LRU(capacity: capacity, objectCount: trace.objectCount)
        var fifo = FIFO(capacity: capacity, objectCount: trace.objectCount)
        var naiveLRU = NaiveCache(capacity: capacity, movesOnHit: true)
        var naiveFIFO = NaiveCache(capacity: capacity, movesOnHit: false)
        for request in trace.requests {
            let (object, size) = (Int(request.object), Int(request.size))
            let isHit = (lru: lru.request(object, size: size), fifo: fifo.request(object, size: size))
            let wanted = (lru: naiveLRU.request(object, size: size), fifo: naiveFIFO.request(object, size: size))
            #expect(isHit == wanted)
        }
    }

    @Test func lruHitsNothingOfATurnThatDoesNotFit() {
        let turns = (0..<5).flatMap { _ in 0..<10 }
        #expect(!hits(LRU(capacity: 9, objectCount: 10), Array(turns)).contains(true))
        #expect(hits(LRU(capacity: 10, objectCount: 10), Array(turns)).count { $0 } == 40)
    }

    @Test func sieveSparesWhatWasAskedForAndGoesOnFromThere() {
        // Three fit. A is spared at 3; the hand, past it, takes B, then C, and at the end comes round to A, unasked for.
        let (a, b, c, d, e, f) = (0, 1, 2, 3, 4, 5)
        let requests = [a, b, c, a, d, e, a, f, c, a]
        // Held: a b c | a hit | d: b leaves | e: c leaves | a hit | f: d leaves | c: e leaves | a hit
        let wanted = [false, false, false, true, false, false, true, false, false, true]
        #expect(hits(Sieve(capacity: 3, objectCount: 6), requests) == wanted)
    }

    @Test func s3fifoMovesWhatWasAskedForTwiceAndTakesGhostsBack() {
        // Ten fit, one of them in the small queue.
        var cache = S3FIFO(capacity: 10, objectCount: 40)
        func ask(_ objects: [Int]) -> [Bool] { objects.map { cache.request($0, size: 1) } }
        // The small queue takes all there is room for.
        #expect(!ask(Array(0..<10)).contains(true))
        #expect(ask([0, 0, 1]) == [true, true, true])
        // 0 was asked for twice and moves on; 1 once, and leaves as the first ghost.
        #expect(ask([10]) == [false])
        #expect(ask([0]) == [true])
        // 1 is a ghost and enters the main queue, for which 2 leaves.
        #expect(ask([1, 1, 2]) == [false, true, false])
        // 2 was a ghost as well; 3 left for it, and so on: the main queue takes them all in until the small one has one.
        #expect(ask([3, 4, 5]) == [false, false, false])
        #expect(ask([0, 1, 2, 3, 4, 5]) == [true, true, true, true, true, true])
    }

    @Test func s3fifoKeepsItsMainQueueThroughAScan() {
        var cache = S3FIFO(capacity: 10, objectCount: 1_000)
        for object in 0..<10 { _ = cache.request(object, size: 1) }
        for object in 0..<10 { for _ in 0..<2 { _ = cache.request(object, size: 1) } }
        for object in 100..<900 {
            let isHit = cache.request(object, size: 1)
            #expect(!isHit)
        }
        // The scan's objects went through the small queue; one of the ten had to make way for it.
        let hits = (0..<10).count { cache.request($0, size: 1) }
        #expect(hits == 9)
    }

    @Test(arguments: [1, 3, 10, 25] as [Int], [4, 5, 6, 7] as [UInt64])
    func nothingBeatsBeladyWhereSizesAreEqual(capacity: Int, seed: UInt64) throws {
        let trace = makeTrace(seed: seed, commonSize: 3)
        for charge in SimulatedPolicy.Charge.allCases {
            // Room for so many objects, and for a part of one more.
            let bytes = capacity * (charge == .value ? 3 : RecordCost.entryBytes(key: 1, value: 3)) + 1
            let simulation = Simulation(trace, charge: charge)
            let bound = try #require(simulation.run(.belady, capacity: bytes))
            for policy in SimulatedPolicy.allCases where policy != .belady {
                let misses = try #require(simulation.run(policy, capacity: bytes))
                #expect(misses.requests >= bound.requests, "\(policy)")
                #expect(misses.requests > 40 || capacity == 25, "\(policy)")
            }
        }
    }

    @Test func beladyHitsAllThatCanBeHit() {
        // Of three objects in turns, two fit: the third is always the one that is wanted last.
        var trace = Trace(name: "turns")
        for object in 0..<3 { _ = trace.addObject(key: [UInt8(object)]) }
        for object in [0, 1, 2, 0, 1, 2, 0, 1, 2] as [UInt32] { trace.addRequest(object, size: 1, isFirst: false) }
        var belady = Belady(capacity: 2, trace: trace)
        let wanted = [false, false, false, true, true, false, true, true, false]
        let isHit = trace.requests.map { belady.request(Int($0.object), size: 1) }
        #expect(isHit == wanted)
    }

    @Test func beladySaysNothingWhereSizesDiffer() {
        #expect(Simulation(makeTrace(seed: 8), charge: .value).run(.belady, capacity: 10) == nil)
    }

    @Test(arguments: SimulatedPolicy.allCases)
    func whatIsLargerThanTheCacheIsNeverHeld(policy: SimulatedPolicy) throws {
        var trace = Trace(name: "large")
        _ = trace.addObject(key: [0])
        for _ in 0..<5 { trace.addRequest(0, size: 11, isFirst: false) }
        let misses = try #require(Simulation(trace, charge: .value).run(policy, capacity: 10))
        #expect(misses == MissCounts(requests: 5, bytes: 55))
    }

    @Test(arguments: SimulatedPolicy.allCases)
    func aCacheThatHoldsEverythingMissesEachKeyOnce(policy: SimulatedPolicy) throws {
        let trace = makeTrace(seed: 9, commonSize: 100)
        let asked = Set(trace.requests.map(\.object)).count
        let misses = try #require(Simulation(trace, charge: .entry).run(policy, capacity: 1 << 20))
        #expect(misses.requests == asked)
    }
}
