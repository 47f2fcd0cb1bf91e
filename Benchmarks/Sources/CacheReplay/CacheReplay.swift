import ArgumentParser
import Foundation
import Replay

/// The command.
@main
struct CacheReplay: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache-replay",
        abstract: "Replays requests on the store at several size limits, beside simulated caches of the same bytes.",
        discussion: """
            A key that is missing is set with a value of the request's size. Simulated caches decide object by object; \
            each is charged once for values alone, and once for what an entry takes in the store.
            """,
        subcommands: [Standard.self, File.self, Zipf.self, Rerun.self],
        defaultSubcommand: Standard.self
    )
}

/// What every replay takes.
struct ReplayOptions: ParsableArguments {
    @Option(
        help: """
            Size limits, by commas: parts of all values' bytes (10%), or bytes (64MiB, 1048576); by default \
            \(Self.zipfLimits), and 50% except of the standard Zipf traces.
            """
    )
    var limits: String?

    @Option(help: "Simulated caches, by commas: \(SimulatedPolicy.allCases.map(\.rawValue).joined(separator: ", ")).")
    var policies = SimulatedPolicy.allCases.map(\.rawValue).joined(separator: ",")

    @Option(help: "Replays of the store at each limit; 0: only the simulated caches.")
    var runs = 1

    @Option(help: "table, json or csv.")
    var format: ReplayReport.Format = .table

    @Option(help: ArgumentHelp("Write the figures to this file instead of standard output.", valueName: "file"))
    var output: String?

    @Option(help: ArgumentHelp("Where stores are made and removed again.", valueName: "dir"))
    var directory = FileManager.default.temporaryDirectory.path

    static let zipfLimits = "1%,5%,10%,25%"

    func validate() throws {
        guard runs >= 0 else { throw ValidationError("--runs takes 0 or more.") }
        _ = try comparison(Self.zipfLimits)
    }

    private func comparison(_ defaultLimits: String) throws -> Comparison {
        Comparison(
            limits: try Self.parse(limits ?? defaultLimits, Limit.init, "limit"),
            policies: try Self.parse(policies, SimulatedPolicy.init(rawValue:), "simulated cache"),
            storeRuns: runs,
            directory: directory
        )
    }

    /// Replays each trace as it is made; `zipf` are those that are asked at fewer limits.
    func replay(zipf: [() throws -> Trace] = [], _ traces: [() throws -> Trace]) throws {
        var report = ReplayReport()
        for (limits, traces) in [(Self.zipfLimits, zipf), (Self.zipfLimits + ",50%", traces)] {
            let comparison = try comparison(limits)
            for trace in traces { try comparison.run(trace(), into: &report, note: Self.note) }
        }
        try write(report)
    }

    private func write(_ report: ReplayReport) throws {
        let text = try report.text(format)
        if let output {
            try Data(text.utf8).write(to: URL(fileURLWithPath: output))
        } else {
            print(text, terminator: "")
        }
    }

    private static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    static func parse<Value>(_ list: String, _ make: (String) -> Value?, _ what: String) throws -> [Value] {
        try list.split(separator: ",").map { part in
            guard let value = make(String(part)) else { throw ValidationError("\(part) is no \(what).") }
            return value
        }
    }
}

/// What generated traces have in common.
struct GeneratorOptions: ParsableArguments {
    @Option(help: "Different keys to draw from; of a re-run, keys of a pass.")
    var objects = 400_000

    @Option(help: "What the draws follow from.")
    var seed: UInt64 = 1

    @Option(help: "Bytes of a value: summaries (0.3 to 8 KB, 1.1 on average), or a number.")
    var sizes: ValueSizes = .summaries

    func validate() throws {
        guard objects > 0 else { throw ValidationError("--objects takes 1 or more.") }
    }
}

/// Replays the traces that the documented figures are of.
struct Standard: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Replays Zipf traces of 0.7, 0.9 and 1.1 and a batch run ten times (the default)."
    )

    @OptionGroup var generator: GeneratorOptions
    @OptionGroup var options: ReplayOptions

    func run() throws {
        try options.replay(
            zipf: [0.7, 0.9, 1.1].map { alpha in { Zipf.trace(alpha, requests: 10 * generator.objects, generator) } },
            [{ Rerun.trace(passes: 10, newShare: 0.05, generator) }]
        )
    }
}

/// Replays a trace from a file.
struct File: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Replays files of lines \"key,size\", plain or packed by gzip or xz."
    )

    @Argument(help: "Traces.")
    var files: [String]

    @OptionGroup var options: ReplayOptions

    func run() throws { try options.replay(files.map { path in { try TraceFile(path).read() } }) }
}

/// Replays independent requests.
struct Zipf: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Replays independent requests of Zipf's law.")

    @Option(help: "Exponents, by commas.")
    var alpha = "0.7,0.9,1.1"

    @Option(help: "Requests; by default ten for each key.")
    var requests: Int?

    @OptionGroup var generator: GeneratorOptions
    @OptionGroup var options: ReplayOptions

    func validate() throws {
        if let requests, requests < 1 { throw ValidationError("--requests takes 1 or more.") }
        _ = try alphas()
    }

    func run() throws {
        try options.replay(
            try alphas().map { alpha in { Self.trace(alpha, requests: requests ?? 10 * generator.objects, generator) } }
        )
    }

    private func alphas() throws -> [Double] {
        try ReplayOptions.parse(alpha, { Double($0).flatMap { (0...10).contains($0) ? $0 : nil } }, "exponent")
    }

    static func trace(_ alpha: Double, requests: Int, _ options: GeneratorOptions) -> Trace {
        ZipfTrace(
            alpha: alpha,
            objects: options.objects,
            requests: requests,
            seed: options.seed,
            sizes: options.sizes
        ).make()
    }
}

/// Replays a batch again and again.
struct Rerun: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Replays the same keys in the same order, several times.")

    @Option(help: "Passes over the keys.")
    var passes = 10

    @Option(help: "The part of the keys that each pass but the first replaces by new ones.")
    var newShare = 0.05

    @OptionGroup var generator: GeneratorOptions
    @OptionGroup var options: ReplayOptions

    func validate() throws {
        guard passes > 0 else { throw ValidationError("--passes takes 1 or more.") }
        guard (0...1).contains(newShare) else { throw ValidationError("--new-share takes a part from 0 to 1.") }
    }

    func run() throws { try options.replay([{ Self.trace(passes: passes, newShare: newShare, generator) }]) }

    static func trace(passes: Int, newShare: Double, _ options: GeneratorOptions) -> Trace {
        RerunTrace(
            objects: options.objects,
            passes: passes,
            newShare: newShare,
            seed: options.seed,
            sizes: options.sizes
        ).make()
    }
}

extension ReplayReport.Format: ExpressibleByArgument {}

extension ValueSizes: ExpressibleByArgument {
    /// Reads `summaries` or a number of bytes.
    public init?(argument: String) {
        if argument == "summaries" {
            self = .summaries
            return
        }
        guard let size = Int(argument), (0...1 << 30).contains(size) else { return nil }
        self = .fixed(size)
    }
}
