import ArgumentParser
import Foundation

/// The command.
@main
struct CacheBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache-bench",
        abstract: "Measures local caches side by side, and against what the machine can do at all.",
        discussion: """
            Every engine runs in a process of its own. Timed slices of the engines take turns, so that what disturbs the \
            machine disturbs all of them, and ratios are medians over the rounds. Every answer is checked: a wrong or \
            missing value ends the run.
            """,
        subcommands: [Measure.self, Serve.self, OpenOnce.self],
        defaultSubcommand: Measure.self
    )
}

/// Runs workloads on engines and prints the figures.
struct Measure: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Runs the workloads on the engines (the default).")

    @Option(help: "Engines, by commas: \(EngineName.allCases.map(\.rawValue).joined(separator: ", ")).")
    var engines = "segment,dictionary,limit"

    @Option(help: "Workloads, by commas: \(Workload.allCases.map(\.rawValue).joined(separator: ", ")).")
    var workloads = "load,get,get-zipf,lend-zipf,miss,set,set-fresh,reopen"

    @Option(help: "Entries in each cache.")
    var entries = 1_000_000

    @Option(help: "Timed seconds for each engine and workload, all rounds together.")
    var seconds = 2.0

    @Option(help: "Rounds in which the engines take turns.")
    var rounds = 9

    @Option(help: "Numbers of threads, by commas.")
    var threads = "1"

    @Option(help: ArgumentHelp("The limit of `turnover`, in MiB.", valueName: "MiB"))
    var sizeLimit = 1_024

    @Option(help: ArgumentHelp("Megabytes a second that `turnover` sets; 0: as many as it can.", valueName: "MB/s"))
    var rate = 300

    @Option(help: "table, json or csv.")
    var format: Report.Format = .table

    @Option(help: ArgumentHelp("Write the figures to this file instead of standard output.", valueName: "file"))
    var output: String?

    @Option(help: ArgumentHelp("Where the caches are made and removed again.", valueName: "dir"))
    var directory = FileManager.default.temporaryDirectory.path

    func validate() throws {
        guard entries >= 1_000 else { throw ValidationError("--entries takes 1,000 or more.") }
        guard seconds > 0, rounds > 0 else { throw ValidationError("--seconds and --rounds take positive numbers.") }
        guard sizeLimit >= 1, rate >= 0 else {
            throw ValidationError("--size-limit takes 1 or more, --rate 0 or more.")
        }
    }

    func run() throws {
        let measurement = Measurement(
            engines: try Self.parse(engines, EngineName.init(rawValue:), "engine"),
            workloads: try Self.parse(workloads, Workload.init(rawValue:), "workload"),
            threads: try Self.parse(
                threads,
                { Int($0).flatMap { (1...64).contains($0) ? $0 : nil } },
                "number of threads"
            ),
            entries: entries,
            seconds: seconds,
            rounds: rounds,
            sizeLimit: sizeLimit << 20,
            bytesPerSecond: rate * 1_000_000,
            directory: directory
        )
        let report = try measurement.run()
        let text = try report.text(format)
        if let output {
            try Data(text.utf8).write(to: URL(fileURLWithPath: output))
        } else {
            print(text, terminator: "")
        }
    }

    private static func parse<Value>(_ list: String, _ make: (String) -> Value?, _ what: String) throws -> [Value] {
        try list.split(separator: ",").map { part in
            guard let value = make(String(part)) else { throw ValidationError("\(part) is no \(what).") }
            return value
        }
    }
}

extension Report.Format: ExpressibleByArgument {}
extension EngineName: ExpressibleByArgument {}

/// The worker that holds one engine; started by `Measure`.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Holds one engine.", shouldDisplay: false)

    @Option var engine: EngineName
    @Option var directory: String
    @Option var entries: Int
    @Option var overwrites: Int
    @Option var sizeLimit: Int?

    func run() throws {
        let logBytes = (entries + overwrites) * 1_250 + (16 << 20)
        switch engine {
        case .segment, .segmentLZ4:
            try Worker(entries: entries) {
                try SegmentEngine(directory: directory, compresses: engine == .segmentLZ4, sizeLimit: sizeLimit)
            }.serve()
        case .dictionary:
            try Worker(entries: entries) { DictionaryEngine() }.serve()
        case .limit, .limitLZ4:
            try Worker(entries: entries) {
                try LimitEngine(
                    path: directory + "/log",
                    logBytes: logBytes,
                    entries: entries,
                    compresses: engine == .limitLZ4
                )
            }.serve()
        }
    }
}

/// Opens a store once and says how long that took; started by `Measure`.
struct OpenOnce: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Opens a store once.", shouldDisplay: false)

    @Option var directory: String
    @Option var entries: Int

    func run() throws {
        print(
            String(
                decoding: try JSONEncoder().encode(Opening.measure(directory: directory, entries: entries)),
                as: UTF8.self
            )
        )
    }
}
