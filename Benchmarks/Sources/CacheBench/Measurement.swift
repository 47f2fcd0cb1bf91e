import Foundation

/// One run: loads the engines, measures every workload, takes everything away again.
struct Measurement {
    let engines: [EngineName]
    let workloads: [Workload]
    let threads: [Int]
    let entries: Int
    let seconds: Double
    let rounds: Int
    /// Of `turnover`.
    let sizeLimit: Int
    let bytesPerSecond: Int
    let directory: String

    func run() throws -> Report {
        let root = directory + "/cache-bench-\(ProcessInfo.processInfo.processIdentifier)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        var report = Report(entries: entries, meanValueLength: Dataset().meanValueLength)
        if workloads.contains(.memory) { try measureMemory(root, &report) }
        if workloads.contains(.turnover) { try measureTurnover(root, &report) }
        guard workloads.contains(where: { $0 != .memory && $0 != .turnover }) else { return report }

        let workers = try engines.map {
            try WorkerProcess($0, directory: root + "/" + $0.rawValue, entries: entries, overwrites: overwrites)
        }
        defer { for worker in workers { worker.kill() } }
        for worker in workers {
            say("\(worker.engine.rawValue): loading \(entries) entries")
            let answer = try worker.ask(.load)
            if workloads.contains(.load) {
                report.add(worker.engine, .load, rounds: [answer], bytesOnDisk: worker.diskBytes)
            }
            // Every value is compared, which brings what the kernel has put aside back into the page cache too.
            _ = try worker.ask(.verify)
        }
        for workload in workloads where workload.isSliced { try measure(workload, workers, &report) }
        if workloads.contains(.latency) { try measureLatency(workers, &report) }
        say("comparing every value once more")
        for worker in workers { _ = try worker.ask(.verify) }
        try measureOpening(workers, &report)
        return report
    }

    /// They fit into half a segment of the store, which is what it has made ahead at the least.
    private static let setsPerSlice = 20_000

    /// What the workloads overwrite in all, for which an engine without reclamation needs room.
    private var overwrites: Int { 2 * (rounds + 1) * Self.setsPerSlice + 2 * Int(100_000 * seconds) }

    private func measure(_ workload: Workload, _ workers: [WorkerProcess], _ report: inout Report) throws {
        say("\(workload.rawValue)")
        let threads = workload.runsOnThreads ? threads : [1]
        // So many operations as fill the time, by a first slice that also warms up; overwrites stay within the room
        // that was touched for them.
        var operations: [Int] = []
        for worker in workers {
            let trial = 20_000
            let answer = try worker.ask(.slice(workload, operations: trial, threads: 1, seed: 1))
            let perSlice = Double(trial) / answer.seconds * seconds / Double(rounds)
            let most = workload == .set || workload == .setFresh ? Self.setsPerSlice : 1_000_000
            operations.append(min(most, max(5_000, Int(perSlice))))
        }
        var answers: [[[WorkerAnswer]]] = threads.map { _ in workers.map { _ in [] } }
        for round in 0..<rounds {
            for (row, count) in threads.enumerated() {
                for turn in workers.indices {
                    // Another one begins each round, so that nobody always comes after the same neighbour.
                    let number = (turn + round) % workers.count
                    let seed = UInt64(round + 1) &* 1_000_003
                    let answer = try workers[number].ask(
                        .slice(workload, operations: operations[number] / count, threads: count, seed: seed)
                    )
                    answers[row][number].append(answer)
                }
            }
        }
        for (row, count) in threads.enumerated() {
            for (number, worker) in workers.enumerated() {
                let limit = workers.firstIndex { $0.engine == worker.engine.limit }
                report.add(
                    worker.engine,
                    workload,
                    threads: count,
                    rounds: answers[row][number],
                    limit: limit.map { answers[row][$0] },
                    single: row == 0 ? nil : answers[0][number],
                    singleLimit: row == 0 ? nil : limit.map { answers[0][$0] }
                )
            }
        }
    }

    private func measureLatency(_ workers: [WorkerProcess], _ report: inout Report) throws {
        for worker in workers {
            say("latency of \(worker.engine.rawValue)")
            let answer = try worker.ask(.latency(perSecond: 100_000, seconds: seconds))
            report.addLatency(worker.engine, answer)
        }
    }

    private func measureMemory(_ root: String, _ report: inout Report) throws {
        for engine in engines where engine.isPersistent {
            for removed in [0, 2] {
                say("memory of \(engine.rawValue), \(removed) of 10 removed")
                let path = root + "/memory-\(engine.rawValue)-\(removed)"
                let worker = try WorkerProcess(engine, directory: path, entries: 1, overwrites: 0)
                let answer = try worker.ask(.memory(entries: 4_000_000, removed: removed))
                worker.kill()
                report.addMemory(engine, removed: removed, answer.memory ?? [])
                try? FileManager.default.removeItem(atPath: path)
            }
        }
    }

    private func measureTurnover(_ root: String, _ report: inout Report) throws {
        for engine in engines where engine.isBounded {
            say("turnover of \(engine.rawValue) at \(sizeLimit >> 20) MiB")
            let path = root + "/turnover-\(engine.rawValue)"
            let worker = try WorkerProcess(engine, directory: path, entries: 1, overwrites: 0, sizeLimit: sizeLimit)
            let answer = try worker.ask(
                .turnover(sizeLimit: sizeLimit, bytesPerSecond: bytesPerSecond, seconds: seconds)
            )
            report.addTurnover(engine, answer, sizeLimit: sizeLimit, bytesOnDisk: worker.diskBytes)
            worker.kill()
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    private func measureOpening(_ workers: [WorkerProcess], _ report: inout Report) throws {
        for worker in workers where worker.engine.isPersistent {
            guard workloads.contains(.reopen) || workloads.contains(.reopenScan) else { continue }
            say("opening \(worker.engine.rawValue)")
            _ = try worker.ask(.close)
            if workloads.contains(.reopen) {
                let openings = try (0..<rounds).map { _ in try WorkerProcess.open(worker.directory, entries: entries) }
                report.addOpening(worker.engine, .reopen, openings)
            }
            if workloads.contains(.reopenScan) {
                let openings = try (0..<rounds).map { _ in
                    try Opening.removeFooters(worker.directory)
                    return try WorkerProcess.open(worker.directory, entries: entries)
                }
                report.addOpening(worker.engine, .reopenScan, openings)
            }
        }
    }

    private func say(_ text: String) {
        FileHandle.standardError.write(Data("cache-bench: \(text)\n".utf8))
    }
}
