import Foundation
import Granary
import TestServers
import TestSupport
import Testing

@testable import GranaryRedis

@Suite("RedisCache as a strategy", .inTurn)
struct StrategyTests {
    private func cache(
        _ server: RedisProcess,
        _ options: RedisCacheOptions = RedisCacheOptions()
    ) throws -> RedisCache {
        try RedisCache(url: server.url(), options: options)
    }

    @Test("A value comes back as it was set, whatever its size, coding and key")
    func values() async throws {
        let server = try await RedisProcess()
        let cache = try cache(server)
        for (number, count) in [0, 1, 23, 24, 1_000, 65_536, 262_144 - 50, 262_144, 1_000_003, 8 << 20].enumerated() {
            let value = CacheValue(bytes(count, seed: UInt64(number)), coding: ValueCoding(rawValue: UInt8(number)))
            try await cache.set("size \(count)", to: value)
            #expect(try await cache.get("size \(count)") == value)
        }
        // Composed and decomposed, which Swift calls equal; what means something in RESP; a long one.
        let keys = ["\u{E9}", "e\u{301}", "a\r\nb", "*", "\0", "🗝", String(repeating: "k", count: 65_535)]
        for (number, key) in keys.enumerated() { try await cache.set(key, "\(number)") }
        for (number, key) in keys.enumerated() { #expect(try await cache.bytes(key) == Array("\(number)".utf8)) }
        #expect(try await cache.get("nobody") == nil)
        let statistics = try await cache.statistics()
        #expect(statistics.hits == 17 && statistics.misses == 1 && statistics.sets == 17 && statistics.damaged == 0)
        try await cache.close()
    }

    @Test("Keys that are empty or too long are refused when set, and nothing is stored", arguments: [0, 65_536])
    func invalidKeys(_ count: Int) async throws {
        let server = try await RedisProcess()
        let cache = try cache(server)
        let key = String(repeating: "k", count: count)
        let entries = [CacheEntry("fine", CacheValue([1])), CacheEntry(key, CacheValue([1]))]
        #expect(await failure { try await cache.set(entries) }?.code == .invalidKey)
        #expect(try await cache.count() == 0)
    }

    @Test("Many keys are set and asked for at once; of two values for one key the later one counts")
    func manyKeys() async throws {
        let server = try await RedisProcess()
        let cache = try cache(server)
        var entries = (0..<1_000).map { CacheEntry("key \($0)", CacheValue(bytes($0, seed: UInt64($0)))) }
        entries.append(CacheEntry("key 5", CacheValue([1, 2, 3])))
        try await cache.set(entries)
        entries[5].value = CacheValue([1, 2, 3])
        let keys = (0..<1_100).map { "key \($0)" } + ["key 1"]
        let expected = (0..<1_100).map { $0 < 1_000 ? entries[$0].value : nil } + [entries[1].value]
        #expect(try await cache.get(keys) == expected)
        #expect(try await cache.hits(keys).map { $0?.value } == expected)
        #expect(try await cache.get([]) == [])
        #expect(try await cache.count() == 1_000)
        try await cache.set([])
    }

    @Test("A batch of large values goes in parts and comes back whole")
    func largeBatch() async throws {
        let server = try await RedisProcess()
        let cache = try cache(server)
        let entries = (0..<20).map { CacheEntry("\($0)", CacheValue(bytes(700_000 + $0, seed: UInt64($0)))) }
        try await cache.set(entries)
        #expect(try await cache.get(entries.map(\.key)) == entries.map(\.value))
    }

    // MARK: Expiry

    @Test("An entry ends when it was told to, by default after seven days, in the server too")
    func expiry() async throws {
        let server = try await RedisProcess()
        let clock = ManualClock()
        let cache = try cache(server, RedisCacheOptions(clock: clock.clock))
        try await cache.set("default", "a")
        try await cache.set("short", to: CacheValue([1]), options: CacheSetOptions(expiry: .after(.seconds(6_000))))
        let moment = CacheExpiry.at(milliseconds: clock.now + 5_000_000)
        try await cache.set("moment", to: CacheValue([1]), options: CacheSetOptions(expiry: moment))
        try await cache.set("far", to: CacheValue([1]), options: CacheSetOptions(expiry: .at(milliseconds: .max)))
        let week: Int64 = 7 * 24 * 3_600 * 1_000
        let life = try #require(try await cache.raw("PTTL", "granary:default").number)
        #expect((week - 6_000_000...week).contains(life))
        let short = try #require(try await cache.raw("PTTL", "granary:short").number)
        #expect((1...6_000_000).contains(short))
        #expect(try await cache.raw("PTTL", "granary:far").number == -1)
        #expect(try await cache.hit("default")?.end == .at(clock.now + UInt64(week)))
        #expect(try await cache.hit("moment")?.end == .at(clock.now + 5_000_000))
        clock.advance(by: 4_999_999)
        #expect(try await cache.get("moment") != nil)
        clock.advance(by: 1)
        #expect(try await cache.get("moment") == nil)
        #expect(try await cache.hits(["moment", "short"])[0] == nil)
        #expect(try await cache.get("short") != nil)
        clock.advance(by: 1_000_000)
        #expect(try await cache.get("short") == nil)
        #expect(try await cache.get("far") != nil)
        #expect(try await cache.statistics().damaged == 0)
    }

    @Test("Without a default an entry stays")
    func noExpiry() async throws {
        let server = try await RedisProcess()
        let cache = try RedisCache(url: server.url("?expiry=none"))
        try await cache.set("stays", "a")
        #expect(try await cache.raw("PTTL", "granary:stays").number == -1)
        #expect(try await cache.hit("stays")?.end == .never)
    }

    @Test("The server itself ends an entry")
    func expiryOnServer() async throws {
        let server = try await RedisProcess()
        let cache = try cache(server)
        try await cache.set("short", to: CacheValue([1]), options: CacheSetOptions(expiry: .after(.milliseconds(30))))
        let start = ContinuousClock.now
        while try await cache.raw("EXISTS", "granary:short").number == 1, ContinuousClock.now - start < .seconds(30) {
            try await cache.flush()
        }
        #expect(try await cache.raw("EXISTS", "granary:short").number == 0)
        #expect(try await cache.keys.all().isEmpty)
        #expect(try await cache.get("short") == nil)
        #expect(try await !cache.remove("short"))
    }

    @Test("An entry that ends at once takes the place of the one before it", arguments: [0, -5])
    func endsAtOnce(_ seconds: Int) async throws {
        let server = try await RedisProcess()
        let cache = try cache(server)
        try await cache.set("key", "before")
        try await cache.set("key", to: CacheValue([1]), options: CacheSetOptions(expiry: .after(.seconds(seconds))))
        #expect(try await cache.get("key") == nil)
        #expect(try await cache.count() == 0)
    }

    // MARK: What others put there

    @Test("What others put under a key, and what is not as it was stored, is a miss and counted")
    func foreignValues() async throws {
        let server = try await RedisProcess()
        let cache = try cache(server)
        try await cache.set("key", "value")
        let stored = try #require(try await cache.raw("GET", "granary:key").content)
        let key = Array("granary:key".utf8)
        for bit in 0..<stored.count * 8 {
            var damaged = stored
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            _ = try await cache.raw("SET", bytes: key, damaged)
            #expect(try await cache.get("key") == nil, "bit \(bit)")
        }
        for length in 0..<stored.count {
            _ = try await cache.raw("SET", bytes: key, Array(stored.prefix(length)))
            #expect(try await cache.get("key") == nil, "\(length) bytes")
        }
        #expect(try await cache.statistics().damaged == stored.count * 9)
        _ = try await cache.raw("SET", bytes: Array("granary:other".utf8), stored)
        #expect(try await cache.get("other") == nil, "the value of another key")
        _ = try await cache.raw("SET", "granary:text", "hello")
        _ = try await cache.raw("RPUSH", "granary:list", "a", "b")
        _ = try await cache.raw("HSET", "granary:hash", "a", "b")
        for key in ["text", "list", "hash"] { #expect(try await cache.get(key) == nil) }
        #expect(try await cache.get(["text", "list", "hash", "nobody"]) == [nil, nil, nil, nil])
        #expect(try await cache.statistics().hits == 0)
        // They can be replaced and removed like others.
        try await cache.set("list", "mine")
        #expect(try await cache.bytes("list") == Array("mine".utf8))
        #expect(try await cache.byteCount() > 0)
        #expect(try await cache.remove("hash"))
        try await cache.removeAll()
        #expect(try await cache.count() == 0)
    }

    // MARK: Managing

    @Test("Removing tells whether there was an entry")
    func removal() async throws {
        let server = try await RedisProcess()
        let cache = try cache(server)
        try await cache.set("key", "value")
        #expect(try await cache.remove("key"))
        #expect(try await !cache.remove("key"))
        #expect(try await cache.get("key") == nil)
    }

    @Test(
        "Clearing, counting and listing keep to the prefix, whatever characters it has",
        arguments: ["granary:", "", "a*", "[a-c]?", "\\", "^-]", "*"]
    )
    func prefixes(_ prefix: String) async throws {
        let server = try await RedisProcess()
        let cache = try cache(server, RedisCacheOptions(prefix: prefix))
        let others = ["other", "ab", "b", "aXb", "granary", "granaryX:1", "^", "-", "]", "\\\\"].filter {
            !$0.hasPrefix(prefix)
        }
        for other in others { _ = try await cache.raw("SET", other, "x") }
        let keys = ["a", "b", "*", "a*c", "[x]", "?", "\\", "é", "a-"]
        for key in keys { try await cache.set(key, key) }
        #expect(try await cache.keys.all().sorted() == keys.sorted())
        #expect(try await cache.count() == keys.count)
        for start in keys {
            let expected = keys.filter { $0.utf8.starts(with: start.utf8) }
            #expect(try await cache.keys(hasPrefix: start).all().sorted() == expected.sorted(), "\(start)")
        }
        let valueBytes = keys.reduce(0) { $0 + $1.utf8.count + StoredValue.headerLength }
        let keyBytes = keys.reduce(0) { $0 + prefix.utf8.count + $1.utf8.count }
        #expect(try await cache.byteCount() == valueBytes + keyBytes)
        try await cache.removeAll()
        #expect(try await cache.count() == 0)
        #expect(try await cache.raw("DBSIZE").number == Int64(others.count))
    }

    @Test("Thousands of keys are listed exactly once while the server's table grows and shrinks")
    func scanning() async throws {
        let server = try await RedisProcess()
        let cache = try cache(server)
        let keys = (0..<5_000).map { "key \($0)" }
        try await cache.set(keys.map { CacheEntry($0, CacheValue([1])) })
        let passing = (0..<20_000).map { "passing \($0)" }
        try await cache.set(passing.map { CacheEntry($0, CacheValue([2])) })
        var found: [String] = []
        var position = 0
        for try await key in cache.keys {
            found.append(key)
            // Half of them go while the listing is on its way, so that the table is made smaller under it.
            if found.count % 500 == 0, position < passing.count {
                let part = passing[position..<min(position + 2_500, passing.count)]
                position += part.count
                var command = RESPCommand()
                for key in part { command.append("UNLINK", [cache.storedKey(key)]) }
                _ = try await cache.pool.replies(to: command)
            }
        }
        #expect(Set(found).count == found.count)
        #expect(Set(keys).isSubset(of: found))
        #expect(try await cache.count() >= 5_000)
        try await cache.removeAll()
        #expect(try await cache.keys.all().isEmpty)
    }

    @Test("A key that the server tells twice is listed, counted and measured once")
    func toldTwice() async throws {
        let pages =
            ["_\r\n*2\r\n$1\r\n5\r\n*2\r\n$9\r\ngranary:a\r\n$9\r\ngranary:b\r\n"]
            + ["_\r\n*2\r\n$1\r\n0\r\n*3\r\n$9\r\ngranary:b\r\n$9\r\ngranary:c\r\n$9\r\ngranary:c\r\n"]
        let server = try await FakeServer { read, bytes in
            if read == 0 { return ([FakeServer.welcome], false) }
            let said = String(decoding: bytes, as: UTF8.self)
            if said.contains("SCAN") { return ([Array(pages[said.contains("$1\r\n0\r\n") ? 0 : 1].utf8)], false) }
            return (said.split(separator: "STRLEN").dropFirst().map { _ in Array(":100\r\n".utf8) }, false)
        }
        let cache = try RedisCache(url: server.url)
        #expect(try await cache.keys.all() == ["a", "b", "c"])
        #expect(try await cache.count() == 3)
        #expect(try await cache.byteCount() == 3 * 109)
    }

    @Test("Every listing goes its own way from the start")
    func listings() async throws {
        let server = try await RedisProcess()
        let cache = try cache(server)
        try await cache.set((0..<3_000).map { CacheEntry("\($0)", CacheValue([1])) })
        let keys = cache.keys
        var iterator = keys.makeAsyncIterator()
        #expect(try await iterator.next() != nil)
        #expect(try await keys.all().count == 3_000)
        #expect(try await keys.all().count == 3_000)
    }

    @Test("Databases are apart")
    func databases() async throws {
        let server = try await RedisProcess()
        let (first, second) = (try RedisCache(url: server.url("/0")), try RedisCache(url: server.url("/9")))
        try await first.set("key", "first")
        #expect(try await second.get("key") == nil)
        try await second.set("key", "second")
        try await first.removeAll()
        #expect(try await second.bytes("key") == Array("second".utf8))
        let absent = try RedisCache(url: server.url("/99"))
        #expect(await failure { _ = try await absent.get("key") }?.code == .refused)
    }

    @Test("Two caches share what is in the server")
    func sharing() async throws {
        let server = try await RedisProcess()
        let (one, other) = (try cache(server), try cache(server))
        try await one.set("key", "value")
        #expect(try await other.bytes("key") == Array("value".utf8))
    }

    @Test("A cache that is closed says so, and closing twice does nothing")
    func closing() async throws {
        let server = try await RedisProcess()
        let cache = try cache(server)
        try await cache.set("key", "value")
        try await cache.close()
        try await cache.close()
        #expect(await failure { _ = try await cache.get("key") }?.code == .closed)
        #expect(await failure { try await cache.set("key", "value") }?.code == .closed)
        #expect(await failure { _ = try await cache.keys.all() }?.code == .closed)
    }

    @Test("Closing waits for what is on its way")
    func closingWaits() async throws {
        let server = try await RedisProcess()
        let cache = try cache(server)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    do {
                        try await cache.set("key \(number)", "value")
                        return true
                    } catch let error as RedisCacheError where error.code == .closed {
                        return false
                    }
                }
            }
            group.addTask {
                try await cache.close()
                return false
            }
            let stored = try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            let other = try self.cache(server)
            #expect(try await other.count() == stored)
        }
    }

    @Test("Many tasks at once get what they set, over as few connections as allowed", arguments: [1, 3])
    func concurrency(_ connections: Int) async throws {
        let server = try await RedisProcess()
        let cache = try cache(server, RedisCacheOptions(connections: connections))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<64 {
                group.addTask {
                    for round in 0..<30 {
                        let value = CacheValue(bytes((task * 31 + round * 977) % 5_000, seed: UInt64(task)))
                        try await cache.set("key \(task)", to: value)
                        #expect(try await cache.get("key \(task)") == value)
                    }
                }
            }
            try await group.waitForAll()
        }
        let clients = try #require(try await cache.raw("CLIENT", "LIST").content)
        let count = clients.count { $0 == .newline }
        #expect((1...connections).contains(count))
    }
}
