import Foundation
import Sampling

/// One run: loads the engines, measures every workload, takes everything away again.
struct Measurement {
    let engines: [EngineName]
    let workloads: [Workload]
    let threads: [Int]
    let entries: Int
    let seconds: Double
    let rounds: Int
    /// The engine whose time the others' are put over.
    let base: EngineName?
    /// Of `turnover`.
    let sizeLimit: Int
    let bytesPerSecond: Int
    let reads: TurnoverReads
    /// Of `reuse`: how much shorter a model's call is than the two seconds that it stands for.
    let timeScale: Int
    let directory: String

    func run() throws -> Report {
        let root = directory + "/cache-bench-\(ProcessInfo.processInfo.processIdentifier)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        var report = Report(entries: entries, meanValueLength: Dataset().meanValueLength, base: base)
        if workloads.contains(.memory) { try measureMemory(root, &report) }
        if workloads.contains(.turnover) { try measureTurnover(root, &report) }
        if workloads.contains(.reuse) { try measureReuse(root, &report) }
        if workloads.contains(where: \.needsBatchLoad) { try measureBatchLoads(root, &report) }
        for workload in workloads where workload == .load || workload == .loadBatch {
            try measureLoads(root, workload, &report)
        }
        if workloads.contains(where: \.needsLoad) { try measureLoaded(root, &report) }
        return report
    }

    private func measureLoaded(_ root: String, _ report: inout Report) throws {
        let workers = try engines.map {
            try WorkerProcess(
                $0,
                EngineSettings(directory: root + "/" + $0.rawValue, entries: entries, overwrites: overwrites)
            )
        }
        defer { for worker in workers { worker.kill() } }
        let loads = try load(workers, inBatches: false)
        if workloads.contains(.load) {
            add(loads, of: workers, .load, &report)
        }
        // Every value is compared, which brings what the kernel has put aside back into the page cache too.
        for worker in workers { _ = try worker.ask(.verify) }
        for workload in workloads where workload.isSliced { try measure(workload, workers, &report) }
        if workloads.contains(.latency) { try measureLatency(workers, &report) }
        say("comparing every value once more")
        for worker in workers { _ = try worker.ask(.verify) }
    }

    /// They fit into half a segment of the store, which is what it has made ahead at the least.
    private static let setsPerSlice = 20_000

    /// What the workloads overwrite in all, for which an engine without reclamation needs room.
    private var overwrites: Int {
        let slices = workloads.filter { $0.isSliced && $0.setShare > 0 }.count * (rounds + 3)
        // Those that are paced, and as many at full speed.
        return slices * Self.setsPerSlice + (workloads.contains(.latency) ? 2 * Int(100_000 * seconds) : 0)
    }

    private func measure(_ workload: Workload, _ workers: [WorkerProcess], _ report: inout Report) throws {
        say("\(workload.rawValue)")
        let operations = try workers.map { try operationsPerSlice(workload, $0) }
        var answers: [[[WorkerAnswer]]] = threads.map { _ in workers.map { _ in [] } }
        var order = SplitMix64(state: 1)
        for round in 0..<rounds {
            for (row, count) in threads.enumerated() {
                // Another order each round, so that nobody always comes after the same neighbour.
                for number in workers.indices.shuffled(using: &order) {
                    guard runs(workers[number].engine, workload, threads: count) else { continue }
                    let seed = UInt64(round + 1) &* 1_000_003
                    let answer = try workers[number].ask(
                        .slice(workload, operations: operations[number] / count, threads: count, seed: seed)
                    )
                    answers[row][number].append(answer)
                }
            }
        }
        let latencies = try workers.enumerated().map { number, worker in
            try worker.ask(
                .timeEach(workload, operations: min(operations[number] * rounds, mostSets(workload)), seed: 77)
            ).latency?["each"]
        }
        for (row, count) in threads.enumerated() {
            func rounds(of engine: EngineName, in row: Int) -> [WorkerAnswer]? {
                workers.firstIndex { $0.engine == engine }.map { answers[row][$0] }.flatMap { $0.isEmpty ? nil : $0 }
            }
            for (number, worker) in workers.enumerated() where !answers[row][number].isEmpty {
                report.add(
                    worker.engine,
                    workload,
                    threads: count,
                    rounds: answers[row][number],
                    limit: rounds(of: worker.engine.limit, in: row),
                    single: row == 0 ? nil : answers[0][number],
                    singleLimit: row == 0 ? nil : rounds(of: worker.engine.limit, in: 0),
                    base: base.flatMap { rounds(of: $0, in: row) },
                    latency: row == 0 ? latencies[number] : nil,
                    bytesOnDisk: worker.diskBytes
                )
            }
        }
    }

    private func runs(_ engine: EngineName, _ workload: Workload, threads: Int) -> Bool {
        threads == 1 || workload.setShare == 0 || engine.takesSeveralWriters
    }

    /// Overwrites stay within the room that was touched for them.
    private func mostSets(_ workload: Workload) -> Int {
        workload.setShare > 0 ? Int(Double(Self.setsPerSlice) / workload.setShare) : 1_000_000
    }

    /// As many operations as fill the time, by slices that also warm up.
    private func operationsPerSlice(_ workload: Workload, _ worker: WorkerProcess) throws -> Int {
        var trial = 1_000
        var answer = try worker.ask(.slice(workload, operations: trial, threads: 1, seed: 1))
        let perSecond = Double(trial) / answer.seconds
        trial = min(20_000, max(trial, Int(perSecond / 4)))
        answer = try worker.ask(.slice(workload, operations: trial, threads: 1, seed: 2))
        let perSlice = Double(trial) / answer.seconds * seconds / Double(rounds)
        return min(mostSets(workload), max(1_000, Int(perSlice)))
    }

    private func measureLatency(_ workers: [WorkerProcess], _ report: inout Report) throws {
        for worker in workers {
            say("latency of \(worker.engine.rawValue)")
            let answer = try worker.ask(.latency(perSecond: 100_000, seconds: seconds))
            report.addLatency(worker.engine, answer)
        }
    }

    private func measureMemory(_ root: String, _ report: inout Report) throws {
        for engine in engines {
            guard engine == .segment || engine == .segmentLZ4 else {
                say("memory: not measured of \(engine.rawValue)")
                continue
            }
            for removed in [0, 2] {
                say("memory of \(engine.rawValue), \(removed) of 10 removed")
                let path = root + "/memory-\(engine.rawValue)-\(removed)"
                let worker = try WorkerProcess(engine, EngineSettings(directory: path, entries: 1))
                let answer = try worker.ask(.memory(entries: 4_000_000, removed: removed))
                worker.kill()
                report.addMemory(engine, removed: removed, answer.memory ?? [])
                try? FileManager.default.removeItem(atPath: path)
            }
        }
    }

    private func measureTurnover(_ root: String, _ report: inout Report) throws {
        for engine in engines {
            guard engine.isBounded else {
                say("turnover: not of \(engine.rawValue), which takes no size limit")
                continue
            }
            say("turnover of \(engine.rawValue) at \(sizeLimit >> 20) MiB")
            let path = root + "/turnover-\(engine.rawValue)"
            let worker = try WorkerProcess(
                engine,
                EngineSettings(directory: path, entries: 1, sizeLimit: sizeLimit)
            )
            let answer = try worker.ask(
                .turnover(sizeLimit: sizeLimit, bytesPerSecond: bytesPerSecond, seconds: seconds, reads: reads)
            )
            report.addTurnover(engine, answer, sizeLimit: sizeLimit, bytesOnDisk: worker.diskBytes)
            worker.kill()
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    func say(_ text: String) {
        FileHandle.standardError.write(Data("cache-bench: \(text)\n".utf8))
    }
}
