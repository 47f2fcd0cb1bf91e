import Foundation
import Synchronization

/// A stretch of operations that one thread runs in one go: the entries and their keys, made before the clock starts.
///
/// `@unchecked`: the keys are written once, in the initialiser.
final class Slice: @unchecked Sendable {
    private let dataset: Dataset
    private let ids: [Int]
    private let keys: UnsafeMutableRawPointer
    let scratch: ValueScratch

    init(_ dataset: Dataset, ids: [Int]) {
        self.dataset = dataset
        self.ids = ids
        scratch = dataset.makeScratch()
        keys = .allocate(byteCount: max(1, ids.count) * Dataset.keyLength, alignment: 64)
        for (number, id) in ids.enumerated() { dataset.writeKey(of: id, to: keys + number * Dataset.keyLength) }
    }

    deinit { keys.deallocate() }

    var count: Int { ids.count }

    @inline(__always)
    private func key(_ number: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: keys + number * Dataset.keyLength, count: Dataset.keyLength)
    }

    // MARK: Loops, which return their time in seconds

    func get<E: Engine>(_ engine: E) throws -> Double {
        try timed { number, id in
            let dataset = dataset
            return try engine.get(key(number)) { dataset.plausible($0, id: id) } == true
        }
    }

    func lend<E: Engine>(_ engine: E) throws -> Double {
        try timed { number, id in
            let dataset = dataset
            return try engine.lend(key(number)) { dataset.plausible($0, id: id) } == true
        }
    }

    func miss<E: Engine>(_ engine: E) throws -> Double {
        try timed { number, _ in try engine.get(key(number)) { _ in true } == nil }
    }

    func set<E: Engine>(_ engine: E, _ versions: UnsafeMutablePointer<UInt8>) throws -> Double {
        try timed { number, _ in
            try set(number, engine, versions)
            return true
        }
    }

    @inline(__always)
    func set<E: Engine>(_ number: Int, _ engine: E, _ versions: UnsafeMutablePointer<UInt8>) throws {
        let id = ids[number]
        versions[id] &+= 1
        try dataset.withValue(of: id, version: Int(versions[id]), scratch) { value in
            try engine.set(key(number), to: value)
        }
    }

    @inline(__always)
    private func timed(_ operation: (Int, Int) throws -> Bool) throws -> Double {
        let start = monotonicNanoseconds()
        for number in 0..<ids.count {
            guard try operation(number, ids[number]) else {
                throw BenchError("entry \(ids[number]): a wrong or missing answer")
            }
        }
        return Double(monotonicNanoseconds() - start) / 1e9
    }

    // MARK: Latency

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

    @inline(__always)
    func closedLoop(recorder: inout LatencyRecorder, _ operation: (Slice, Int) throws -> Void) rethrows {
        for number in 0..<ids.count {
            let start = monotonicNanoseconds()
            try operation(self, number)
            recorder.record(monotonicNanoseconds() - start)
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
