import Foundation
import SegmentStore

/// The figures of replays, and their forms.
package struct ReplayReport {
    package enum Format: String, CaseIterable, Sendable { case table, json, csv }

    /// One cache on one trace at one limit. What it does not have is nil.
    package struct Row: Codable, Sendable {
        package var trace: String
        package var requests: Int
        package var objects: Int
        /// Bytes of the values of all objects.
        package var footprint: Int
        package var limit: Int
        /// `store`, or a simulated policy.
        package var cache: String
        package var charge: SimulatedPolicy.Charge
        /// Misses over requests; of the store the mean of its replays.
        package var missRatio: Double
        /// Bytes of missed values over those of all requested ones.
        package var byteMissRatio: Double
        /// The miss ratio over those of S3-FIFO charged for values, and of LRU charged for entries.
        package var overS3FIFO: Double?
        package var overChargedLRU: Double?
        /// The lowest and highest of the store's replays.
        package var missRatioLow: Double?
        package var missRatioHigh: Double?
        /// Means over the store's replays.
        package var writeAmplification: Double?
        package var evictions: Int?
        package var ghostHits: Int?
        package var carried: Int?
        package var refused: Int?
        package var waits: Int?
        /// Bytes of live records at the end over the limit.
        package var liveShare: Double?
        package var seconds: Double?

        enum CodingKeys: String, CodingKey {
            case trace, requests, objects, footprint, limit, cache, charge, evictions, carried, refused, waits, seconds
            case missRatio = "miss_ratio"
            case byteMissRatio = "byte_miss_ratio"
            case overS3FIFO = "over_s3fifo"
            case overChargedLRU = "over_charged_lru"
            case missRatioLow = "miss_ratio_low"
            case missRatioHigh = "miss_ratio_high"
            case writeAmplification = "write_amplification"
            case ghostHits = "ghost_hits"
            case liveShare = "live_share"
        }
    }

    /// All caches on one trace at one limit.
    package struct Point: Sendable {
        private let trace: (requests: Int, bytes: Int)
        private let empty: Row
        fileprivate private(set) var rows: [Row] = []

        package init(_ trace: Trace, limit: Int) {
            self.trace = (max(1, trace.requests.count), max(1, trace.requestedBytes))
            empty = Row(
                trace: trace.name,
                requests: trace.requests.count,
                objects: trace.objectCount,
                footprint: trace.footprint,
                limit: limit,
                cache: "store",
                charge: .entry,
                missRatio: 0,
                byteMissRatio: 0
            )
        }

        package mutating func add(
            _ policy: SimulatedPolicy,
            _ charge: SimulatedPolicy.Charge,
            _ misses: MissCounts
        ) {
            var row = empty
            row.cache = policy.rawValue
            row.charge = charge
            row.missRatio = ratio(misses)
            row.byteMissRatio = Double(misses.bytes) / Double(trace.bytes)
            rows.append(row)
        }

        package mutating func addStore(_ outcomes: [StoreReplay.Outcome]) {
            guard !outcomes.isEmpty else { return }
            var row = empty
            func mean(_ value: (StoreReplay.Outcome) -> Double) -> Double {
                outcomes.reduce(0) { $0 + value($1) } / Double(outcomes.count)
            }
            func count(_ value: (StoreReplay.Outcome) -> Int) -> Int { Int(mean { Double(value($0)) }.rounded()) }
            let ratios = outcomes.map { ratio($0.counts.misses) }
            row.missRatio = mean { ratio($0.counts.misses) }
            row.missRatioLow = ratios.min()
            row.missRatioHigh = ratios.max()
            row.byteMissRatio = mean { Double($0.counts.misses.bytes) / Double(trace.bytes) }
            row.writeAmplification = mean(\.statistics.writeAmplification)
            row.evictions = count { $0.statistics.reclamation.evictions }
            row.ghostHits = count { $0.statistics.reclamation.ghostHits }
            row.carried = count { $0.statistics.reclamation.carried }
            row.refused = count(\.counts.refused)
            row.waits = count { $0.statistics.reclamation.waits }
            row.liveShare = mean { Double($0.statistics.liveBytes) } / Double(empty.limit)
            row.seconds = mean(\.seconds)
            rows.append(row)
        }

        private func ratio(_ misses: MissCounts) -> Double { Double(misses.requests) / Double(trace.requests) }

        fileprivate func missRatio(_ policy: SimulatedPolicy, _ charge: SimulatedPolicy.Charge) -> Double? {
            rows.first { $0.cache == policy.rawValue && $0.charge == charge }?.missRatio
        }
    }

    package private(set) var rows: [Row] = []

    package init() {}

    package mutating func add(_ point: Point) {
        let s3fifo = point.missRatio(.s3fifo, .value)
        let lru = point.missRatio(.lru, .entry)
        rows += point.rows.map { row in
            var row = row
            row.overS3FIFO = s3fifo.map { row.missRatio / $0 }
            row.overChargedLRU = lru.map { row.missRatio / $0 }
            return row
        }
    }

    // MARK: Forms

    package func text(_ format: Format) throws -> String {
        switch format {
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return String(decoding: try encoder.encode(rows), as: UTF8.self) + "\n"
        case .csv: return csv()
        case .table: return table() + summary()
        }
    }

    private static let columns = [
        "trace", "limit", "of footprint", "cache", "charged", "miss ratio", "low", "high", "by bytes", "/ s3fifo",
        "/ lru entry", "write amp", "evictions", "ghost hits", "carried", "refused", "waits", "live", "seconds",
    ]

    private func cells(_ row: Row) -> [String] {
        func number(_ value: Double?, _ format: String) -> String { value.map { String(format: format, $0) } ?? "" }
        func count(_ value: Int?) -> String { value.map(String.init) ?? "" }
        return [
            row.trace, String(row.limit), number(Double(row.limit) / Double(max(1, row.footprint)), "%.4f"), row.cache,
            row.charge.rawValue, number(row.missRatio, "%.4f"), number(row.missRatioLow, "%.4f"),
            number(row.missRatioHigh, "%.4f"), number(row.byteMissRatio, "%.4f"), number(row.overS3FIFO, "%.3f"),
            number(row.overChargedLRU, "%.3f"), number(row.writeAmplification, "%.3f"), count(row.evictions),
            count(row.ghostHits), count(row.carried), count(row.refused), count(row.waits),
            number(row.liveShare, "%.3f"), number(row.seconds, "%.1f"),
        ]
    }

    private func csv() -> String {
        ([Self.columns] + rows.map(cells)).map { line in
            line.map { cell in
                guard cell.contains(where: { ",\"".contains($0) }) else { return cell }
                return "\"" + cell.replacingOccurrences(of: "\"", with: "\"\"") + "\""
            }.joined(separator: ",")
        }.joined(separator: "\n") + "\n"
    }

    private func table() -> String {
        let lines = [Self.columns] + rows.map(cells)
        let widths = Self.columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            line.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return [0, 3, 4].contains(column) ? cell + padding : padding + cell
            }.joined(separator: "  ")
        }.joined(separator: "\n") + "\n"
    }

    /// How the store stands to what it is measured by, over all traces and limits.
    private func summary() -> String {
        let store = rows.filter { $0.cache == "store" }
        func line(_ name: String, _ ratios: [Double]) -> String {
            guard let worst = ratios.max() else { return "" }
            let mean = ratios.reduce(0, +) / Double(ratios.count)
            return String(
                format: "store over %@: %.3f on average of %ld, %.3f at most\n",
                name,
                mean,
                ratios.count,
                worst
            )
        }
        return line("s3fifo charged for values", store.compactMap(\.overS3FIFO))
            + line("lru charged for entries", store.compactMap(\.overChargedLRU))
    }
}
