import Glibc
import SegmentStore
import Synchronization

/// Turns a store with a size limit over: opens it, has two threads set, replace and remove keys, one of them with values
/// of a few bytes, one up to the largest allowed, while a third reads them and one value is lent throughout; closes it,
/// and begins again.
///
///     arguments: directory  limit  seed  bytes to set each time  times  s3fifo|fifo|none
///     output: P, whenever a thread has set another 64th of the limit
///             at the end: sets  evictions  records carried  bytes reclaimed  reads that gave something
struct TurnOver {
    private let directory: String
    private let limit: Int
    private let seed: UInt64
    private let byteCount: Int
    private let times: Int
    private let eviction: StoreOptions.Eviction

    init?(_ arguments: [String]) {
        guard arguments.count == 6, let limit = Int(arguments[1]), let seed = UInt64(arguments[2]),
            let byteCount = Int(arguments[3]), let times = Int(arguments[4])
        else { return nil }
        directory = arguments[0]
        self.limit = limit
        self.seed = seed
        self.byteCount = byteCount
        self.times = times
        switch arguments[5] {
        case "s3fifo": eviction = .s3fifo
        case "fifo": eviction = .fifo
        case "none": eviction = .none
        default: return nil
        }
    }

    func run() -> CInt {
        var totals = Totals()
        for time in 0..<times {
            do {
                totals.add(try turnOver(seed: seed &+ UInt64(time) &* 1_000))
            } catch {
                ChildRole.fail("\(error)")
            }
        }
        ChildRole.say(totals.line)
        return 0
    }

    private struct Totals: Sendable {
        var sets = 0
        var evictions = 0
        var carried = 0
        var reclaimedBytes = 0
        var hits = 0

        var line: String { "\(sets) \(evictions) \(carried) \(reclaimedBytes) \(hits)" }

        mutating func add(_ statistics: StoreStatistics) {
            sets += statistics.sets
            evictions += statistics.reclamation.evictions
            carried += statistics.reclamation.carried
            reclaimedBytes += statistics.reclamation.reclaimedBytes
            hits += statistics.hits
        }
    }

    private func turnOver(seed: UInt64) throws -> StoreStatistics {
        var options = StoreOptions(
            durability: [.never, .interval(.milliseconds(20)), .interval(.seconds(1))][Int(seed / 1_000 % 3)],
            compression: .none
        )
        options.sizeLimit = limit
        options.eviction = eviction
        let store = try SegmentStore(directory: directory, options: options)
        let load = Load(store: store, limit: limit, seed: seed, byteCount: byteCount, mayBeFull: eviction == .none)
        // At times a large one, in a segment of its own; removed at once, it is the lend alone that keeps it.
        let length = seed % 2 == 0 ? load.longest(key: -1) : 1_000
        let value = TellingValue.bytes(key: -1, number: seed, length: length)
        var isUnchanged: Bool?
        // With the store as full as it was left, it can leave before it is lent.
        while isUnchanged == nil {
            do throws(StoreError) {
                try store.set(TellingValue.key(-1), to: value)
            } catch {
                guard error.code == .full, eviction == .none else { throw error }
                try load.removeEach()
                continue
            }
            isUnchanged = try store.withValue(TellingValue.key(-1)) { span in
                _ = try? store.remove(TellingValue.key(-1))
                let threads = [
                    ChildRole.startThread { load.change(thread: 0) }, ChildRole.startThread { load.change(thread: 1) },
                    ChildRole.startThread { load.read() },
                ]
                for thread in threads { pthread_join(thread, nil) }
                return TellingValue.number(of: span, key: -1) == seed
            }
        }
        if isUnchanged == false { ChildRole.fail("the value that was lent has changed") }
        let statistics = try store.statistics()
        try store.close()
        return statistics
    }
}

/// What the threads do.
private final class Load: Sendable {
    private let store: SegmentStore
    private let limit: Int
    private let seed: UInt64
    private let byteCount: Int
    private let mayBeFull: Bool
    private let done = Atomic<Int>(0)
    private let keyCount: Int

    init(store: SegmentStore, limit: Int, seed: UInt64, byteCount: Int, mayBeFull: Bool) {
        self.store = store
        self.limit = limit
        self.seed = seed
        self.byteCount = byteCount
        self.mayBeFull = mayBeFull
        // More than fit, and few enough that most are replaced before they leave.
        keyCount = max(500, limit / 700)
    }

    /// Bytes of the longest value that a key may have: the record, with its header and padding, is an eighth of the limit.
    func longest(key: Int) -> Int { limit / 8 - 56 - (TellingValue.key(key).utf8.count + 7) / 8 * 8 - 8 }

    func change(thread: Int) {
        var random = Random(state: seed &+ UInt64(thread) &* 77)
        var (rest, untilProgress) = (byteCount / 2, limit / 64)
        var number: UInt64 = 0
        while rest > 0 {
            number += 1
            let key = random.below(keyCount)
            read(random.below(keyCount))
            do throws(StoreError) {
                if random.below(12) == 0 {
                    try store.remove(TellingValue.key(key))
                    continue
                }
                let length = thread == 0 ? smallLength(&random) : anyLength(&random, key)
                let value = TellingValue.bytes(key: key, number: number, length: length)
                try store.set(TellingValue.key(key), to: value)
                rest -= length + 64
                untilProgress -= length + 64
            } catch {
                guard error.code == .full, mayBeFull else { ChildRole.fail("thread \(thread), key \(key): \(error)") }
                do throws(StoreError) { try removeEach() } catch { ChildRole.fail("thread \(thread): \(error)") }
            }
            if untilProgress <= 0 {
                ChildRole.say("P")
                untilProgress = limit / 64
            }
        }
        done.add(1, ordering: .releasing)
    }

    /// Removes the keys one by one, for which there must always be room.
    func removeEach() throws(StoreError) {
        for key in 0..<keyCount { try store.remove(TellingValue.key(key)) }
    }

    /// Reads without a pause what is wanted most. Were it everything, nothing would be worth less than anything else.
    func read() {
        var random = Random(state: seed &+ 999)
        while done.load(ordering: .acquiring) < 2 { read(random.below(keyCount / 50)) }
    }

    private func read(_ key: Int) {
        do {
            let isRight = try store.withValue(TellingValue.key(key)) { TellingValue.number(of: $0, key: key) != nil }
            if isRight == false { ChildRole.fail("a wrong value of \(TellingValue.key(key))") }
        } catch {
            ChildRole.fail("\(error)")
        }
    }

    private func smallLength(_ random: inout Random) -> Int {
        random.below(10) == 0 ? 0 : TellingValue.headLength + random.below(2_000)
    }

    private func anyLength(_ random: inout Random, _ key: Int) -> Int {
        let most =
            switch random.below(100) {
            case 0..<10: 0
            case 10..<50: limit / 512
            case 50..<80: limit / 64
            case 80..<95: longest(key: key)
            default: -1
            }
        return most < 0 ? longest(key: key) : most == 0 ? 0 : TellingValue.headLength + random.below(most - 16)
    }
}

/// Random numbers that follow from a seed.
struct Random {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % max(1, bound)
    }
}
