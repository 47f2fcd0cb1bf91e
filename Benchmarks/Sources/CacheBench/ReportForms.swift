import Foundation

/// The forms that figures are printed in.
extension Report {
    func text(_ format: Format) throws -> String {
        switch format {
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return String(decoding: try encoder.encode(rows), as: UTF8.self) + "\n"
        case .csv: return commaSeparated()
        case .table: return table()
        }
    }

    private static let columns = [
        "workload", "engine", "threads", "ops", "ns/op", "ops/s", "x base", "x limit", "scaling", "p50", "p99",
        "p99.9", "p99.99", "longest", "anon MB", "disk MB", "disk B/entry", "note",
    ]

    private func cells(_ row: Row) -> [String] {
        func number(_ value: Double?, _ format: String) -> String { value.map { String(format: format, $0) } ?? "" }
        func megabytes(_ value: Int?) -> String { value.map { String(format: "%.1f", Double($0) / 1e6) } ?? "" }
        let isTimed = row.nsPerOp > 0
        func nanoseconds(_ value: UInt64?) -> String { value.map { String($0) } ?? "" }
        return [
            row.workload.rawValue, row.engine.rawValue, String(row.threads), String(row.ops),
            isTimed ? String(format: "%.1f", row.nsPerOp) : "", isTimed ? String(format: "%.0f", row.opsPerSecond) : "",
            number(row.ratioToBase, "%.2f"), number(row.ratioToLimit, "%.2f"), number(row.scalingToLimit, "%.2f"),
            nanoseconds(row.p50Ns), nanoseconds(row.p99Ns), nanoseconds(row.p999Ns), nanoseconds(row.p9999Ns),
            nanoseconds(row.longestNs), megabytes(row.anonymousBytes), megabytes(row.bytesOnDisk),
            number(row.diskBytesPerEntry, "%.0f"), row.note ?? "",
        ]
    }

    /// The table's columns, and what the table says around them. Quoting by RFC 4180.
    private func commaSeparated() -> String {
        let others = ["entries", "value bytes", "base", "resident MB", "durability"]
        let lines =
            [Self.columns + others]
            + rows.map { row in
                let resident = row.residentBytes.map { String(format: "%.1f", Double($0) / 1e6) } ?? ""
                let mean = String(format: "%.0f", row.valueBytesMean)
                return cells(row) + [String(row.entries), mean, row.base?.rawValue ?? "", resident, row.durability]
            }
        return lines.map { line in
            line.map { cell in
                guard cell.contains(where: { ",\"".contains($0) || $0.isNewline }) else { return cell }
                return "\"" + cell.replacingOccurrences(of: "\"", with: "\"\"") + "\""
            }.joined(separator: ",") + "\n"
        }.joined()
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
            format: "%d entries, values of %.0f bytes on average, stored raw unless the name says otherwise\n",
            entries,
            meanValueLength
        )
            + text.joined(separator: "\n") + "\n" + promises.joined(separator: "\n") + "\n"
            + (base.map { "x base: the time over that of \($0.rawValue) in the same round, median\n" } ?? "")
    }
}
