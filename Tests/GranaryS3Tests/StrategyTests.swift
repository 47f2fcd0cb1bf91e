import Foundation
import Granary
import GranaryTesting
import Synchronization
import TestServers
import TestSupport
import Testing

@testable import GranaryS3

/// What the strategy promises, against a server that is not ours.
@Suite(.inTurn) struct StrategyTests {
    @Test func doesWhatEveryStrategyDoes() async throws {
        let cache = try await MotoServer.shared().cache()
        try await cache.set("a/1", to: CacheValue([1], coding: .json))
        try await cache.set([CacheEntry("a/2", CacheValue([2])), CacheEntry("b", CacheValue([]))])
        #expect(try await cache.get("a/1") == CacheValue([1], coding: .json))
        #expect(try await cache.get(["b", "c", "a/2", "b"]) == [CacheValue([]), nil, CacheValue([2]), CacheValue([])])
        #expect(try await cache.hit("a/1") == CacheHit(CacheValue([1], coding: .json), end: .never))
        #expect(try await cache.count() == 3)
        #expect(try await cache.byteCount() == 3 * StoredValue.headerLength + 2)
        #expect(try await cache.keys(hasPrefix: "a/").all().sorted() == ["a/1", "a/2"])
        #expect(try await cache.keys.all().sorted() == ["a/1", "a/2", "b"])
        try await cache.set("a/1", to: CacheValue([9], coding: .text))
        #expect(try await cache.get("a/1") == CacheValue([9], coding: .text))
        #expect(try await cache.remove("a/1"))
        #expect(try await !cache.remove("a/1"))
        #expect(try await cache.get("a/1") == nil)
        let statistics = try await cache.statistics()
        #expect(statistics.hits == 6 && statistics.misses == 2 && statistics.sets == 4 && statistics.damaged == 0)
        try await cache.flush()
        try await cache.removeAll()
        #expect(try await cache.count() == 0)
        #expect(try await cache.get("b") == nil)
        try await cache.close()
        try await cache.close()
        #expect(await failure { _ = try await cache.get("b") }?.code == .closed)
    }

    @Test func givesNothingBackThatHasExpired() async throws {
        let time = ManualClock()
        let cache = try await MotoServer.shared().cache { $0.clock = time.clock }
        let options = CacheSetOptions(expiry: .after(.seconds(10)))
        let long = String(repeating: "long", count: 100)
        for key in ["a", "b", long] { try await cache.set(key, to: CacheValue([1]), options: options) }
        try await cache.set("never", to: CacheValue([2]))
        try await cache.set("past", to: CacheValue([3]), options: CacheSetOptions(expiry: .after(.seconds(-1))))
        #expect(try await cache.get("past") == nil)
        time.advance(by: 9_999)
        #expect(try await cache.hit("a") == CacheHit(CacheValue([1]), end: .at(time.now + 1)))
        #expect(try await cache.object("a")?.header("x-amz-meta-granary-expiry") == "\(time.now + 1)")
        #expect(try await cache.keys.all().sorted() == ["a", "b", long, "never"])
        time.advance(by: 1)
        #expect(try await cache.hits(["a", long, "never"]) == [nil, nil, CacheHit(CacheValue([2]), end: .never)])
        #expect(try await cache.keys.all() == ["never"])
        #expect(try await !cache.remove("b"))
        #expect(try await cache.object("b") == nil)
    }

    @Test func keepsStrangeAndLongKeysApart() async throws {
        let cache = try await MotoServer.shared().cache()
        var random = SeededGenerator(seed: 7)
        var keys = [
            ".", "..", "/", "//", "a/../b", "a//b", "a/b/", " ", "+", "%", "%2F", "~", "é", "e\u{301}", "!sha256-",
            "?x=1&y",
            "#", "\n", "\u{0}", String(repeating: "k", count: 255), String(repeating: "k", count: 256),
            String(repeating: "é", count: 32_767) + "x",
        ]
        keys += (0..<40).map { _ in random.strangeText(upTo: 200) }
        var seen: Set<[UInt8]> = []
        keys = keys.filter { seen.insert(Array($0.utf8)).inserted }
        let entries = keys.map { CacheEntry($0, CacheValue(Array($0.utf8.suffix(1_000)))) }
        try await cache.set(entries)
        #expect(try await cache.get(keys) == entries.map(\.value))
        #expect(try await cache.count() == keys.count)
        let listed = try await cache.keys.all()
        #expect(Set(listed.map { Array($0.utf8) }) == seen && listed.count == keys.count)
        let beginning = try await cache.keys(hasPrefix: "k").all()
        #expect(Set(beginning) == Set(keys.filter { $0.utf8.first == UInt8(ascii: "k") }) && beginning.count == 2)
        let long = String(repeating: "é", count: 300)
        #expect(try await cache.keys(hasPrefix: long).all() == keys.filter { $0.utf8.starts(with: long.utf8) })
        for key in keys.prefix(22) { #expect(try await cache.remove(key)) }
        #expect(try await cache.count() == keys.count - 22)
    }

    @Test func refusesKeysAndValuesThatDoNotFit() async throws {
        let cache = try await MotoServer.shared().cache { $0.longestValue = 100 }
        for key in ["", String(repeating: "k", count: 65_536)] {
            #expect(await failure { try await cache.set(key, to: CacheValue([])) }?.code == .invalidKey)
            #expect(try await cache.get(key) == nil)
            #expect(try await !cache.remove(key))
        }
        let error = await failure { try await cache.set("k", to: CacheValue(Array(repeating: 1, count: 101))) }
        #expect(error?.code == .valueTooLarge)
        #expect(try await cache.get("k") == nil)
        try await cache.set("k", to: CacheValue(Array(repeating: 1, count: 100)))
        #expect(try await cache.get("k")?.bytes.count == 100)
    }

    @Test func takesForeignDamagedAndMisplacedObjectsForMisses() async throws {
        let server = try MotoServer.shared()
        let cache = try await server.cache { $0.longestValue = 100 }
        try await cache.set("key", to: CacheValue([1, 2, 3], coding: .json))
        let whole = try #require(try await cache.object("key")?.body)
        try await cache.putForeign("other", whole)
        try await cache.putForeign("empty", [])
        try await cache.putForeign("huge", Array(repeating: 0, count: 1 << 20))
        for place in whole.indices {
            var changed = whole
            changed[place] ^= 0x10
            try await cache.putForeign("key", changed)
            #expect(try await cache.get("key") == nil)
        }
        try await cache.putForeign("key", whole.dropLast())
        #expect(try await cache.get(["key", "other", "empty", "huge"]) == [nil, nil, nil, nil])
        let statistics = try await cache.statistics()
        #expect(
            statistics.damaged == whole.count + 4 && statistics.misses == statistics.damaged && statistics.hits == 0
        )
        try await cache.putForeign("key", whole)
        #expect(try await cache.get("key") == CacheValue([1, 2, 3], coding: .json))
        let long = String(repeating: "k", count: 300)
        try await cache.set(long, to: CacheValue([1]))
        try await cache.putForeign(ObjectName(key: long).text, [1, 2, 3])
        #expect(try await cache.get(long) == nil)
        #expect(try await cache.keys.all().sorted() == ["empty", "huge", "key", "other"])
    }

    @Test func listsAndRemovesByTheThousandAndLeavesWhatBelongsToOthers() async throws {
        let server = try MotoServer.shared()
        let cache = try await server.cache(prefix: "a/b")
        let above = try await server.cache(prefix: "a/", bucket: cache.client.place.bucket)
        let root = try await server.cache(prefix: "", bucket: cache.client.place.bucket)
        let keys = (0..<2_050).map { "key/\($0)" }
        try await cache.set(keys.map { CacheEntry($0, CacheValue([0])) })
        try await cache.putForeign("no entry", [1])
        try await cache.putForeign("deeper/key", [1])
        try await above.set("b", to: CacheValue([1]))
        try await root.set("a", to: CacheValue([1]))
        #expect(try await cache.count() == 2_050)
        #expect(try await cache.byteCount() == 2_050 * (StoredValue.headerLength + 1))
        #expect(try await cache.keys(hasPrefix: "key/20").all().count == 61)
        #expect(try await Set(cache.keys.all()) == Set(keys))
        #expect(try await above.keys.all() == ["b"])
        #expect(try await root.count() == 1)
        try await cache.removeAll()
        #expect(try await cache.count() == 0)
        #expect(try await cache.object("no entry") != nil)
        #expect(try await cache.object("deeper/key") != nil)
        #expect(try await above.get("b") == CacheValue([1]))
        #expect(try await root.get("a") == CacheValue([1]))
    }

    @Test func storesTheLaterOfTwoEntriesWithOneKey() async throws {
        let cache = try await MotoServer.shared().cache()
        for round in UInt8(0)..<20 {
            try await cache.set((0...round).map { CacheEntry("key", CacheValue([$0])) })
            #expect(try await cache.get("key") == CacheValue([round]))
        }
    }

    @Test func storesUnderAnAbsentKeyOnceOnly() async throws {
        let time = ManualClock()
        let server = try MotoServer.shared()
        let cache = try await server.cache { $0.clock = time.clock }
        let other = try await server.cache(bucket: cache.client.place.bucket) { $0.clock = time.clock }
        let options = CacheSetOptions(expiry: .after(.seconds(1)))
        #expect(try await cache.setIfAbsent("key", to: CacheValue([1]), options: options))
        #expect(try await !other.setIfAbsent("key", to: CacheValue([2])))
        #expect(try await other.get("key") == CacheValue([1]))
        time.advance(by: 1_000)
        // What has ended is absent.
        #expect(try await other.setIfAbsent("key", to: CacheValue([3]), options: options))
        #expect(try await !cache.setIfAbsent("key", to: CacheValue([4])))
        #expect(try await cache.get("key") == CacheValue([3]))
        #expect(try await cache.statistics().sets == 1)
    }

    @Test func replacesWhatIsNoEntryUnderAnAbsentKey() async throws {
        let cache = try await MotoServer.shared().cache { $0.longestValue = 100 }
        let long = String(repeating: "k", count: 300)
        for key in ["key", long] {
            let name = ObjectName(key: key).text
            try await cache.set(key, to: CacheValue([1]))
            var damaged = try #require(try await cache.object(name)?.body)
            damaged[damaged.count - 1] ^= 1
            for foreign in [damaged, [], [1, 2, 3]] {
                try await cache.putForeign(name, foreign)
                #expect(try await cache.get(key) == nil)
                #expect(try await cache.setIfAbsent(key, to: CacheValue([2])))
                #expect(try await cache.get(key) == CacheValue([2]))
                #expect(try await !cache.setIfAbsent(key, to: CacheValue([3])))
            }
        }
    }

    @Test func leavesAnObjectAloneThatIsTooLongToBeReadUnderAnAbsentKey() async throws {
        let cache = try await MotoServer.shared().cache { $0.longestValue = 100 }
        let foreign = [UInt8](repeating: 0, count: 1 << 20)
        try await cache.putForeign("key", foreign)
        #expect(try await !cache.setIfAbsent("key", to: CacheValue([1])))
        #expect(try await cache.object("key")?.body == foreign)
        try await cache.set("key", to: CacheValue([2]))
        #expect(try await cache.get("key") == CacheValue([2]))
    }

    @Test func replacesADamagedObjectOnlyIfNobodyElseHas() async throws {
        let whole = StoredValue(CacheValue([1])).encoded(forKey: "key")
        let puts = Atomic(0)
        let server = try await ScriptedServer { request, _ in
            let number = puts.load(ordering: .relaxed)
            guard request.method == "PUT" else {
                // Another writer mends it between the two requests.
                let body = number == 1 ? Array(whole.dropLast()) : whole
                return .bytes(ScriptedServer.response(200, body, headers: ["ETag: \"\(number)\""]))
            }
            puts.add(1, ordering: .relaxed)
            return .bytes(ScriptedServer.failure(412, "PreconditionFailed"))
        }
        let credentials = try S3Credentials(accessKey: "A", secretKey: "S")
        let options = S3CacheOptions(endpoint: server.endpoint, credentials: credentials, environment: [:])
        let cache = try S3Cache(bucket: "bucket", options: options)
        #expect(try await !cache.setIfAbsent("key", to: CacheValue([2])))
        #expect(server.requests.map(\.method) == ["PUT", "GET", "PUT", "GET"])
        #expect(server.requests.last { $0.method == "PUT" }?.headers["if-match"] == "\"1\"")
    }

    @Test func sharesOneBucketAmongOpeners() async throws {
        let server = try MotoServer.shared()
        let cache = try await server.cache()
        let other = try await server.cache(bucket: cache.client.place.bucket)
        try await cache.set("key", to: CacheValue([1]))
        #expect(try await other.get("key") == CacheValue([1]))
        try await other.remove("key")
        #expect(try await cache.get("key") == nil)
    }

    @Test func tellsThatTheBucketIsMissing() async throws {
        let cache = try await MotoServer.shared().cache(bucket: "no-such-bucket")
        for body: @Sendable () async throws -> Void in [
            { _ = try await cache.get("key") }, { try await cache.set("key", to: CacheValue([])) },
            { _ = try await cache.count() }, { _ = try await cache.keys.all() }, { try await cache.removeAll() },
            { _ = try await cache.remove("key") },
        ] {
            let error = await failure(of: body)
            #expect(error?.code == .noSuchBucket)
            #expect(error.map { "\($0)".contains("create the bucket no-such-bucket") } ?? false)
        }
    }
}
