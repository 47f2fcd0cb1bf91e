import Foundation

/// Caches that are filled in batches, closed and opened again, one engine after another.
extension Measurement {
    func measureBatchLoads(_ root: String, _ report: inout Report) throws {
        var loads: [WorkerAnswer] = []
        var disk: [Int?] = []
        var rows: [(EngineName, Workload, [Opening])] = []
        for engine in engines {
            say("\(engine.rawValue): loading \(entries) entries in batches")
            let settings = EngineSettings(directory: root + "/batch-\(engine.rawValue)", entries: entries)
            defer { try? FileManager.default.removeItem(atPath: settings.directory) }
            let worker = try WorkerProcess(engine, settings)
            defer { worker.kill() }
            loads.append(try worker.ask(.load(inBatches: true)))
            _ = try worker.ask(.settle)
            _ = try worker.ask(.close)
            worker.end()
            disk.append(engine.isPersistent ? worker.diskBytes : nil)
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
                    return try WorkerProcess.open(engine, settings)
                }
                rows.append((engine, .reopenScan, openings))
            }
        }
        if workloads.contains(.loadBatch) {
            for (number, engine) in engines.enumerated() {
                report.add(
                    engine,
                    .loadBatch,
                    rounds: [loads[number]],
                    limit: answers(of: engine.limit, in: loads).map { [$0] },
                    base: base.flatMap { answers(of: $0, in: loads) }.map { [$0] },
                    bytesOnDisk: disk[number],
                    note: "closed"
                )
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
