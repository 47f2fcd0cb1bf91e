import ArgumentParser

#if Redis
/// The command.
@main
struct RedisBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redis-bench",
        abstract: "Measures RedisCache beside redis-benchmark, and a tiered cache before a stopped server.",
        discussion: """
            Starts a redis-server of its own on a free port and stores the values that all of them read. What is compared \
            takes turns, another one beginning each round; a ratio is that of the medians of the rounds.
            """
    )

    @Option(help: "What to measure, by commas: \(Subject.allCases.map(\.rawValue).joined(separator: ", ")).")
    var subjects = Subject.allCases.map(\.rawValue).joined(separator: ",")

    @Option(help: "Connections with the server.")
    var connections = 4

    @Option(help: "Commands on their way on each connection, by commas.")
    var depths = "16,64"

    @Option(help: "Rounds in which the sides take turns.")
    var rounds = 9

    @Option(help: "Timed seconds of each side in each round.")
    var seconds = 1.0

    @Option(help: "Entries in the server.")
    var entries = 10_000

    @Option(help: "Bytes of each stored value, all that the server sends back for it.")
    var valueBytes = 1_024

    func validate() throws {
        guard connections > 0, rounds > 0, seconds > 0, entries > 0, valueBytes > 100 else {
            throw ValidationError("Counts and times are above 0, and values have more than 100 bytes.")
        }
    }

    func run() async throws {
        let subjects = try Set(subjects.split(separator: ",").map(String.init).map(Subject.init(parsing:)))
        let depths = try depths.split(separator: ",").map { part in
            guard let depth = Int(part), depth > 0 else { throw ValidationError("\(part) is no depth.") }
            return depth
        }
        let server = try ServerProcess()
        defer { server.kill() }
        let bench = Bench(server: server, entries: entries, valueBytes: valueBytes, rounds: rounds, seconds: seconds)
        try await bench.fill()
        if subjects.contains(.pipelined) {
            for depth in depths { try await bench.comparePipelined(connections: connections, depth: depth) }
        }
        if subjects.contains(.latency) { try await bench.compareLatency() }
        if subjects.contains(.tiered) { try await bench.compareTiered() }
    }
}

/// What can be measured.
private enum Subject: String, CaseIterable {
    case pipelined, latency, tiered

    init(parsing text: String) throws {
        guard let subject = Subject(rawValue: text) else { throw ValidationError("\(text) is nothing to measure.") }
        self = subject
    }
}
#else
/// Without the trait there is nothing to measure.
@main
struct RedisBench: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "redis-bench")

    func run() throws {
        throw ValidationError("Build with --traits Redis: swift build -c release --traits Redis --product redis-bench")
    }
}
#endif
