import Foundation
import Sampling

/// Filling the engines with their entries, in turns.
extension Measurement {
    /// Long enough for what engines do beside a load to come into step with it.
    private static let entriesInATurn = 100_000

    /// Loads all engines part by part, in another order each time, and gives the time of each. What one leaves to the disk,
    /// the kernel or its own threads costs whoever comes next, and nobody comes next always.
    func load(_ workers: [WorkerProcess], inBatches: Bool, threads: Int = 1) throws -> [WorkerAnswer] {
        say("loading \(entries) entries\(inBatches ? " in batches" : "")\(threads > 1 ? " on \(threads) threads" : "")")
        var answers = workers.map { _ in WorkerAnswer() }
        var order = SplitMix64(state: 1)
        for start in stride(from: 0, to: entries, by: Self.entriesInATurn) {
            let count = min(Self.entriesInATurn, entries - start)
            for number in workers.indices.shuffled(using: &order) {
                let command = WorkerCommand.load(inBatches: inBatches, start: start, count: count, threads: threads)
                answers[number].add(try workers[number].ask(command))
            }
        }
        for worker in workers { _ = try worker.ask(.settle) }
        return answers
    }

    /// Loads caches that are for nothing else, on several threads.
    func measureLoads(_ root: String, _ workload: Workload, _ report: inout Report) throws {
        for count in threads where count > 1 {
            let names = engines.filter(\.takesSeveralWriters)
            let workers = try names.map { name in
                let path = root + "/\(workload.rawValue)-\(count)-\(name.rawValue)"
                return try WorkerProcess(name, EngineSettings(directory: path, entries: entries))
            }
            defer {
                for worker in workers {
                    worker.kill()
                    try? FileManager.default.removeItem(atPath: worker.directory)
                }
            }
            let loads = try load(workers, inBatches: workload == .loadBatch, threads: count)
            add(loads, of: workers, workload, threads: count, &report)
            for worker in workers { _ = try worker.ask(.verify) }
        }
    }

    /// Puts what loading took into the report.
    func add(
        _ loads: [WorkerAnswer],
        of workers: [WorkerProcess],
        _ workload: Workload,
        threads: Int = 1,
        note: String? = nil,
        _ report: inout Report
    ) {
        func answer(of engine: EngineName) -> [WorkerAnswer]? {
            workers.firstIndex { $0.engine == engine }.map { [loads[$0]] }
        }
        for (worker, load) in zip(workers, loads) {
            report.add(
                worker.engine,
                workload,
                threads: threads,
                rounds: [load],
                limit: answer(of: worker.engine.limit),
                base: base.flatMap(answer),
                bytesOnDisk: worker.diskBytes,
                note: note
            )
        }
    }
}

extension WorkerAnswer {
    /// Takes in what came after: its time, and what it found in the end.
    fileprivate mutating func add(_ later: WorkerAnswer) {
        operations += later.operations
        seconds += later.seconds
        anonymousBytes = later.anonymousBytes
        residentBytes = later.residentBytes
    }
}
