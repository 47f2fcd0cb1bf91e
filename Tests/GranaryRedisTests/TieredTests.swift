import Granary
import Synchronization
import TestServers
import TestSupport
import Testing

@testable import GranaryRedis

@Suite("A tiered cache before a Redis server that is stopped", .inTurn)
struct TieredTests {
    private static func cache(
        _ server: RedisProcess,
        local: MemoryCache,
        _ writing: TieredCacheOptions.Writing
    ) throws -> TieredCache {
        let reconnection = RedisReconnection(firstWait: .milliseconds(1), longestWait: .milliseconds(20))
        let shared = try RedisCache(
            url: server.url(),
            options: RedisCacheOptions(connections: 1, commandTimeout: .seconds(60), reconnection: reconnection)
        )
        var options = TieredCacheOptions()
        options.writing = writing
        options.backOff = TierBackOff(first: .milliseconds(1), longest: .milliseconds(20))
        return try TieredCache([CacheTier("local", local), CacheTier("shared", shared)], options: options)
    }

    @Test(
        "Killed, it costs no local hit and no set, and once it is back it gets what it missed and is asked again",
        .timeLimit(.minutes(30)),
        arguments: [TieredCacheOptions.Writing.through, .behind]
    )
    func killed(_ writing: TieredCacheOptions.Writing) async throws {
        let server = try await RedisProcess()
        let local = MemoryCache()
        let cache = try Self.cache(server, local: local, writing)
        try await cache.set("before", to: CacheValue([1]))
        try await cache.flush()
        for _ in 0..<3 {
            try await server.kill()
            for _ in 0..<10 {
                #expect(try await cache.get("before") == CacheValue([1]))
                #expect(try await cache.get("absent") == nil)
            }
            try await cache.set("during", to: CacheValue([2]))
            #expect(try await cache.get("during") == CacheValue([2]))
            #expect(cache.tierStatistics[1].isReadingSuspended)
            try await server.start()
            // Nobody calls the cache; what it missed comes all the same, and so does what others store.
            let other = try RedisCache(url: server.url())
            while try await other.get("during") == nil { await Task.yield() }
            try await other.set("elsewhere", to: CacheValue([3]))
            try await local.remove("elsewhere")
            while try await cache.get("elsewhere") == nil { await Task.yield() }
            #expect(!cache.tierStatistics[1].isReadingSuspended)
            // The server has the entry before the cache knows that.
            while cache.tierStatistics[1].isWritingSuspended { await Task.yield() }
            try await other.close()
        }
        try await cache.close()
    }

    @Test("Stopped where it stands, it keeps no local hit waiting", .timeLimit(.minutes(30)))
    func frozen() async throws {
        let server = try await RedisProcess()
        let cache = try Self.cache(server, local: MemoryCache(), .behind)
        try await cache.set("key 0", to: CacheValue([0]))
        try await cache.flush()
        server.freeze()
        let isAnswered = Atomic(false)
        let miss = Task {
            defer { isAnswered.store(true, ordering: .relaxed) }
            return try await cache.get("absent")
        }
        for number in UInt8(1)..<100 {
            try await cache.set("key \(number % 2)", to: CacheValue([number]))
            #expect(try await cache.get("key \(number % 2)") == CacheValue([number]))
        }
        // Whoever had waited would have waited as long as this.
        let hasWaited = isAnswered.load(ordering: .relaxed)
        #expect(!hasWaited)
        server.thaw()
        #expect(try await miss.value == nil)
        try await cache.close()
    }
}
