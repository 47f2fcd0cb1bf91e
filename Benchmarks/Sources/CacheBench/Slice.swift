import Foundation
import SegmentStore
import Synchronization

/// A stretch of operations that one thread runs in one go: the entries and their keys, made before the clock starts.
///
/// `@unchecked`: the keys are written once, in the initialiser.
final class Slice: @unchecked Sendable {
    /// Entries that one batch sets.
    static let batchLength = 1_000

    let dataset: Dataset
    private let ids: [Int]
    /// Of a mixed workload: which operations set.
    private let sets: [Bool]
    private let keys: UnsafeMutableRawPointer
    let scratch: ValueScratch

    init(_ dataset: Dataset, ids: [Int], sets: [Bool] = []) {
        self.dataset = dataset
        self.ids = ids
        self.sets = sets
        scratch = dataset.makeScratch()
        keys = .allocate(byteCount: max(1, ids.count) * Dataset.keyLength, alignment: 64)
        for (number, id) in ids.enumerated() { dataset.writeKey(of: id, to: keys + number * Dataset.keyLength) }
    }

    deinit { keys.deallocate() }

    var count: Int { ids.count }

    func id(_ number: Int) -> Int { ids[number] }

    @inline(__always)
    func key(_ number: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: keys + number * Dataset.keyLength, count: Dataset.keyLength)
    }

    func isSet(_ number: Int, in workload: Workload) -> Bool { workload.isMixed ? sets[number] : workload.onlySets }

    /// Lends what the entry is to have from now on.
    @inline(__always)
    func withNextValue<Result>(
        _ number: Int,
        _ versions: Versions,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        let id = ids[number]
        return try dataset.withValue(of: id, version: versions.next(id), scratch, body)
    }

    // MARK: Loops

    /// Runs the workload and returns its time in seconds.
    @inline(__always)
    func run<E: Engine, Watch: Observer>(
        _ workload: Workload,
        on engine: E,
        _ versions: Versions,
        _ watch: inout Watch
    ) throws -> Double {
        let dataset = dataset
        switch workload {
        case .get, .getZipf:
            return try timed(&watch) { number, id in
                try engine.get(key(number)) { dataset.plausible($0, id: id) } == true
            }
        case .lend, .lendZipf:
            return try timed(&watch) { number, id in
                try engine.lend(key(number)) { dataset.plausible($0, id: id) } == true
            }
        case .miss: return try timed(&watch) { number, _ in try engine.get(key(number)) { _ in true } == nil }
        case .mixed95, .mixed50:
            return try timed(&watch) { number, id in
                if sets[number] {
                    try set(number, engine, versions)
                    return true
                }
                return try engine.get(key(number)) { dataset.plausible($0, id: id) } == true
            }
        case .load, .set, .setFresh:
            return try timed(&watch) { number, _ in
                try set(number, engine, versions)
                return true
            }
        case .loadBatch: return try setBatches(engine, versions)
        default: throw BenchError("\(workload.rawValue) is no slice")
        }
    }

    @inline(__always)
    func set<E: Engine>(_ number: Int, _ engine: E, _ versions: Versions) throws {
        try withNextValue(number, versions) { value in try engine.set(key(number), to: value) }
    }

    private func setBatches<E: Engine>(_ engine: E, _ versions: Versions) throws -> Double {
        let batches = stride(from: 0, to: count, by: Self.batchLength).map { start in
            (start..<min(count, start + Self.batchLength)).map { number in
                withNextValue(number, versions) { BatchEntry(key: Array(key(number)), value: Array($0)) }
            }
        }
        let start = monotonicNanoseconds()
        for batch in batches { try engine.set(batch) }
        return Double(monotonicNanoseconds() - start) / 1e9
    }

    @inline(__always)
    private func timed<Watch: Observer>(_ watch: inout Watch, _ operation: (Int, Int) throws -> Bool) throws -> Double {
        let start = monotonicNanoseconds()
        for number in 0..<ids.count {
            watch.begin()
            guard try operation(number, ids[number]) else {
                throw BenchError("entry \(ids[number]): a wrong or missing answer")
            }
            watch.end()
        }
        return Double(monotonicNanoseconds() - start) / 1e9
    }

    /// Runs each operation when it is due and records the time from then to its end, so that an operation that comes
    /// late because of the one before it is counted as late.
    @inline(__always)
    func openLoop(
        perSecond: Int,
        recorder: inout LatencyRecorder,
        _ operation: (Slice, Int) throws -> Void
    ) rethrows {
        let interval = 1e9 / Double(perSecond)
        let start = monotonicNanoseconds() + 1_000_000
        for number in 0..<ids.count {
            let due = start + UInt64(Double(number) * interval)
            while monotonicNanoseconds() < due {}
            try operation(self, number)
            recorder.record(monotonicNanoseconds() - due)
        }
    }

    // MARK: Threads

    /// Runs the body for every slice, each on a thread of its own; returns the longest time.
    static func runTogether(_ slices: [Slice], _ body: @escaping (Slice) throws -> Double) throws -> Double {
        if slices.count == 1 { return try body(slices[0]) }
        let gate = Gate(slices.count)
        // Nothing else uses the body while the threads run it.
        nonisolated(unsafe) let body = body
        let results = Mutex<[Result<Double, any Error>]>([])
        let threads = slices.map { slice in
            let thread = Thread {
                gate.arrive()
                let result = Result { try body(slice) }
                results.withLock { $0.append(result) }
                gate.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
            return thread
        }
        gate.waitUntilAllLeft()
        withExtendedLifetime(threads) {}
        return try results.withLock { try $0.map { try $0.get() }.max() ?? 0 }
    }
}

/// How often each entry has been set, a byte each: the version of the value that it must have.
///
/// `@unchecked`: threads that set at once set entries of their own.
struct Versions: @unchecked Sendable {
    private let counts: UnsafeMutablePointer<UInt8>
    private let entries: Int

    init(entries: Int) {
        self.entries = entries
        counts = .allocate(capacity: entries)
        counts.initialize(repeating: 0, count: entries)
    }

    subscript(id: Int) -> Int { Int(counts[id]) }

    @inline(__always)
    func next(_ id: Int) -> Int {
        counts[id] &+= 1
        return Int(counts[id])
    }

    /// Takes all entries for set once, and the first `overwritten` for set `times` more.
    func assume(overwritten: Int, times: Int) {
        for id in 0..<entries { counts[id] = UInt8(truncatingIfNeeded: id < overwritten ? 1 + times : 1) }
    }
}

/// Lets threads begin at once, without a system call between them, and tells when all are done.
private final class Gate: Sendable {
    private let count: Int
    private let arrived = Atomic<Int>(0)
    private let left = Atomic<Int>(0)

    init(_ count: Int) { self.count = count }

    func arrive() {
        arrived.wrappingAdd(1, ordering: .acquiringAndReleasing)
        while arrived.load(ordering: .acquiring) < count {}
    }

    func leave() { left.wrappingAdd(1, ordering: .acquiringAndReleasing) }

    func waitUntilAllLeft() {
        while left.load(ordering: .acquiring) < count { usleep(500) }
    }
}

/// The monotonic clock in nanoseconds.
@inline(__always)
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}
