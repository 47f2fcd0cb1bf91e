import Granary
import NIOCore
import Synchronization
import TestServers
import TestSupport
import Testing

@testable import GranaryRedis

@Suite("RedisCache when the server fails", .inTurn)
struct FaultTests {
    @Test("Where nobody listens, the error names the host and the port")
    func unreachable() async throws {
        let port = try freePort()
        let cache = try RedisCache(url: "redis://127.0.0.1:\(port)")
        let error = await failure { _ = try await cache.get("key") }
        #expect(error?.code == .unreachable && error?.server == "127.0.0.1:\(port)")
        #expect(await failure { try await cache.set("key", "value") }?.code == .unreachable)
        let unknown = try RedisCache(url: "redis://no-such-host.invalid")
        #expect(await failure { try await unknown.ping() }?.code == .unreachable)
        try await cache.close()
    }

    @Test("After a failure nothing is tried until the back-off is over, and it is twice as long the next time")
    func backOff() async throws {
        let clock = ManualClock()
        let attempts = Atomic(0)
        let server = try await FakeServer { _, _ in
            attempts.add(1, ordering: .relaxed)
            return ([], true)
        }
        let reconnection = RedisReconnection(
            firstWait: .seconds(1),
            longestWait: .seconds(3),
            random: { 0.5 },
            now: { clock.instant }
        )
        let cache = try RedisCache(url: server.url, options: RedisCacheOptions(reconnection: reconnection))
        #expect(await failure { try await cache.ping() } != nil)
        for (number, wait) in [500, 1_000, 1_500, 1_500].enumerated() {
            clock.advance(by: UInt64(wait) - 1)
            #expect(await failure { try await cache.ping() } != nil)
            #expect(attempts.load(ordering: .relaxed) == number + 1)
            clock.advance(by: 1)
            #expect(await failure { try await cache.ping() } != nil)
            #expect(attempts.load(ordering: .relaxed) == number + 2)
        }
    }

    @Test("A server that was killed is found again when it is back, by calls alone")
    func restart() async throws {
        let server = try await RedisProcess()
        let clock = ManualClock()
        let reconnection = RedisReconnection(random: { 0.999 }, now: { clock.instant })
        let cache = try RedisCache(url: server.url(), options: RedisCacheOptions(reconnection: reconnection))
        try await cache.set("key", "value")
        try await server.kill()
        // Both tries meet a dead server.
        let first = await failure { _ = try await cache.get("key") }
        #expect(first?.code == .unreachable || first?.code == .connectionLost)
        #expect(await failure { _ = try await cache.get("key") }?.code == .unreachable)
        try await server.start()
        // The back-off holds.
        #expect(await failure { _ = try await cache.get("key") }?.code == .unreachable)
        clock.advance(by: 10_000)
        #expect(try await cache.get("key") == nil)
        try await cache.set("key", "value")
        #expect(try await cache.bytes("key") == Array("value".utf8))
    }

    @Test("A server that comes back before the next call costs no call")
    func quickRestart() async throws {
        let server = try await RedisProcess()
        let cache = try RedisCache(url: server.url())
        for _ in 0..<3 {
            try await cache.set("key", "value")
            try await server.kill()
            try await server.start()
            #expect(try await cache.get("key") == nil)
        }
    }

    @Test("Calls one after the other need one connection")
    func oneConnection() async throws {
        let server = try await RedisProcess()
        let cache = try RedisCache(url: server.url())
        for number in 0..<500 {
            try await cache.set("key", "\(number)")
            #expect(try await cache.bytes("key") == Array("\(number)".utf8))
            try await cache.set([CacheEntry("a", CacheValue([1])), CacheEntry("b", CacheValue([2]))])
        }
        let clients = try #require(try await cache.raw("CLIENT", "LIST").content)
        #expect(clients.count { $0 == UInt8(ascii: "\n") } == 1)
    }

    @Test("A listing that another process of the server goes on with tells every key once")
    func listingAcrossARestart() async throws {
        let server = try await RedisProcess(["--appendonly", "yes", "--appendfsync", "always"])
        let cache = try RedisCache(url: server.url())
        let names = Set((0..<6_000).map { "key \($0)" })
        try await cache.set(names.map { CacheEntry($0, CacheValue([1])) })
        var told: [String] = []
        for try await key in cache.keys(hasPrefix: "") {
            told.append(key)
            // Within a page: the next ones are asked of another process, which goes through its table in another order.
            if told.count == 1_500 || told.count == 3_500 {
                try await server.kill()
                try await server.start()
            }
        }
        #expect(told.count == names.count && Set(told) == names)
    }

    @Test("A listing goes on where it was if a connection alone breaks, and ends if processes come and go without end")
    func listingsAndCursors() async throws {
        let cursors = Mutex<[String]>([])
        let server = try await FakeServer { read, bytes in
            if read == 0 { return ([FakeServer.welcome], false) }
            let words = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
            let cursor = words.firstIndex(of: "SCAN").map { String(words[$0 + 2]) } ?? ""
            let count = cursors.withLock { cursors in
                cursors.append(cursor)
                return cursors.count
            }
            // The first process for ten pages, and then another one each time.
            let name = "$8\r\nrun_id:\(max(count, 10) % 10)\r\n"
            let page = "*2\r\n$2\r\n\(10 + count % 80)\r\n*0\r\n"
            return ([Array((name + page).utf8)], read == 5)
        }
        let cache = try RedisCache(url: server.url, options: RedisCacheOptions(connections: 1))
        #expect(await failure { _ = try await cache.count() }?.code == .connectionLost)
        let seen = cursors.withLock { $0 }
        // The answers before and after the break are of one process.
        #expect(seen.prefix(10) == ["0", "11", "12", "13", "14", "15", "16", "17", "18", "19"])
        #expect(seen.count(where: { $0 == "0" }) == 8)
    }

    @Test("Under a server that is killed and started again, calls give what was set, nothing or an error, and recover")
    func killedUnderLoad() async throws {
        let server = try await RedisProcess()
        let reconnection = RedisReconnection(firstWait: .milliseconds(1), longestWait: .milliseconds(5))
        let cache = try RedisCache(url: server.url(), options: RedisCacheOptions(reconnection: reconnection))
        let load = Load()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<16 {
                group.addTask {
                    defer { load.end() }
                    let value = CacheValue(bytes(2_000, seed: UInt64(task)))
                    while !load.isOver.load(ordering: .relaxed) {
                        do {
                            try await cache.set("key \(task)", to: value)
                            let found = try await cache.get("key \(task)")
                            #expect(found == value || found == nil)
                            load.answered.add(1, ordering: .relaxed)
                        } catch let error as RedisCacheError {
                            #expect([.unreachable, .connectionLost, .busy].contains(error.code), "\(error)")
                            load.failed.add(1, ordering: .relaxed)
                            await Task.yield()
                        }
                    }
                }
            }
            for _ in 0..<3 {
                await load.answers(100)
                try await server.kill()
                await load.failure()
                try await server.start()
            }
            await load.answers(100)
            load.end()
            try await group.waitForAll()
        }
    }

    @Test("Connections that the server drops cost reads and sets nothing", arguments: [1, 2, 4])
    func droppedConnections(most: Int) async throws {
        let server = try await RedisProcess()
        let cache = try RedisCache(url: server.url(), options: RedisCacheOptions(connections: most))
        let other = try RedisCache(url: server.url(), options: RedisCacheOptions(connections: 1))
        let load = Load()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    defer { load.end() }
                    while !load.isOver.load(ordering: .relaxed) {
                        let round = load.rounds.withLock { $0[task] }
                        try await cache.set("key \(task)", "\(round)")
                        #expect(try await cache.bytes("key \(task)") == Array("\(round)".utf8))
                        load.rounds.withLock { $0[task] += 1 }
                    }
                }
            }
            group.addTask {
                defer { load.end() }
                for _ in 0..<100 {
                    // No call meets two.
                    let before = load.rounds.withLock { $0 }
                    await load.wait { load.rounds.withLock { zip($0, before).allSatisfy { $0 > $1 + 1 } } }
                    if load.isOver.load(ordering: .relaxed) { return }
                    let killed = try await other.raw("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").number
                    #expect(killed.map { (1...Int64(most)).contains($0) } == true, "\(killed ?? -1)")
                }
            }
            try await group.waitForAll()
        }
    }

    // MARK: Silence

    @Test("A server that takes a connection and says nothing runs into the connect timeout")
    func silentFromTheStart() async throws {
        let server = try await FakeServer { _, _ in ([], false) }
        let cache = try RedisCache(
            url: server.url,
            options: RedisCacheOptions(connectTimeout: .milliseconds(50), commandTimeout: .seconds(60))
        )
        #expect(await failure { try await cache.ping() }?.code == .timedOut)
    }

    @Test("A server that stops answering runs into the command timeout, and is asked again once it goes on")
    func frozen() async throws {
        let server = try await RedisProcess()
        let cache = try RedisCache(
            url: server.url(),
            options: RedisCacheOptions(
                connections: 1,
                connectTimeout: .seconds(2),
                commandTimeout: .seconds(2),
                reconnection: RedisReconnection(firstWait: .zero)
            )
        )
        try await cache.set("key", "value")
        server.freeze()
        #expect(await failure { _ = try await cache.get("key") }?.code == .timedOut)
        // Now it does not even let connections in.
        #expect(await failure { _ = try await cache.get("key") }?.code == .timedOut)
        server.thaw()
        var found: CacheValue?
        // It may first have to deal with those who left.
        while found == nil { found = try? await cache.get("key") }
        #expect(found?.bytes == Array("value".utf8))
    }

    @Test("A large reply that takes longer than the timeout and keeps coming is waited for")
    func slowReply() async throws {
        let value = StoredValue(CacheValue(bytes(2 << 20, seed: 3))).encoded(forKey: "key")
        let reply = Array("$\(value.count)\r\n".utf8) + value + Array("\r\n".utf8)
        let length = reply.count / 24 + 1
        let starts = stride(from: 0, to: reply.count, by: length)
        let pieces = starts.map { Array(reply[$0...].prefix(length)) }
        let server = try await FakeServer(pause: .milliseconds(500)) { read, _ in
            (read == 0 ? [FakeServer.welcome] : pieces, false)
        }
        let cache = try RedisCache(url: server.url, options: RedisCacheOptions(commandTimeout: .seconds(10)))
        #expect(try await cache.bytes("key") == bytes(2 << 20, seed: 3))
    }

    @Test(
        "A reply that comes by the byte, or pushes in its place, run into the command timeout",
        .timeLimit(.minutes(30)),
        arguments: [Array("$100000\r\n".utf8).map { [$0] } + Array(repeating: [0], count: 5_000)]
            + [Array(repeating: Array(">2\r\n+invalidate\r\n_\r\n".utf8), count: 5_000)]
    )
    func endlessReply(_ pieces: [[UInt8]]) async throws {
        let server = try await FakeServer(pause: .milliseconds(20)) { read, _ in
            (read == 0 ? [FakeServer.welcome] : pieces, false)
        }
        let cache = try RedisCache(url: server.url, options: RedisCacheOptions(commandTimeout: .milliseconds(200)))
        #expect(await failure { _ = try await cache.get("key") }?.code == .timedOut)
    }

    @Test("A large value that takes longer than the timeout to send is stored", .timeLimit(.minutes(30)))
    func slowUpload() async throws {
        let value = bytes(16 << 20, seed: 4)
        let server = try await SlowServer(pause: .milliseconds(30), commandLength: value.count)
        let cache = try RedisCache(url: server.url, options: RedisCacheOptions(commandTimeout: .seconds(5)))
        let start = ContinuousClock.now
        try await cache.set("key", to: CacheValue(value))
        #expect(start.duration(to: .now) > .seconds(5))
    }

    @Test("A server that stops taking a large value runs into the command timeout", .timeLimit(.minutes(30)))
    func stalledUpload() async throws {
        let value = bytes(32 << 20, seed: 4)
        let server = try await SlowServer(pause: .milliseconds(1), stopsAfter: 2 << 20, commandLength: value.count)
        let cache = try RedisCache(url: server.url, options: RedisCacheOptions(commandTimeout: .milliseconds(300)))
        #expect(await failure { try await cache.set("key", to: CacheValue(value)) }?.code == .timedOut)
    }

    @Test(
        "What the server may yet read is not written again: it would be done after what was written meanwhile",
        .timeLimit(.minutes(30))
    )
    func writesBehindATimeout() async throws {
        let received = Received()
        let server = try await FakeServer { read, bytes in
            if read == 0 { return ([FakeServer.welcome], false) }
            received.add(bytes)
            return ([], false)
        }
        let options = RedisCacheOptions(connections: 1, commandTimeout: .seconds(1))
        let cache = try RedisCache(url: server.url, options: options)
        async let first = failure { try await cache.set("first", "value") }
        async let second = failure { try await cache.set("second", "value") }
        async let third = failure { _ = try await cache.get("third") }
        for error in await [first, second, third] { #expect(error?.code == .timedOut) }
        while received.count(of: "SET") < 2 { await Task.yield() }
        #expect(received.count(of: "SET") == 2)
    }

    @Test(
        "A call behind a large value has no longer than others to be answered",
        .timeLimit(.minutes(30)),
        arguments: [false, true]
    )
    func silenceBehindALargeValue(isAskedMeanwhile: Bool) async throws {
        let value = bytes(8 << 20, seed: 5)
        let receivedCount = Atomic(0)
        let end = Mutex<[UInt8]>([])
        let isAnswered = Atomic(false)
        let server = try await FakeServer { read, bytes in
            if read == 0 { return ([FakeServer.welcome], false) }
            let count = receivedCount.add(bytes.count, ordering: .relaxed).newValue
            let isAsked = end.withLock { end in
                end = (end + bytes.suffix(64)).suffix(64)
                return String(decoding: end, as: UTF8.self).contains("GET")
            }
            let answers = count >= value.count && (isAsked || !isAskedMeanwhile)
            let isFirst = answers && !isAnswered.exchange(true, ordering: .relaxed)
            return (isFirst ? [Array("+OK\r\n".utf8)] : [], false)
        }
        let silent = try await FakeServer { read, _ in (read == 0 ? [FakeServer.welcome] : [], false) }
        let options = RedisCacheOptions(connections: 1, commandTimeout: .seconds(4))
        let cache = try RedisCache(url: server.url, options: options)
        let other = try RedisCache(url: silent.url, options: RedisCacheOptions(commandTimeout: .seconds(6)))
        let setting = Task { try await cache.set("key", to: CacheValue(value)) }
        if isAskedMeanwhile {
            while receivedCount.load(ordering: .relaxed) == 0 { await Task.yield() }
        } else {
            try await setting.value
        }
        let waitForAnswer: @Sendable () async -> Void = {
            while !isAnswered.load(ordering: .relaxed) { await Task.yield() }
        }
        // The look after the large value had been planned for its eighth second.
        let firstToGiveUp = await withTaskGroup(of: String.self) { group in
            group.addTask { await failure { _ = try await cache.get("key") }.map { _ in "behind it" } ?? "nobody" }
            group.addTask {
                await waitForAnswer()
                return await failure { _ = try await other.get("key") }.map { _ in "the other" } ?? "nobody"
            }
            return await group.next()
        }
        #expect(firstToGiveUp == "behind it")
        try await setting.value
    }

    // MARK: Nonsense

    @Test("Garbage is an error, at the start and later", arguments: [0, 1])
    func garbage(_ read: Int) async throws {
        let server = try await FakeServer { number, _ in
            ([number == read ? Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8) : FakeServer.welcome], false)
        }
        let cache = try RedisCache(url: server.url)
        let error = await failure { _ = try await cache.get("key") }
        #expect(error?.code == .protocolViolation)
    }

    @Test("Half a reply and a closed connection is asked for once more, and then an error")
    func halfReply() async throws {
        let asked = Atomic(0)
        let server = try await FakeServer { read, _ in
            if read == 0 { return ([FakeServer.welcome], false) }
            asked.add(1, ordering: .relaxed)
            return ([Array("$10\r\nabc".utf8)], true)
        }
        let cache = try RedisCache(url: server.url)
        #expect(await failure { _ = try await cache.get("key") }?.code == .connectionLost)
        #expect(asked.load(ordering: .relaxed) == 2)
        #expect(await failure { try await cache.set("key", "value") }?.code == .connectionLost)
        #expect(asked.load(ordering: .relaxed) == 4)
        // Sent twice it could tell that there was nothing to remove.
        #expect(await failure { try await cache.remove("key") }?.code == .connectionLost)
        #expect(asked.load(ordering: .relaxed) == 5)
    }

    @Test("A second try that works is all that the caller sees")
    func secondTry() async throws {
        let asked = Atomic(0)
        let server = try await FakeServer { read, _ in
            if read == 0 { return ([FakeServer.welcome], false) }
            let isFirst = asked.add(1, ordering: .relaxed).oldValue == 0
            return ([Array((isFirst ? "$1" : "$-1\r\n").utf8)], isFirst)
        }
        let cache = try RedisCache(url: server.url)
        #expect(try await cache.get("key") == nil)
        #expect(asked.load(ordering: .relaxed) == 2)
    }

    @Test(
        "Replies of the wrong kind are errors, not values",
        arguments: ["+OK\r\n", ":1\r\n", "*1\r\n+a\r\n", "%0\r\n", "#t\r\n"]
    )
    func wrongKind(_ reply: String) async throws {
        let server = try await FakeServer { read, bytes in
            if read == 0 { return ([FakeServer.welcome], false) }
            // Before a page of keys the server is asked for its name.
            let count = String(decoding: bytes, as: UTF8.self).contains("SCAN") ? 2 : 1
            return ([Array(String(repeating: reply, count: count).utf8)], false)
        }
        let cache = try RedisCache(url: server.url)
        #expect(await failure { _ = try await cache.get("key") }?.code == .protocolViolation)
        #expect(await failure { _ = try await cache.get(["a", "b"]) }?.code == .protocolViolation)
        #expect(await failure { _ = try await cache.keys.all() }?.code == .protocolViolation)
    }

    @Test(
        "What the server says tells what can be done",
        arguments: [
            ("-OOM command not allowed", RedisCacheError.Code.full), ("-LOADING Redis is loading", .busy),
            ("-READONLY You can't write", .readOnly), ("-MISCONF snapshots fail", .readOnly),
            ("-MOVED 1 a:1", .refused),
            ("-NOPERM no", .notPermitted), ("-ERR something", .refused),
        ]
    )
    func serverErrors(_ reply: String, _ code: RedisCacheError.Code) async throws {
        let server = try await FakeServer { read, _ in
            ([read == 0 ? FakeServer.welcome : Array((reply + "\r\n").utf8)], false)
        }
        let cache = try RedisCache(url: server.url)
        let error = await failure { try await cache.set("key", "value") }
        #expect(error?.code == code && error?.reply == String(reply.dropFirst()))
        #expect(await failure { _ = try await cache.get("key") }?.code == code)
    }

    @Test("A server before Redis 6 is refused with the reason, and without the password that it repeats")
    func oldServer() async throws {
        let server = try await FakeServer { _, _ in
            ([Array("-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `s3cr\r\n".utf8)], false)
        }
        let cache = try RedisCache(url: "redis://:s3cret@127.0.0.1:\(server.port)")
        let error = await failure { try await cache.ping() }
        #expect(error?.code == .refused && error?.detail.contains("Redis 6") == true)
        #expect(!String(reflecting: error).contains("s3c"))
    }

    @Test("A push between replies is no reply")
    func pushes() async throws {
        let server = try await FakeServer { read, _ in
            let push = Array(">2\r\n+invalidate\r\n_\r\n".utf8)
            return ([push + (read == 0 ? FakeServer.welcome : push + Array("$-1\r\n".utf8) + push)], false)
        }
        let cache = try RedisCache(url: server.url)
        #expect(try await cache.get("key") == nil)
        #expect(try await cache.get("key") == nil)
    }

    @Test("Lengths add up to a number, whatever the server says")
    func hugeLengths() async throws {
        let server = try await FakeServer { read, _ in
            let page = "_\r\n*2\r\n$1\r\n0\r\n*2\r\n$9\r\ngranary:a\r\n$9\r\ngranary:b\r\n"
            let replies = [FakeServer.welcome, Array(page.utf8), Array(":\(Int.max)\r\n:\(Int.max)\r\n".utf8)]
            return ([replies[min(read, 2)]], false)
        }
        #expect(try await RedisCache(url: server.url).byteCount() == .max)
    }

    // MARK: Cancellation

    @Test("A read whose task is cancelled stops waiting, and the replies of others stay theirs")
    func cancellation() async throws {
        let server = try await RedisProcess()
        let cache = try RedisCache(url: server.url(), options: RedisCacheOptions(connections: 1))
        try await cache.set([CacheEntry("a", CacheValue([1])), CacheEntry("b", CacheValue([2]))])
        server.freeze()
        let cancelled = Task { try await cache.get("a") }
        let patient = Task { try await cache.get("b") }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        server.thaw()
        #expect(try await patient.value?.bytes == [2])
        #expect(try await cache.bytes("a") == [1])
    }

    @Test("A set whose task is cancelled is done all the same")
    func cancelledSet() async throws {
        let server = try await RedisProcess()
        let cache = try RedisCache(url: server.url())
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await cache.set("key", "value")
        }
        try await task.value
        #expect(try await cache.bytes("key") == Array("value".utf8))
    }
}
