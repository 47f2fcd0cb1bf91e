#if Redis
import Foundation
import Granary
import GranaryRedis

/// The server with what lies in it, and how long to measure.
struct Bench {
    let server: ServerProcess
    let entries: Int
    let valueBytes: Int
    let rounds: Int
    let seconds: Double

    /// The prefix of redis-benchmark's keys, which are twelve digits behind it: both sides read the same ones.
    static let prefix = "key:"

    static func key(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 12 - digits.count) + digits
    }

    func cache(connections: Int) throws -> RedisCache {
        try RedisCache(
            url: "redis://127.0.0.1:\(server.port)",
            options: RedisCacheOptions(prefix: Self.prefix, defaultExpiry: nil, connections: connections)
        )
    }

    /// Stores what is read later, and checks how long it is in the server.
    func fill() async throws {
        let cache = try cache(connections: 1)
        let length = valueBytes - (try await frameLength(cache))
        for start in stride(from: 0, to: entries, by: 1_000) {
            try await cache.set(
                (start..<min(start + 1_000, entries)).map { CacheEntry(Self.key($0), Self.value($0, length)) }
            )
        }
        let stored = try await cache.byteCount() / entries - Self.prefix.utf8.count - 12
        guard stored == valueBytes else { throw BenchError("values of \(stored) bytes, and not \(valueBytes)") }
        try await cache.close()
    }

    /// Bytes that the server has for a value beyond its own.
    private func frameLength(_ cache: RedisCache) async throws -> Int {
        try await cache.set(Self.key(0), to: Self.value(0, 0))
        return try await cache.byteCount() - Self.prefix.utf8.count - 12
    }

    static func value(_ number: Int, _ length: Int) -> CacheValue {
        CacheValue((0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) })
    }

    /// Lets the sides take turns, another one beginning each round; gives what they say in each.
    func rounds<Figure>(of sides: [() async throws -> Figure]) async throws -> [[Figure]] {
        var figures = [[Figure]](repeating: [], count: sides.count)
        // A round that does not count warms up.
        for side in sides { _ = try await side() }
        for round in 0..<rounds {
            for turn in sides.indices {
                let side = (round + turn) % sides.count
                figures[side].append(try await sides[side]())
            }
        }
        return figures
    }

    /// The medians of what they say.
    func medians(_ sides: [() async throws -> Double]) async throws -> [Double] {
        try await rounds(of: sides).map(Self.median)
    }

    static func median(_ figures: [Double]) -> Double {
        let sorted = figures.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

extension Duration {
    var inSeconds: Double { self / .seconds(1) }
}

extension Double {
    /// With so many digits behind the point.
    func text(_ digits: Int = 0) -> String { String(format: "%.\(digits)f", self) }
}
#endif
