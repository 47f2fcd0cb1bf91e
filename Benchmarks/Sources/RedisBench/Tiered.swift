#if Redis
import Foundation
import Granary
import GranaryRedis

extension Bench {
    /// Hits in a local cache, alone and as the first tier before a server that was killed.
    func compareTiered() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "redis-bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let stopped = try ServerProcess()
        let local: [(String, any ManagedCacheStrategy)] = [
            ("SegmentCache", try SegmentCache(directory: directory.path, sizeLimit: 256 << 20)),
            ("MemoryCache", MemoryCache()),
        ]
        for (_, cache) in local {
            try await cache.set((0..<entries).map { CacheEntry(Self.key($0), Self.value($0, valueBytes)) })
        }
        let tiered = try local.map { _, cache in
            let shared = try RedisCache(url: "redis://127.0.0.1:\(stopped.port)")
            return try TieredCache([CacheTier("local", cache), CacheTier("shared", shared)])
        }
        stopped.kill()
        for cache in tiered {
            // What no tier has is asked of the server, which is how the cache learns that it is gone.
            _ = try? await cache.get("missing")
            guard cache.tierStatistics[1].isReadingSuspended else { throw BenchError("the server is still there") }
        }
        for (number, (name, cache)) in local.enumerated() {
            let figures = try await medians([
                { try await hits(cache) },
                { try await hits(tiered[number]) },
            ])
            print("hits in a \(name) of \(valueBytes) bytes:")
            print("  alone: \(figures[0].text()) ns")
            print("  before a stopped server: \(figures[1].text()) ns (\((figures[1] / figures[0]).text(2)) times)")
        }
        for cache in tiered { try? await cache.close() }
    }

    /// Nanoseconds of one.
    private func hits(_ cache: some CacheStrategy) async throws -> Double {
        let keys = (0..<entries).map(Self.key)
        let start = ContinuousClock.now
        var count = 0
        while ContinuousClock.now < start + .seconds(seconds) {
            for key in keys {
                guard try await cache.get(key) != nil else { throw BenchError("a value is missing") }
            }
            count += keys.count
        }
        return (ContinuousClock.now - start).inSeconds * 1e9 / Double(count)
    }
}
#endif
