import Foundation

/// The figures of a run, and their forms.
struct Report {
    enum Format: String { case table, json, csv }

    let entries: Int
    let meanValueLength: Double
    let base: EngineName?
    private(set) var rows: [Row] = []

    init(entries: Int, meanValueLength: Double, base: EngineName?) {
        self.entries = entries
        self.meanValueLength = meanValueLength
        self.base = base
    }

    private func row(_ engine: EngineName, _ workload: Workload) -> Row {
        Row(
            engine: engine,
            workload: workload,
            entries: entries,
            valueBytesMean: meanValueLength.rounded(),
            durability: engine.durability
        )
    }

    // MARK: Adding

    mutating func add(
        _ engine: EngineName,
        _ workload: Workload,
        threads: Int = 1,
        rounds: [WorkerAnswer],
        limit: [WorkerAnswer]? = nil,
        single: [WorkerAnswer]? = nil,
        singleLimit: [WorkerAnswer]? = nil,
        base: [WorkerAnswer]? = nil,
        latency: LatencyFigures? = nil,
        bytesOnDisk: Int? = nil,
        note: String? = nil
    ) {
        var row = row(engine, workload)
        row.threads = threads
        row.ops = rounds.reduce(0) { $0 + $1.operations }
        row.nsPerOp = median(rounds.map(\.nanosecondsPerOperation))
        row.opsPerSecond = 1e9 / row.nsPerOp
        if let limit {
            row.ratioToLimit = medianRatio(rounds, limit)
        }
        if let base {
            row.base = self.base
            row.ratioToBase = medianRatio(rounds, base)
        }
        if let single, let limit, let singleLimit {
            let scaling = (0..<rounds.count).map { round in
                let own = single[round].nanosecondsPerOperation / rounds[round].nanosecondsPerOperation
                return own / (singleLimit[round].nanosecondsPerOperation / limit[round].nanosecondsPerOperation)
            }
            row.scalingToLimit = median(scaling)
        }
        row.residentBytes = rounds.last?.residentBytes
        row.anonymousBytes = rounds.last?.anonymousBytes
        row.bytesOnDisk = bytesOnDisk
        // Overwrites add to what the entries take.
        if workload == .load || workload == .loadBatch {
            row.diskBytesPerEntry = bytesOnDisk.map { Double($0) / Double(entries) }
        }
        if workload == .load { row.anonymousBytesPerEntry = row.anonymousBytes.map { Double($0) / Double(entries) } }
        row.note = note
        if let latency { row.take(latency) }
        rows.append(row)
    }

    private func medianRatio(_ answers: [WorkerAnswer], _ others: [WorkerAnswer]) -> Double {
        median(zip(answers, others).map { $0.nanosecondsPerOperation / $1.nanosecondsPerOperation })
    }

    mutating func addLatency(_ engine: EngineName, _ answer: WorkerAnswer) {
        for (name, note) in [
            ("paced", "open loop, 100,000 sets a second\(Self.verdict(answer.latency))"),
            ("timer", "the same loop, doing nothing"), ("full", "at full speed, each timed"),
        ] {
            guard let figures = answer.latency?[name] else { continue }
            var row = row(engine, .latency)
            row.ops = answer.operations
            row.take(figures)
            row.note = note
            rows.append(row)
        }
    }

    /// How the sets' p99.9 compares with ten times their median and what the loop alone takes.
    private static func verdict(_ figures: [String: LatencyFigures]?) -> String {
        guard let paced = figures?["paced"], let timer = figures?["timer"] else { return "" }
        let ratio = Double(paced.p999) / Double(10 * paced.p50 + timer.p999)
        return String(format: "; p99.9 is %.2f of 10 times p50 and the loop's own", ratio)
    }

    mutating func addTurnover(_ engine: EngineName, _ answer: WorkerAnswer, sizeLimit: Int, bytesOnDisk: Int?) {
        guard let figures = answer.turnover else { return }
        for (name, latency, note) in figures.lines {
            var row = row(engine, .turnover)
            row.threads = 2
            row.entries = sizeLimit / Int(meanValueLength)
            row.ops = answer.operations
            row.take(latency)
            if name == .set {
                row.nsPerOp = answer.seconds * 1e9 / Double(max(1, answer.operations))
                row.opsPerSecond = 1e9 / row.nsPerOp
                row.bytesOnDisk = bytesOnDisk
            }
            row.note = note
            rows.append(row)
        }
    }

    mutating func addMemory(_ engine: EngineName, removed: Int, _ points: [MemoryPoint]) {
        guard let last = points.last else { return }
        let mean = points.reduce(0) { $0 + $1.bytesPerEntry } / Double(points.count)
        let worst = points.map(\.bytesPerEntry).max() ?? 0
        let worstCount = points.first { $0.bytesPerEntry == worst }?.entries ?? 0
        var row = row(engine, .memory)
        row.entries = last.entries
        row.ops = last.entries
        row.note = String(
            format: "%.1f bytes an index entry on average, %.1f at worst (%d entries), %d of 10 tombstones",
            mean,
            worst,
            worstCount,
            removed
        )
        rows.append(row)
    }

    mutating func addOpening(_ engine: EngineName, _ workload: Workload, _ openings: [Opening]) {
        guard !openings.isEmpty else { return }
        var row = row(engine, workload)
        row.ops = openings.count
        row.nsPerOp = median(openings.map(\.seconds)) * 1e9
        row.opsPerSecond = 1e9 / row.nsPerOp
        row.note = String(format: "%.1f ms", row.nsPerOp / 1e6) + (note(openings) ?? "")
        rows.append(row)
    }

    /// What the store says of its openings.
    private func note(_ openings: [Opening]) -> String? {
        let scans = openings.compactMap(\.scan)
        guard let first = scans.first, scans.count == openings.count else { return nil }
        let seconds = median(openings.map(\.seconds))
        return String(
            format: "; %d segments scanned; %.2f GB/s, %.2f of a bare XXH3 pass",
            first.segments,
            Double(first.bytes) / seconds / 1e9,
            median(zip(scans, openings).map { $0.hashSeconds / $1.seconds })
        )
    }

    mutating func addReuse(_ engine: EngineName, _ runs: [ReuseAnswer], note: String) {
        var row = row(engine, .reuse)
        row.entries = runs.first?.conversations ?? 0
        if let mean = runs.first?.valueBytesMean { row.valueBytesMean = mean.rounded() }
        row.ops = runs.reduce(0) { $0 + $1.conversations }
        row.seconds = median(runs.map(\.seconds))
        row.cacheSeconds = median(runs.map(\.cacheSeconds))
        let coding = runs.compactMap(\.codingSeconds)
        row.codingSeconds = coding.isEmpty ? nil : median(coding)
        row.note =
            String(format: "%.3f s, %.1f ms of it in the cache", row.seconds ?? 0, (row.cacheSeconds ?? 0) * 1e3)
            + (row.codingSeconds.map { String(format: ", %.1f ms of JSON", $0 * 1e3) } ?? "") + "; " + note
        rows.append(row)
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return 0 }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension WorkerAnswer {
    var nanosecondsPerOperation: Double { seconds * 1e9 / Double(max(1, operations)) }
}
