#if Redis
import Foundation
import Granary
import GranaryRedis

extension Bench {
    /// Gets with so many on their way on each connection, beside redis-benchmark with the same.
    func comparePipelined(connections: Int, depth: Int) async throws {
        let cache = try cache(connections: connections)
        // Of redis-benchmark the number of requests is given, not the time: as many as fill that.
        let requests = Int(try redisBenchmark(connections, depth, requests: 200_000).rate * seconds)
        let sides: [(name: String, run: () async throws -> Throughput)] = [
            ("redis-benchmark -t get", { try redisBenchmark(connections, depth, requests: requests) }),
            ("get, a task for each", { try await singleGets(cache, tasks: connections * depth) }),
            ("get of many keys, a task a connection", { try await getsOfMany(cache, tasks: connections, keys: depth) }),
        ]
        let figures = try await rounds(of: sides.map(\.run))
        try await cache.close()
        print("pipelined get, \(valueBytes) bytes, \(connections) connections, \(depth) deep:")
        let best = Self.median(figures[0].map(\.rate))
        for (side, figures) in zip(sides, figures) {
            let rate = Self.median(figures.map(\.rate))
            let processor = Self.median(figures.map(\.processorTime))
            print(
                "  \(side.name): \(rate.text()) a second (\((rate / best).text(2)) of redis-benchmark),",
                terminator: ""
            )
            print(" \(processor.text(2)) µs of processor time each")
        }
    }

    /// Gets a second, and microseconds of its processors that the client took for each, which drift less.
    private struct Throughput {
        var rate: Double
        var processorTime: Double
    }

    private func redisBenchmark(_ connections: Int, _ depth: Int, requests: Int) throws -> Throughput {
        let before = Self.processorTime(RUSAGE_CHILDREN.rawValue)
        let text = try ServerProcess.output([
            "redis-benchmark", "-p", "\(server.port)", "-t", "get", "-c", "\(connections)", "-P", "\(depth)",
            "-d", "\(valueBytes)", "-n", "\(requests)", "-r", "\(entries)", "--csv",
        ])
        let processorTime = (Self.processorTime(RUSAGE_CHILDREN.rawValue) - before) / Double(requests)
        let row = text.split(separator: "\n").first { $0.hasPrefix("\"GET\"") }
        let field = row.flatMap { $0.split(separator: ",").dropFirst().first }
        guard let rate = field.flatMap({ Double($0.filter { $0 != "\"" }) }), rate > 0 else {
            throw BenchError("redis-benchmark does not say how many requests a second it made")
        }
        return Throughput(rate: rate, processorTime: processorTime)
    }

    /// Microseconds so far, of this process or of its children that have ended.
    private static func processorTime(_ whose: __rusage_who_t) -> Double {
        var usage = rusage()
        getrusage(whose, &usage)
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) * 1e6 + Double($1.tv_usec) }
    }

    /// Each task waits for its answer before it asks again.
    private func singleGets(_ cache: RedisCache, tasks: Int) async throws -> Throughput {
        // Made before the clock starts, as a program has its keys.
        let keys = (0..<entries).map(Self.key)
        return try await rate(tasks: tasks) { number in
            guard try await cache.get(keys[number]) != nil else { throw BenchError("a value is missing") }
            return 1
        }
    }

    private func getsOfMany(_ cache: RedisCache, tasks: Int, keys: Int) async throws -> Throughput {
        let lists = (0..<entries).map { start in (0..<keys).map { Self.key((start + $0 * 7_919) % entries) } }
        return try await rate(tasks: tasks) { number in
            let found = try await cache.get(lists[number])
            guard found.count == keys, found.allSatisfy({ $0 != nil }) else { throw BenchError("a value is missing") }
            return keys
        }
    }

    /// Gets a second of so many tasks, each of which calls the body, with another number of an entry each time, until the time is over.
    private func rate(
        tasks: Int,
        _ body: @escaping @Sendable (_ number: Int) async throws -> Int
    ) async throws -> Throughput {
        let before = Self.processorTime(RUSAGE_SELF.rawValue)
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        let count = try await withThrowingTaskGroup(of: Int.self) { [entries] group in
            for task in 0..<tasks {
                group.addTask {
                    var count = 0
                    // A generator of its own: which keys come does not matter, as long as all do.
                    var state = UInt64(task) &* 0x9E37_79B9_7F4A_7C15 &+ 1
                    while ContinuousClock.now < end {
                        for _ in 0..<16 {
                            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                            count += try await body(Int(state >> 33) % entries)
                        }
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        return Throughput(
            rate: Double(count) / (ContinuousClock.now - start).inSeconds,
            processorTime: (Self.processorTime(RUSAGE_SELF.rawValue) - before) / Double(count)
        )
    }
}
#endif
