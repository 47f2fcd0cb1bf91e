import Foundation

/// Caches that are filled in batches in turns, closed and opened again one after the other.
extension Measurement {
    func measureBatchLoads(_ root: String, _ report: inout Report) throws {
        var rows: [(EngineName, Workload, [Opening])] = []
        let all = engines.map { EngineSettings(directory: root + "/batch-\($0.rawValue)", entries: entries) }
        defer { for settings in all { try? FileManager.default.removeItem(atPath: settings.directory) } }
        let workers = try zip(engines, all).map { try WorkerProcess($0, $1) }
        defer { for worker in workers { worker.kill() } }
        let loads = try load(workers, inBatches: true)
        for worker in workers {
            _ = try worker.ask(.close)
            worker.end()
        }
        if workloads.contains(.loadBatch) {
            add(loads, of: workers, .loadBatch, note: "closed", &report)
        }
        for (engine, settings) in zip(engines, all) {
            guard engine.isPersistent else { continue }
            if workloads.contains(.reopen) {
                say("opening \(engine.rawValue)")
                rows.append((engine, .reopen, try (0..<rounds).map { _ in try WorkerProcess.open(engine, settings) }))
            }
            if workloads.contains(.reopenKilled) {
                say("opening \(engine.rawValue) after kills")
                rows.append((engine, .reopenKilled, try openAfterKills(engine, settings)))
            }
            if workloads.contains(.reopenScan), engine.isSegment {
                let openings = try (0..<rounds).map { _ in
                    try Opening.removeFooters(settings.directory)
                    return try WorkerProcess.open(engine, settings, scans: true)
                }
                rows.append((engine, .reopenScan, openings))
            }
        }
        for (engine, workload, openings) in rows { report.addOpening(engine, workload, openings) }
    }

    /// Sets entries once more in a worker that is then killed, and opens the cache: as often as there are rounds, five
    /// times at most. In the end every value is compared: what was set before a kill must be there.
    private func openAfterKills(_ engine: EngineName, _ settings: EngineSettings) throws -> [Opening] {
        let overwritten = min(10_000, entries / 10)
        let times = min(5, rounds)
        let openings = try (0..<times).map { time in
            let worker = try WorkerProcess(engine, settings)
            defer { worker.kill() }
            _ = try worker.ask(.assume(overwritten: overwritten, times: time))
            _ = try worker.ask(.overwrite(count: overwritten))
            worker.kill()
            return try WorkerProcess.open(engine, settings)
        }
        let worker = try WorkerProcess(engine, settings)
        defer { worker.kill() }
        _ = try worker.ask(.assume(overwritten: overwritten, times: times))
        _ = try worker.ask(.verify)
        return openings
    }
}
