import Foundation

/// The figures of a run, and their forms.
struct Report {
    enum Format: String { case table, json, csv }

    /// One line: one engine on one workload. What was not measured is nil.
    struct Row: Codable {
        var engine: EngineName
        var workload: Workload
        var threads = 1
        var entries: Int
        var valueBytesMean: Double
        var ops = 0
        var opsPerSecond = 0.0
        var nsPerOp = 0.0
        /// Time over the limit's in the same round, median.
        var ratioToLimit: Double?
        /// Throughput over that of one thread, over the limit's, median of the rounds.
        var scalingToLimit: Double?
        var p50Ns: UInt64?
        var p99Ns: UInt64?
        var p999Ns: UInt64?
        var bytesOnDisk: Int?
        var residentBytes: Int?
        var anonymousBytes: Int?
        var durability: String
        var note: String?

        enum CodingKeys: String, CodingKey {
            case engine, workload, threads, entries, ops, durability, note
            case valueBytesMean = "value_bytes_mean"
            case opsPerSecond = "ops_per_second"
            case nsPerOp = "ns_per_op"
            case ratioToLimit = "ratio_to_limit"
            case scalingToLimit = "scaling_to_limit"
            case p50Ns = "p50_ns"
            case p99Ns = "p99_ns"
            case p999Ns = "p999_ns"
            case bytesOnDisk = "bytes_on_disk"
            case residentBytes = "resident_bytes"
            case anonymousBytes = "anonymous_bytes"
        }
    }

    let entries: Int
    let meanValueLength: Double
    private(set) var rows: [Row] = []

    init(entries: Int, meanValueLength: Double) {
        self.entries = entries
        self.meanValueLength = meanValueLength
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
        bytesOnDisk: Int? = nil
    ) {
        var row = row(engine, workload)
        row.threads = threads
        row.ops = rounds.reduce(0) { $0 + $1.operations }
        row.nsPerOp = median(rounds.map(\.nanosecondsPerOperation))
        row.opsPerSecond = 1e9 / row.nsPerOp
        if let limit {
            let ratios = zip(rounds, limit).map { $0.nanosecondsPerOperation / $1.nanosecondsPerOperation }
            row.ratioToLimit = median(ratios)
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
        rows.append(row)
    }

    mutating func addLatency(_ engine: EngineName, _ answer: WorkerAnswer) {
        for (name, note) in [
            ("paced", "open loop, 100,000 sets a second"), ("timer", "the same loop, doing nothing"),
            ("full", "sets at full speed"),
        ] {
            guard let figures = answer.latency?[name] else { continue }
            var row = row(engine, .latency)
            row.ops = answer.operations
            row.p50Ns = figures.p50
            row.p99Ns = figures.p99
            row.p999Ns = figures.p999
            row.note = "\(note); p99.99 \(figures.p9999) ns, longest \(figures.longest) ns"
            rows.append(row)
        }
    }

    mutating func addTurnover(_ engine: EngineName, _ answer: WorkerAnswer, sizeLimit: Int, bytesOnDisk: Int) {
        guard let figures = answer.turnover else { return }
        for (name, latency, note) in figures.lines {
            var row = row(engine, .turnover)
            row.threads = 2
            row.entries = sizeLimit / Int(meanValueLength)
            row.ops = answer.operations
            row.p50Ns = latency.p50
            row.p99Ns = latency.p99
            row.p999Ns = latency.p999
            if name == .set {
                row.nsPerOp = answer.seconds * 1e9 / Double(max(1, answer.operations))
                row.opsPerSecond = 1e9 / row.nsPerOp
                row.bytesOnDisk = bytesOnDisk
            }
            row.note = "\(note); p99.99 \(latency.p9999) ns, longest \(latency.longest) ns"
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
        guard let first = openings.first else { return }
        var row = row(engine, workload)
        row.ops = openings.count
        row.nsPerOp = median(openings.map(\.seconds)) * 1e9
        row.opsPerSecond = 1e9 / row.nsPerOp
        let ofHash = median(openings.map { $0.hashSeconds / $0.seconds })
        row.note = String(
            format: "%.0f ms; %d segments scanned; %.2f GB/s, %.2f of a bare XXH3 pass",
            row.nsPerOp / 1e6,
            first.segmentsScanned,
            Double(first.bytes) / row.nsPerOp,
            ofHash
        )
        rows.append(row)
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return 0 }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    // MARK: Forms

    func text(_ format: Format) throws -> String {
        switch format {
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return String(decoding: try encoder.encode(rows), as: UTF8.self) + "\n"
        case .csv: return lines(separator: ",").joined(separator: "\n") + "\n"
        case .table: return table()
        }
    }

    private static let columns = [
        "workload", "engine", "threads", "ops", "ns/op", "ops/s", "x limit", "scaling", "p50", "p99", "p99.9",
        "anon MB",
        "disk MB", "note",
    ]

    private func cells(_ row: Row) -> [String] {
        func number(_ value: Double?, _ format: String) -> String { value.map { String(format: format, $0) } ?? "" }
        func megabytes(_ value: Int?) -> String { value.map { String(format: "%.1f", Double($0) / 1e6) } ?? "" }
        let isTimed = row.nsPerOp > 0
        return [
            row.workload.rawValue, row.engine.rawValue, String(row.threads), String(row.ops),
            isTimed ? String(format: "%.1f", row.nsPerOp) : "", isTimed ? String(format: "%.0f", row.opsPerSecond) : "",
            number(row.ratioToLimit, "%.2f"), number(row.scalingToLimit, "%.2f"), row.p50Ns.map(String.init) ?? "",
            row.p99Ns.map(String.init) ?? "", row.p999Ns.map(String.init) ?? "", megabytes(row.anonymousBytes),
            megabytes(row.bytesOnDisk), row.note ?? "",
        ]
    }

    private func lines(separator: String) -> [String] {
        ([Self.columns] + rows.map(cells)).map { line in
            line.map { $0.contains(separator) ? "\"\($0)\"" : $0 }.joined(separator: separator)
        }
    }

    private func table() -> String {
        let lines = [Self.columns] + rows.map(cells)
        let widths = Self.columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        let text = lines.map { line in
            line.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return column < 2 || column == line.count - 1 ? cell + padding : padding + cell
            }.joined(separator: "  ").trimmingCharacters(in: .whitespaces)
        }
        let promises = Set(rows.map(\.engine)).sorted { $0.rawValue < $1.rawValue }
            .map { "\($0.rawValue): \($0.durability)" }
        return String(
            format: "%d entries, values of %.0f bytes on average, stored raw unless lz4\n",
            entries,
            meanValueLength
        )
            + text.joined(separator: "\n") + "\n" + promises.joined(separator: "\n") + "\n"
    }
}

extension WorkerAnswer {
    var nanosecondsPerOperation: Double { seconds * 1e9 / Double(max(1, operations)) }
}
