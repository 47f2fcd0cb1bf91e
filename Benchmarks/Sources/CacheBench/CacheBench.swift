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
        subcommands: subcommands,
        defaultSubcommand: Measure.self
    )

    private static var subcommands: [any ParsableCommand.Type] {
        #if Summaries
        [Measure.self, Serve.self, OpenOnce.self, ReuseOnce.self]
        #else
        [Measure.self, Serve.self, OpenOnce.self]
        #endif
    }
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

    @Option(help: "The engine whose time the others' are put over, where it is among them.")
    var base = EngineName.segment

    @Option(help: "Rounds in which the engines take turns.")
    var rounds = 9

    @Option(help: "Numbers of threads, by commas.")
    var threads = "1"

    @Option(help: ArgumentHelp("The limit of `turnover`, in MiB.", valueName: "MiB"))
    var sizeLimit = 1_024

    @Option(help: ArgumentHelp("Megabytes a second that `turnover` sets; 0: as many as it can.", valueName: "MB/s"))
    var rate = 300

    @Option(help: "Which of the recent entries `turnover` gets: some often (zipf), or all alike (uniform).")
    var reads = TurnoverReads.zipf

    @Option(help: "What a model's two seconds are divided by in `reuse`.")
    var timeScale = 100

    @Option(help: "table, json or csv.")
    var format: Report.Format = .table

    @Option(help: ArgumentHelp("Write the figures to this file instead of standard output.", valueName: "file"))
    var output: String?

    @Option(help: ArgumentHelp("Where the caches are made and removed again.", valueName: "dir"))
    var directory = FileManager.default.temporaryDirectory.path

    func validate() throws {
        guard entries >= 1_000 else { throw ValidationError("--entries takes 1,000 or more.") }
        guard (1...2_000).contains(timeScale) else { throw ValidationError("--time-scale takes 1 to 2000.") }
        guard seconds > 0, rounds > 0 else { throw ValidationError("--seconds and --rounds take positive numbers.") }
        guard sizeLimit >= 1, rate >= 0 else {
            throw ValidationError("--size-limit takes 1 or more, --rate 0 or more.")
        }
    }

    func run() throws {
        let engines = try Self.parse(engines, EngineName.init(rawValue:), "engine")
        for engine in engines { if let reason = engine.whyMissing { throw ValidationError(reason) } }
        let measurement = Measurement(
            engines: engines,
            workloads: try Self.parse(workloads, Workload.init(rawValue:), "workload"),
            threads: try Self.parse(
                threads,
                { Int($0).flatMap { (1...64).contains($0) ? $0 : nil } },
                "number of threads"
            ),
            entries: entries,
            seconds: seconds,
            rounds: rounds,
            base: engines.contains(base) ? base : nil,
            sizeLimit: sizeLimit << 20,
            bytesPerSecond: rate * 1_000_000,
            reads: reads,
            timeScale: timeScale,
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
extension TurnoverReads: ExpressibleByArgument {}

/// The worker that holds one engine; started by `Measure`.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Holds one engine.", shouldDisplay: false)

    @OptionGroup var options: EngineOptions

    func run() throws { try options.engine.make(options.settings, for: Serving(entries: options.entries)) }

    private struct Serving: EngineUse {
        let entries: Int

        func use<E: Engine>(_ makeEngine: () throws -> E) throws {
            try Worker(entries: entries, makeEngine: makeEngine).serve()
        }
    }
}

/// Opens a cache once and says how long that took; started by `Measure`.
struct OpenOnce: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Opens a cache once.", shouldDisplay: false)

    @OptionGroup var options: EngineOptions
    @Flag var scans = false

    func run() throws {
        let opening = try scans ? Opening.scan(options.settings) : Opening.measure(options.engine, options.settings)
        print(String(decoding: try JSONEncoder().encode(opening), as: UTF8.self))
    }
}

/// Which engine a process of its own makes, and with what.
struct EngineOptions: ParsableArguments {
    @Option var engine: EngineName
    @Option var directory: String
    @Option var entries: Int
    @Option var overwrites: Int
    @Option var sizeLimit: Int?

    var settings: EngineSettings {
        EngineSettings(directory: directory, entries: entries, overwrites: overwrites, sizeLimit: sizeLimit)
    }
}
