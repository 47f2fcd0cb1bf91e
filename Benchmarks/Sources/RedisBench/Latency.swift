#if Redis
import Foundation
import Granary
import GranaryRedis

extension Bench {
    /// One get at a time, beside one PING at a time over a socket that blocks, which is what `redis-cli --latency` times,
    /// in milliseconds.
    func compareLatency() async throws {
        let cache = try cache(connections: 1)
        let socket = try PlainSocket(port: server.port)
        for pause in [0, 10_000] {
            let figures = try await medians([
                { try pings(socket, pause: pause) },
                { try await gets(cache, pause: pause) },
            ])
            let limit = 1.5 * figures[0] + 50
            print("one at a time, \(pause == 0 ? "without a pause" : "every 10 ms"), mean of \(seconds) s:")
            print("  PING over a plain socket: \(figures[0].text(1)) µs")
            print("  get: \(figures[1].text(1)) µs (1.5 times that and 50 µs are \(limit.text(1)) µs)")
        }
        try await cache.close()
        let text = try ServerProcess.output(["redis-cli", "-p", "\(server.port)", "--raw", "--latency", "-i", "5"])
        let mean = text.split(separator: " ").dropFirst(2).first.flatMap { Double($0) }
        print("  redis-cli --latency, mean of 5 s: \(mean.map { ($0 * 1_000).text() } ?? "?") µs")
    }

    private func pings(_ socket: PlainSocket, pause: Int) throws -> Double {
        var (count, sum) = (0, Duration.zero)
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            let start = ContinuousClock.now
            try socket.ping()
            sum += .now - start
            count += 1
            if pause > 0 { usleep(UInt32(pause)) }
        }
        return sum.inSeconds * 1_000_000 / Double(count)
    }

    private func gets(_ cache: RedisCache, pause: Int) async throws -> Double {
        var (count, sum) = (0, Duration.zero)
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            let key = Bench.key(count * 7_919 % entries)
            let start = ContinuousClock.now
            guard try await cache.get(key) != nil else { throw BenchError("a value is missing") }
            sum += .now - start
            count += 1
            if pause > 0 { try await Task.sleep(for: .microseconds(pause)) }
        }
        return sum.inSeconds * 1_000_000 / Double(count)
    }
}
#endif
