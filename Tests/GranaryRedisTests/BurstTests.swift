import Granary
import NIOPosix
import Synchronization
import TestServers
import TestSupport
import Testing

@testable import GranaryRedis

/// Calls that go out in one write, and what becomes of them when something happens on the way.
@Suite("RedisCache when many call at once", .inTurn, .timeLimit(.minutes(30)))
struct BurstTests {
    /// Calls at once.
    private static let count = 200

    private static var entries: [CacheEntry] {
        (0..<count).map { CacheEntry("key \($0)", CacheValue(bytes(1_000, seed: UInt64($0)))) }
    }

    private func start(_ cache: RedisCache) -> [Task<[UInt8]?, any Error>] {
        (0..<Self.count).map { number in Task { try await cache.bytes("key \(number)") } }
    }

    /// What each of many gets at once comes to, by its number.
    private func gets(_ cache: RedisCache) async -> [Result<[UInt8]?, any Error>] {
        var results: [Result<[UInt8]?, any Error>] = []
        for task in start(cache) { results.append(await task.result) }
        return results
    }

    /// Lets tasks that were started get on their way.
    private func letThemSend() async { for _ in 0..<100 { await Task.yield() } }

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
            server.freeze()
            let tasks = start(cache)
            await letThemSend()
            let cancelled = tasks.enumerated().filter { ($0.offset + round) % 3 == 0 }.map(\.element)
            for task in cancelled { task.cancel() }
            for task in cancelled { await #expect(throws: CancellationError.self) { try await task.value } }
            server.thaw()
            // Replies to those that have left come first, among others.
            for (number, task) in tasks.enumerated() where (number + round) % 3 != 0 {
                #expect(try await task.value == bytes(1_000, seed: UInt64(number)))
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

    @Test("A connection that closes among the replies costs no call anything: what was on its way is asked again")
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

    @Test("Closing lets those end that are on their way")
    func closedUnderThem() async throws {
        let server = try await RedisProcess()
        try await RedisCache(url: server.url()).set(Self.entries)
        var answers = 0
        for _ in 0..<20 {
            let cache = try RedisCache(url: server.url())
            try await cache.ping()
            server.freeze()
            let tasks = start(cache)
            await letThemSend()
            async let closing: Void = cache.close()
            server.thaw()
            for (number, task) in tasks.enumerated() {
                switch await task.result {
                case .success(let found):
                    answers += 1
                    #expect(found == bytes(1_000, seed: UInt64(number)))
                case .failure(let error): #expect((error as? RedisCacheError)?.code == .closed)
                }
            }
            try await closing
        }
        #expect(answers > 0)
    }

    @Test("Who closes a second time waits as the first one does, and takes nothing from it")
    func closedTwice() async throws {
        let received = Received()
        let server = try await FakeServer { read, bytes in
            if read == 0 { return ([FakeServer.welcome], false) }
            received.add(bytes)
            // Nothing before both who close wait for what is on its way.
            return (received.count(of: "PING") == 2 ? [Array("+OK\r\n+PONG\r\n+PONG\r\n".utf8)] : [], false)
        }
        let cache = try RedisCache(url: server.url, options: RedisCacheOptions(connections: 1))
        let setting = Task { try await cache.set("key", "value") }
        while received.count(of: "SET") == 0 { await Task.yield() }
        async let first: Void = cache.close()
        async let second: Void = cache.close()
        try await setting.value
        _ = try await (first, second)
    }

    @Test("A connection gathers from the first request to the event loop's look, up to so many bytes")
    func gathering() {
        let connection = Connection(on: MultiThreadedEventLoopGroup.singleton.any()) { _, _ in }
        func enqueue(_ count: Int) {
            var command = RESPCommand()
            command.append("GET", [[UInt8](repeating: 0, count: count)])
            let isTaken = connection.enqueue(Request(command, .always))
            #expect(isTaken)
        }
        enqueue(10)
        #expect(!connection.isGathering, "before the server has let it in")
        connection.letIn()
        enqueue(10)
        #expect(connection.isGathering)
        enqueue(Connection.mostGatheredBytes - 1_000)
        #expect(connection.isGathering)
        enqueue(1_000)
        #expect(!connection.isGathering)
        var requests: [Request] = []
        connection.takeWaiting(into: &requests)
        #expect(requests.count == 4 && !connection.isGathering)
        enqueue(10)
        #expect(connection.isGathering)
        connection.end(RedisCacheError(.closed, server: "server", detail: "the test is over"))
        #expect(!connection.isGathering)
    }
}
