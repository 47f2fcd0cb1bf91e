import Foundation
import Sampling
import SegmentStore
import Synchronization

/// What an engine's own counters say of keeping within a size limit.
struct ReclaimCounters: Codable, Sendable {
    var evictions = 0
    var writtenBytes = 0
    var carriedBytes = 0
    var waits = 0
    var waitSeconds = 0.0
    var longestWaitSeconds = 0.0
    /// Waits below 1, 2, 4, 8 … microseconds.
    var waitsBelow: [Int] = []
}

/// What setting new entries without end shows, at a size limit that was reached before.
struct TurnoverFigures: Codable, Sendable {
    /// Time of each call.
    var set: LatencyFigures
    var get: LatencyFigures
    /// From the moment a set was due, where there is a rate.
    var setFromDue: LatencyFigures?
    /// Two threads that read the clock as these do and call nothing.
    var timer: LatencyFigures
    var bytesPerSecond: Double
    var hitShare: Double
    /// The engine's counters, of the timed part alone but for the longest wait; nil of an engine that has none.
    var counters: ReclaimCounters?
    var waitShare: Double

    enum Kind { case set, other }

    /// The lines of a report.
    var lines: [(Kind, LatencyFigures, String)] {
        let sets = String(format: "sets, %.0f MB/s", bytesPerSecond / 1e6) + (counters.map(waits) ?? "")
        var lines: [(Kind, LatencyFigures, String)] = [
            (.set, set, sets),
            (.other, get, String(format: "gets meanwhile, %.0f %% hits", hitShare * 100)),
            (.other, timer, "the same two loops, doing nothing"),
        ]
        if let setFromDue { lines.insert((.other, setFromDue, "sets, from the moment due"), at: 1) }
        return lines
    }

    private func waits(_ counters: ReclaimCounters) -> String {
        let amplification =
            Double(counters.writtenBytes + counters.carriedBytes) / Double(max(1, counters.writtenBytes))
        return String(
            format: ", %.2f written for each; %d waits, p99 below %.1f ms, longest %.1f ms, %.2f %% of the time",
            amplification,
            counters.waits,
            counters.waitPercentile(99) * 1e3,
            counters.longestWaitSeconds * 1e3,
            waitShare * 100
        )
    }
}

extension ReclaimCounters {
    init(_ statistics: StoreStatistics) {
        let figures = statistics.reclamation
        self.init(
            evictions: figures.evictions,
            writtenBytes: statistics.writtenBytes,
            carriedBytes: figures.carriedBytes,
            waits: figures.waits,
            waitSeconds: figures.waitTime / .seconds(1),
            longestWaitSeconds: figures.longestWait / .seconds(1),
            waitsBelow: figures.waitsBelow
        )
    }

    /// A bound, in seconds, below which so many percent of the waits lie: the next power of two.
    func waitPercentile(_ percent: Int) -> Double {
        guard waits > 0 else { return 0 }
        let wanted = (waits * percent + 99) / 100
        let bucket = waitsBelow.firstIndex { $0 >= wanted } ?? waitsBelow.count
        return Double(1 << bucket) / 1e6
    }

    func since(_ earlier: ReclaimCounters) -> ReclaimCounters {
        var counters = self
        counters.evictions -= earlier.evictions
        counters.writtenBytes -= earlier.writtenBytes
        counters.carriedBytes -= earlier.carriedBytes
        counters.waits -= earlier.waits
        counters.waitSeconds -= earlier.waitSeconds
        counters.waitsBelow = zip(waitsBelow, earlier.waitsBelow).map { $0 - $1 }
        return counters
    }
}

/// Which recent entries are got while new ones are set.
enum TurnoverReads: String, Codable, Sendable, CaseIterable {
    /// By Zipf's law (0.99): every entry has its own popularity, of the old ones and of the new.
    case zipf
    /// All alike, each several times while it is recent: nothing is worth less than anything else.
    case uniform
}

/// One thread that sets new entries and one that gets recent ones.
struct Turnover<E: Engine> {
    let engine: E
    let dataset: Dataset
    let sizeLimit: Int
    let reads: TurnoverReads

    /// A third of the entries that fit.
    private var recent: Int { max(1, sizeLimit / Int(dataset.meanValueLength) / 3) }

    func run(bytesPerSecond: Int, seconds: Double) throws -> WorkerAnswer {
        var writer = Writer(engine: engine, dataset: dataset)
        // The limit is reached and turned over once, so that every page has been touched.
        try writer.run(untilBytes: 2 * sizeLimit)
        let timer = try timed(seconds: seconds / 2) { _ in
            true
        } write: { until in
            var writer = Writer<E>(engine: nil, dataset: dataset)
            try writer.run(bytesPerSecond: bytesPerSecond, until: until)
            return writer
        }
        let before = try engine.reclaimCounters()
        let start = monotonicNanoseconds()
        let next = Atomic<Int>(writer.next)
        let hits = Atomic<Int>(0)
        let begun = writer
        let zipf = reads == .zipf ? Zipf(count: recent) : nil
        let run = try timed(seconds: seconds) { [engine, dataset, recent] random in
            let newest = next.load(ordering: .relaxed) - 1
            // A popularity belongs to every so manyth entry; the newest of those is got.
            let place = zipf.map { $0.draw(&random) } ?? Int(random.next() % UInt64(recent))
            let id = newest - (newest - place) % recent
            let found = try withKey(of: id, dataset) { key in try engine.get(key) { dataset.plausible($0, id: id) } }
            if found == true { hits.wrappingAdd(1, ordering: .relaxed) }
            return found != false
        } write: { until in
            var writer = begun
            try writer.run(bytesPerSecond: bytesPerSecond, until: until) { next.store($0, ordering: .relaxed) }
            return writer
        }
        let elapsed = Double(monotonicNanoseconds() - start) / 1e9
        writer = run.writer
        let counters = try before.flatMap { before in try engine.reclaimCounters()?.since(before) }
        var answer = WorkerAnswer(operations: writer.next - begun.next, seconds: elapsed)
        answer.turnover = TurnoverFigures(
            set: writer.latency.figures,
            get: run.reader.figures,
            setFromDue: bytesPerSecond > 0 ? writer.fromDue.figures : nil,
            timer: timer.both.figures,
            bytesPerSecond: Double(writer.bytes - begun.bytes) / elapsed,
            hitShare: Double(hits.load(ordering: .relaxed)) / Double(max(1, run.reader.count)),
            counters: counters,
            waitShare: (counters?.waitSeconds ?? 0) / elapsed
        )
        return answer
    }

    private struct Run {
        var writer: Writer<E>
        var reader: LatencyRecorder
        var both: LatencyRecorder { reader.merged(writer.latency) }
    }

    /// Runs the writing loop on this thread, and the reading one on another until that is over.
    private func timed(
        seconds: Double,
        read: @escaping @Sendable (inout SplitMix64) throws -> Bool,
        write: (UInt64) throws -> Writer<E>
    ) throws -> Run {
        let reader = ReadingThread(read)
        let written = Result { try write(monotonicNanoseconds() + UInt64(seconds * 1e9)) }
        let latency = try reader.finish()
        return Run(writer: try written.get(), reader: latency)
    }
}

@inline(__always)
private func withKey<Result>(
    of id: Int,
    _ dataset: Dataset,
    _ body: (UnsafeRawBufferPointer) throws -> Result
) rethrows -> Result {
    try withUnsafeTemporaryAllocation(byteCount: Dataset.keyLength, alignment: 8) { key in
        if let base = key.baseAddress { dataset.writeKey(of: id, to: base) }
        return try body(UnsafeRawBufferPointer(key))
    }
}

/// Sets entries one after another, each with a key of its own.
private struct Writer<E: Engine> {
    /// Nil: nothing is called.
    let engine: E?
    let dataset: Dataset
    private let scratch: ValueScratch
    private(set) var next = 0
    private(set) var bytes = 0
    private(set) var latency = LatencyRecorder()
    private(set) var fromDue = LatencyRecorder()

    init(engine: E?, dataset: Dataset) {
        self.engine = engine
        self.dataset = dataset
        scratch = dataset.makeScratch()
    }

    mutating func run(untilBytes limit: Int) throws {
        while bytes < limit { try setNext() }
    }

    /// Sets until the moment, each once it is due: so many bytes every half millisecond, in between which the thread
    /// sleeps, for one that waited by reading the clock would take the processor from who makes room.
    mutating func run(bytesPerSecond: Int, until end: UInt64, _ note: (Int) -> Void = { _ in }) throws {
        let start = monotonicNanoseconds()
        let bytesPerBurst = UInt64(bytesPerSecond) * Self.burst / 1_000_000_000
        let first = bytes
        latency = LatencyRecorder()
        fromDue = LatencyRecorder()
        while true {
            let due = bytesPerBurst > 0 ? start + UInt64(bytes - first) / bytesPerBurst * Self.burst : 0
            var begin = monotonicNanoseconds()
            while begin < due {
                sleep(nanoseconds: due - begin)
                begin = monotonicNanoseconds()
            }
            if begin >= end { return }
            try setNext()
            let done = monotonicNanoseconds()
            latency.record(done - begin)
            if bytesPerBurst > 0 { fromDue.record(done - due) }
            note(next)
        }
    }

    /// In nanoseconds.
    private static var burst: UInt64 { 500_000 }

    private func sleep(nanoseconds: UInt64) {
        var pause = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
        nanosleep(&pause, nil)
    }

    @inline(__always)
    private mutating func setNext() throws {
        let id = next
        if let engine {
            try withKey(of: id, dataset) { key in
                try dataset.withValue(of: id, version: 0, scratch) { try engine.set(key, to: $0) }
            }
        }
        next += 1
        bytes += dataset.length(of: id)
    }
}

/// Times one operation after another on a thread of its own until it is told to finish.
///
/// `@unchecked`: the outcome is written by the thread before it says that it is done, and read after that.
private final class ReadingThread: @unchecked Sendable {
    private let stops = Atomic<Bool>(false)
    private let done = DispatchSemaphore(value: 0)
    private var outcome: Result<LatencyRecorder, any Error> = .success(LatencyRecorder())

    init(_ operation: @escaping @Sendable (inout SplitMix64) throws -> Bool) {
        let thread = Thread { [self] in
            outcome = Result { try run(operation) }
            done.signal()
        }
        thread.stackSize = 8 << 20
        thread.start()
    }

    private func run(_ operation: (inout SplitMix64) throws -> Bool) throws -> LatencyRecorder {
        var latency = LatencyRecorder()
        var random = SplitMix64(state: 5)
        while !stops.load(ordering: .relaxed) {
            let start = monotonicNanoseconds()
            guard try operation(&random) else { throw BenchError("a wrong answer at the size limit") }
            latency.record(monotonicNanoseconds() - start)
        }
        return latency
    }

    func finish() throws -> LatencyRecorder {
        stops.store(true, ordering: .relaxed)
        done.wait()
        return try outcome.get()
    }
}
