import Foundation

/// What one run of the summary pipeline, in a process of its own, took.
struct ReuseAnswer: Codable {
    var conversations: Int
    var computed: Int
    var seconds: Double
    var cacheSeconds: Double
    /// Decoding all summaries, of a run that does that after it has read them all.
    var codingSeconds: Double?
    var valueBytesMean: Double?
}

/// Conversations that are summarised by a model of two seconds a call, with an empty cache, a full one, and one that has
/// 800 of 1,000.
extension Measurement {
    #if Summaries
    func measureReuse(_ root: String, _ report: inout Report) throws {
        let count = 1_000
        let server = try ModelServer(latency: .milliseconds(2_000 / timeScale))
        defer { server.stop() }
        for engine in engines where engine == .segmentCache || engine == .sqliteCache {
            say("reuse through \(engine.rawValue)")
            let scaled = "a call of 2 s scaled down by \(timeScale), 8 at once; median of 3 runs"
            var first: [ReuseAnswer] = []
            var second: [ReuseAnswer] = []
            var partial: [ReuseAnswer] = []
            var bytes: [ReuseAnswer] = []
            for round in 0..<3 {
                let path = root + "/reuse-\(engine.rawValue)-\(round)"
                first.append(try reuse(engine, path + "a", server, count: count, expected: count))
                second.append(try reuse(engine, path + "a", server, count: count, expected: 0))
                bytes.append(try reuse(engine, path + "a", server, count: count, expected: 0, ["--bytes-first"]))
                _ = try reuse(engine, path + "b", server, count: count * 8 / 10, expected: count * 8 / 10)
                partial.append(try reuse(engine, path + "b", server, count: count, expected: count * 2 / 10))
            }
            report.addReuse(engine, first, note: "first run, nothing cached; \(scaled)")
            report.addReuse(engine, second, note: "second run, all cached; \(scaled)")
            report.addReuse(engine, bytes, note: "the same reads without the pipeline, decoded after; median of 3 runs")
            report.addReuse(engine, partial, note: "800 of 1,000 cached; \(scaled)")
        }
    }

    private func reuse(
        _ engine: EngineName,
        _ path: String,
        _ server: ModelServer,
        count: Int,
        expected: Int,
        _ flags: [String] = []
    ) throws -> ReuseAnswer {
        let process = Process()
        process.executableURL = WorkerProcess.executable
        process.arguments = [
            "reuse-once", "--engine", engine.rawValue, "--directory", path, "--conversations", String(count), "--port",
            String(server.port),
        ]
        process.arguments? += flags
        let data = try WorkerProcess.outcome(of: process, "a run through \(engine.rawValue)")
        let answer = try JSONDecoder().decode(ReuseAnswer.self, from: data)
        guard answer.computed == expected else {
            throw BenchError("\(answer.computed) summaries were computed, not \(expected)")
        }
        return answer
    }
    #else
    func measureReuse(_ root: String, _ report: inout Report) throws {
        throw BenchError("reuse is not built in; swift build -c release --traits Summaries")
    }
    #endif
}
