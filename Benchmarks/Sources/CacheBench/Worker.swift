import CLimit
import Foundation
import Sampling

/// What the measuring process asks of a worker, a line of JSON each.
enum WorkerCommand: Codable, Sendable {
    /// Sets entries of a range for the first time, one by one or in batches.
    case load(inBatches: Bool, start: Int, count: Int, threads: Int)
    /// Ends what a load has left for the background.
    case settle
    /// Runs so many operations on so many threads.
    case slice(Workload, operations: Int, threads: Int, seed: UInt64)
    /// Runs so many operations on one thread and times each.
    case timeEach(Workload, operations: Int, seed: UInt64)
    /// Takes the first entries for overwritten so often, of a cache that another worker has filled.
    case assume(overwritten: Int, times: Int)
    /// Sets the first entries once more.
    case overwrite(count: Int)
    /// Compares every byte of every value.
    case verify
    /// Sets entries at so many a second for so long, and waits twice as long without setting any.
    case latency(perSecond: Int, seconds: Double)
    /// Sets new entries at so many bytes a second, or as fast as it can, for so long after the limit is reached twice.
    case turnover(sizeLimit: Int, bytesPerSecond: Int, seconds: Double, reads: TurnoverReads)
    /// Sets small entries up to the count; of every ten, `removed` are removed again.
    case memory(entries: Int, removed: Int)
    case close
}

/// What a worker answers.
struct WorkerAnswer: Codable, Sendable {
    var error: String?
    var operations = 0
    /// Wall time of each thread's loop, the longest of them.
    var seconds = 0.0
    /// Growth of RssAnon since the worker's engine was made.
    var anonymousBytes = 0
    var residentBytes = 0
    var latency: [String: LatencyFigures]?
    var turnover: TurnoverFigures?
    /// Anonymous bytes an entry at each of a series of counts.
    var memory: [MemoryPoint]?
}

/// Bytes of anonymous memory an index entry at one size.
struct MemoryPoint: Codable, Sendable {
    var entries: Int
    var bytesPerEntry: Double
}

/// Owns one engine, in a process of its own, and runs what it is told to.
struct Worker<E: Engine> {
    let engine: E
    let dataset: Dataset
    let entries: Int
    private let versions: Versions
    private let zipf: Zipf
    private let anonymousBefore: Int

    init(entries: Int, makeEngine: () throws -> E) rethrows {
        dataset = Dataset()
        self.entries = entries
        versions = Versions(entries: entries)
        zipf = Zipf(count: entries)
        anonymousBefore = ProcessMemory.read().anonymousBytes
        engine = try makeEngine()
    }

    /// Answers commands from standard input until it ends.
    func serve() throws {
        while let line = readLine() {
            var answer = WorkerAnswer()
            do {
                answer = try run(JSONDecoder().decode(WorkerCommand.self, from: Data(line.utf8)))
            } catch {
                answer.error = "\(error)"
            }
            // What a loop has freed is none of the engine's.
            limit_trim_heap()
            let memory = ProcessMemory.read()
            answer.anonymousBytes = memory.anonymousBytes - anonymousBefore
            answer.residentBytes = memory.residentBytes
            try FileHandle.standardOutput.write(contentsOf: JSONEncoder().encode(answer) + [10])
        }
    }

    private func run(_ command: WorkerCommand) throws -> WorkerAnswer {
        switch command {
        case .load(let inBatches, let start, let count, let threads):
            return try load(inBatches ? .loadBatch : .load, start..<start + count, threads: threads)
        case .settle:
            let seconds = try ContinuousClock().measure { try engine.settle() } / .seconds(1)
            return WorkerAnswer(operations: 1, seconds: seconds)
        case .slice(let workload, let operations, let threads, let seed):
            return try slice(workload, operations: operations, threads: threads, seed: seed)
        case .timeEach(let workload, let operations, let seed):
            return try timeEach(workload, operations: operations, seed: seed)
        case .assume(let overwritten, let times):
            versions.assume(overwritten: overwritten, times: times)
            return WorkerAnswer()
        case .overwrite(let count):
            var unobserved = Unobserved()
            let seconds = try engine.run(.set, Slice(dataset, ids: Array(0..<count)), versions, &unobserved)
            return WorkerAnswer(operations: count, seconds: seconds)
        case .verify: return try verify()
        case .latency(let perSecond, let seconds): return try latency(perSecond: perSecond, seconds: seconds)
        case .turnover(let limit, let bytesPerSecond, let seconds, let reads):
            return try Turnover(engine: engine, dataset: dataset, sizeLimit: limit, reads: reads).run(
                bytesPerSecond: bytesPerSecond,
                seconds: seconds
            )
        case .memory(let entries, let removed): return try memory(entries: entries, removed: removed)
        case .close:
            let clock = ContinuousClock()
            let seconds = try clock.measure { try engine.close() } / .seconds(1)
            return WorkerAnswer(operations: 1, seconds: seconds)
        }
    }

    // MARK: Load and verify

    /// What the entries need is made before the clock starts.
    private func load(_ workload: Workload, _ range: Range<Int>, threads: Int) throws -> WorkerAnswer {
        let slices = (0..<threads).map { thread in
            let bounds = (0...1).map { range.lowerBound + range.count * (thread + $0) / threads }
            return Slice(dataset, ids: Array(bounds[0]..<bounds[1]))
        }
        let (engine, versions) = (engine, versions)
        let seconds = try Slice.runTogether(slices) { slice in
            var unobserved = Unobserved()
            return try engine.run(workload, slice, versions, &unobserved)
        }
        return WorkerAnswer(operations: range.count, seconds: seconds)
    }

    private func verify() throws -> WorkerAnswer {
        let scratch = dataset.makeScratch()
        let key = UnsafeMutableRawBufferPointer.allocate(byteCount: Dataset.keyLength, alignment: 8)
        defer { key.deallocate() }
        for id in 0..<entries {
            guard let base = key.baseAddress else { break }
            dataset.writeKey(of: id, to: base)
            let isRight = try engine.get(UnsafeRawBufferPointer(key)) { value in
                dataset.exact(value, id: id, version: versions[id], scratch)
            }
            guard isRight == true else {
                throw BenchError("entry \(id): \(isRight == nil ? "no value" : "a wrong value")")
            }
        }
        return WorkerAnswer(operations: entries, seconds: 0)
    }

    // MARK: Slices

    private func slice(_ workload: Workload, operations: Int, threads: Int, seed: UInt64) throws -> WorkerAnswer {
        let slices = (0..<threads).map { thread in
            makeSlice(workload, operations, thread: thread, of: threads, seed: seed)
        }
        try prepare(workload, operations * threads)
        let (engine, versions) = (engine, versions)
        let seconds = try Slice.runTogether(slices) { slice in
            var unobserved = Unobserved()
            return try engine.run(workload, slice, versions, &unobserved)
        }
        return WorkerAnswer(operations: operations * threads, seconds: seconds)
    }

    private func timeEach(_ workload: Workload, operations: Int, seed: UInt64) throws -> WorkerAnswer {
        let slice = makeSlice(workload, operations, thread: 0, of: 1, seed: seed)
        try prepare(workload, operations)
        var recorder = LatencyRecorder()
        let seconds = try engine.run(workload, slice, versions, &recorder)
        var answer = WorkerAnswer(operations: operations, seconds: seconds)
        answer.latency = ["each": recorder.figures]
        return answer
    }

    private func prepare(_ workload: Workload, _ operations: Int) throws {
        guard workload == .set else { return }
        try engine.touchAhead(bytes: operations * (Dataset.keyLength + Int(dataset.meanValueLength) + 128))
    }

    private func makeSlice(
        _ workload: Workload,
        _ count: Int,
        thread: Int,
        of threads: Int,
        seed: UInt64
    ) -> Slice {
        var generator = SplitMix64(state: seed &+ UInt64(thread) &* 0x1234_5678_9ABC)
        var ids = ids(workload, count, &generator)
        guard workload.setShare > 0 else { return Slice(dataset, ids: ids) }
        let sets = ids.map { _ in generator.nextUnit() < workload.setShare }
        // Threads set entries of their own, so that each knows which value an entry has.
        if threads > 1 {
            for number in ids.indices where sets[number] {
                let own = ids[number] - ids[number] % threads + thread
                ids[number] = own < entries ? own : thread
            }
        }
        return Slice(dataset, ids: ids, sets: sets)
    }

    private func ids(_ workload: Workload, _ count: Int, _ generator: inout SplitMix64) -> [Int] {
        if workload.drawsZipf { return (0..<count).map { _ in zipf.draw(&generator) } }
        // Ids beyond the entries have keys that nobody set.
        if workload == .miss { return (0..<count).map { _ in entries + Int(generator.next() >> 24) } }
        return (0..<count).map { _ in Int(generator.next() % UInt64(entries)) }
    }

    // MARK: Latency and memory

    private func latency(perSecond: Int, seconds: Double) throws -> WorkerAnswer {
        let count = Int(Double(perSecond) * seconds)
        var generator = SplitMix64(state: 99)
        var answer = WorkerAnswer(operations: count)
        func slice() -> Slice { Slice(dataset, ids: ids(.set, count, &generator)) }
        var figures: [String: LatencyFigures] = [:]
        // Before and after, so that a noisy minute on the machine shows in both.
        var timer = LatencyRecorder()
        slice().openLoop(perSecond: perSecond, recorder: &timer) { _, _ in }
        var paced = LatencyRecorder()
        try slice().openLoop(perSecond: perSecond, recorder: &paced) { slice, at in
            try slice.set(at, engine, versions)
        }
        slice().openLoop(perSecond: perSecond, recorder: &timer) { _, _ in }
        figures["full"] = try timeEach(.set, operations: count, seed: 101).latency?["each"]
        figures["timer"] = timer.figures
        figures["paced"] = paced.figures
        answer.latency = figures
        return answer
    }

    private func memory(entries: Int, removed: Int) throws -> WorkerAnswer {
        var answer = WorkerAnswer(operations: entries)
        var points: [MemoryPoint] = []
        var next = 100_000
        let scratch = dataset.makeScratch()
        let key = UnsafeMutableRawBufferPointer.allocate(byteCount: Dataset.keyLength, alignment: 8)
        defer { key.deallocate() }
        guard let base = key.baseAddress else { return answer }
        let before = ProcessMemory.read().anonymousBytes
        for id in 0..<entries {
            dataset.writeKey(of: id, to: base)
            try dataset.withValue(of: id, version: 0, scratch) { try engine.set(UnsafeRawBufferPointer(key), to: $0) }
            if id % 10 < removed { try engine.remove(UnsafeRawBufferPointer(key)) }
            if id + 1 == next {
                let grown = ProcessMemory.read().anonymousBytes - before
                points.append(MemoryPoint(entries: next, bytesPerEntry: Double(grown) / Double(next)))
                next = max(next + 1, Int(Double(next) * 1.02))
            }
        }
        answer.memory = points
        return answer
    }
}

/// What the kernel counts for this process.
struct ProcessMemory {
    var anonymousBytes = 0
    var residentBytes = 0

    static func read() -> ProcessMemory {
        var memory = ProcessMemory()
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return memory }
        for line in text.split(separator: "\n") {
            let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard fields.count >= 2, let kilobytes = Int(fields[1]) else { continue }
            if fields[0] == "RssAnon:" { memory.anonymousBytes = kilobytes << 10 }
            if fields[0] == "VmRSS:" { memory.residentBytes = kilobytes << 10 }
        }
        return memory
    }
}
