import Granary
import Synchronization
import TestSupport
import Testing

@testable import GranaryRedis

/// Calls that go out in one write, and what becomes of them when something happens on the way.
@Suite("RedisCache when many call at once", .inTurn)
struct BurstTests {
    /// Calls at once.
    private static let count = 200

    private static var entries: [CacheEntry] {
        (0..<count).map { CacheEntry("key \($0)", CacheValue(bytes(1_000, seed: UInt64($0)))) }
    }

    /// What each of many gets at once comes to, by its number.
    private func gets(
        _ cache: RedisCache,
        cancelling isCancelled: @escaping @Sendable (Int) -> Bool = { _ in false }
    ) async -> [Result<[UInt8]?, any Error>] {
        let tasks = (0..<Self.count).map { number in Task { try await cache.bytes("key \(number)") } }
        for (number, task) in tasks.enumerated() where isCancelled(number) { task.cancel() }
        var results: [Result<[UInt8]?, any Error>] = []
        for task in tasks { results.append(await task.result) }
        return results
    }

    @Test("Each gets its own value, over whatever connections", arguments: [1, 4])
    func ownValues(_ connections: Int) async throws {
        let server = try await RedisProcess()
        let cache = try RedisCache(url: server.url(), options: RedisCacheOptions(connections: connections))
        try await cache.set(Self.entries)
        for _ in 0..<20 {
            for (number, result) in await gets(cache).enumerated() {
                #expect(try result.get() == bytes(1_000, seed: UInt64(number)))
            }
        }
    }

    @Test("Of those on their way some are cancelled, and the others get their own values")
    func cancelledAmongOthers() async throws {
        let server = try await RedisProcess()
        let cache = try RedisCache(url: server.url(), options: RedisCacheOptions(connections: 1))
        try await cache.set(Self.entries)
        for round in 0..<20 {
            let results = await gets(cache) { ($0 + round) % 3 == 0 }
            for (number, result) in results.enumerated() {
                switch result {
                case .success(let found): #expect(found == bytes(1_000, seed: UInt64(number)))
                // One that was answered before it was cancelled has its value.
                case .failure(let error): #expect(error is CancellationError && (number + round) % 3 == 0)
                }
            }
        }
    }

    @Test("A server that falls silent runs all that are on their way into the timeout")
    func silence() async throws {
        let server = try await FakeServer { read, _ in (read == 0 ? [FakeServer.welcome] : [], false) }
        let cache = try RedisCache(url: server.url, options: RedisCacheOptions(commandTimeout: .milliseconds(100)))
        for result in await gets(cache) {
            #expect(throws: RedisCacheError.self) { try result.get() }
            if case .failure(let error as RedisCacheError) = result { #expect(error.code == .timedOut) }
        }
    }

    @Test("A connection that closes in the middle of the replies costs nobody anything who is asked for again")
    func closedInTheMiddle() async throws {
        let hasClosed = Atomic(false)
        let server = try await FakeServer { read, received in
            if read == 0 { return ([FakeServer.welcome], false) }
            // One reply for each command, of which each has one array.
            let commands = received.count { $0 == UInt8(ascii: "*") }
            if hasClosed.exchange(true, ordering: .relaxed) {
                return ([Array(String(repeating: "$-1\r\n", count: commands).utf8)], false)
            }
            return ([Array(String(repeating: "$-1\r\n", count: commands / 2).utf8) + Array("$1".utf8)], true)
        }
        let cache = try RedisCache(url: server.url, options: RedisCacheOptions(connections: 1))
        for result in await gets(cache) { #expect(try result.get() == nil) }
        let wasClosed = hasClosed.load(ordering: .relaxed)
        #expect(wasClosed)
    }

    @Test("Those that wait when the cache is closed under them end, with an answer or an error")
    func closedUnderThem() async throws {
        let server = try await RedisProcess()
        for _ in 0..<20 {
            let cache = try RedisCache(url: server.url())
            try await cache.ping()
            async let results = gets(cache)
            try await cache.close()
            for result in await results {
                if case .failure(let error) = result { #expect((error as? RedisCacheError)?.code == .closed) }
            }
        }
    }
}
