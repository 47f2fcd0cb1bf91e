import ArgumentParser
import FoundationEssentials
import GranarySummaries
import SegmentStore

struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists keys, one a line, as their bytes.",
        discussion: "Example: granary keys .cache/summaries --prefix summary/"
    )

    @Argument(help: "The cache: a directory, or a URL such as sqlite:FILE, redis://… or tiered:DIR,redis://…")
    var cache: String

    @Option(help: "Only keys that begin so.")
    var prefix = ""

    @Flag(name: .customLong("null"), help: "End each key with NUL instead of a new line.")
    var endsWithNull = false

    @OptionGroup var report: FormatOption

    func run() async throws {
        if endsWithNull && report.format == .json {
            throw CommandFailure(.badUsage, "both --null and --format json; give one")
        }
        var list = KeyList(format: report.format, terminator: endsWithNull ? 0 : UInt8(ascii: "\n"))
        let location = try CacheLocation(cache)
        if case .directory(let directory) = location {
            let store = try Opening.reader(directory)
            var failure: CommandFailure?
            let prefix = Array(prefix.utf8)
            try reporting { () throws(StoreError) in
                try store.forEachKey(hasPrefix: prefix) { key in
                    guard failure == nil else { return }
                    do throws(CommandFailure) {
                        try list.append(key.withUnsafeBytes { Array($0) })
                    } catch {
                        failure = error
                    }
                }
            }
            if let failure { throw failure }
        } else {
            try await AnyCacheVerbs(location: location).forEachKey(hasPrefix: prefix) { try list.append($0) }
        }
        try list.end()
    }
}

/// Keys on standard output, a line each or in one object.
private struct KeyList {
    private let format: ReportFormat
    private let terminator: UInt8
    private var output = BufferedOutput()
    private var writer = JSONWriter()

    init(format: ReportFormat, terminator: UInt8) {
        self.format = format
        self.terminator = terminator
        writer.beginObject()
        writer.name("keys")
        writer.beginArray()
    }

    mutating func append(_ key: [UInt8]) throws(CommandFailure) {
        guard format == .json else { return try output.append(key, terminator: terminator) }
        writer.beginObject()
        if let text = String(validating: key, as: UTF8.self) {
            writer.member("key", text)
        } else {
            writer.member("key_base64", Data(key).base64EncodedString())
        }
        writer.endObject()
    }

    mutating func end() throws(CommandFailure) {
        writer.endArray()
        writer.endObject()
        if format == .json { try output.append(writer.bytes, terminator: UInt8(ascii: "\n")) }
        try output.flush()
    }
}

struct Stats: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tells how many entries there are, what they take, and what opening the store found.",
        discussion: "Example: granary stats .cache/answers --format json"
    )

    @Argument(help: "The cache: a directory, or a URL such as sqlite:FILE, redis://… or tiered:DIR,redis://…")
    var cache: String

    @OptionGroup var report: FormatOption

    func run() async throws {
        let location = try CacheLocation(cache)
        guard case .directory(let directory) = location else {
            return try await AnyCacheVerbs(location: location).reportStatistics(report.format)
        }
        let store = try Opening.reader(directory)
        let statistics = try reporting { () throws(StoreError) in try store.statistics() }
        let reclamation = statistics.reclamation
        let figures: [(String, Int)] = [
            ("entries", statistics.entries),
            ("live_bytes", statistics.liveBytes),
            ("tombstone_bytes", statistics.tombstoneBytes),
            ("dead_bytes", statistics.deadBytes),
            ("allocated_bytes", statistics.allocatedBytes),
            ("segments", statistics.segments),
            ("records", statistics.recovery.records),
            ("footers_used", statistics.recovery.footersUsed),
            ("segments_scanned", statistics.recovery.segmentsScanned),
            ("torn_records", statistics.recovery.tornRecords),
            ("damaged_records", statistics.recovery.damagedRecords),
            ("evictions", reclamation.evictions),
            ("expired", reclamation.expired),
            ("written_bytes", statistics.writtenBytes),
            ("carried", reclamation.carried),
            ("carried_bytes", reclamation.carriedBytes),
            ("reclaimed_bytes", reclamation.reclaimedBytes),
            ("reclaim_microseconds", reclamation.time.microseconds),
            ("waits", reclamation.waits),
            ("longest_wait_microseconds", reclamation.longestWait.microseconds),
            ("wait_microseconds", reclamation.waitTime.microseconds),
            ("ghost_hits", reclamation.ghostHits),
            ("ghosts", statistics.ghosts),
            ("ghost_bytes", statistics.ghostBytes),
        ]
        let amplification = "\((statistics.writeAmplification * 1_000).rounded() / 1_000)"
        for finding in statistics.recovery.findings { Output.message("granary: \(finding)") }
        if report.format == .json {
            var writer = JSONWriter()
            writer.beginObject()
            for (name, value) in figures { writer.member(name, value) }
            if let number = JSONNumber(amplification) { writer.member("write_amplification", number) }
            writer.endObject()
            return try Output.write(writer.bytes + [UInt8(ascii: "\n")])
        }
        let texts = figures.map { ($0, grouped($1)) } + [("write_amplification", amplification)]
        let lines = texts.map { name, value in
            let label = name.replacing("_", with: " ")
            return label + String(repeating: " ", count: max(1, 28 - label.count)) + value
        }
        try Output.write(lines.joined(separator: "\n") + "\n")
    }
}

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads every byte and checks it; exit code 3 where damage is found.",
        discussion: "Example: granary verify .cache/answers"
    )

    @Argument(help: "The store's directory.")
    var directory: String

    @OptionGroup var report: FormatOption

    func run() throws {
        let store = try Opening.reader(try CacheLocation.directory(directory, for: "verify"))
        let found = try reporting { () throws(StoreError) in try store.verify() }
        if report.format == .json {
            try Output.write(json(found) + [UInt8(ascii: "\n")])
        } else {
            for finding in found.findings { try Output.write("\(finding)\n") }
            try Output.write(
                """
                \(grouped(found.segments)) segments, \(grouped(found.records)) records, \(grouped(found.bytes)) bytes: \
                \(grouped(found.damage)) damaged, \(grouped(found.tornRecords)) torn by a kill

                """
            )
        }
        if found.damage > 0 { throw CommandFailure(.damageFound) }
    }

    private func json(_ found: VerificationReport) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("segments", found.segments)
        writer.member("records", found.records)
        writer.member("bytes", found.bytes)
        writer.member("damage", found.damage)
        writer.member("torn_records", found.tornRecords)
        writer.name("findings")
        writer.beginArray()
        for finding in found.findings {
            writer.beginObject()
            writer.member("kind", finding.kind.rawValue)
            writer.member("is_damage", finding.isDamage)
            writer.member("file", finding.path)
            writer.member("offset", finding.offset)
            writer.member("length", finding.length)
            writer.member("loss", finding.loss)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }
}

struct Clear: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Removes every entry and gives the disk space back; files that are not the store's stay.",
        discussion: "Example: granary clear .cache/answers"
    )

    @Argument(help: "The cache: a directory, or a URL such as sqlite:FILE, redis://… or tiered:DIR,redis://…")
    var cache: String

    @OptionGroup var limit: SizeLimitOption

    func run() async throws {
        let location = try CacheLocation(cache)
        guard case .directory(let directory) = location else {
            return try await AnyCacheVerbs(location: location).clear(limit: limit)
        }
        try Opening.changing(directory, limit: limit) { store throws(StoreError) in try store.removeAll() }
    }
}

extension Duration {
    fileprivate var microseconds: Int { Int(self / .microseconds(1)) }
}

/// The number with a comma between thousands.
func grouped(_ number: Int) -> String {
    var digits = Array(String(number.magnitude))
    var place = digits.count - 3
    while place > 0 {
        digits.insert(",", at: place)
        place -= 3
    }
    return (number < 0 ? "-" : "") + String(digits)
}
