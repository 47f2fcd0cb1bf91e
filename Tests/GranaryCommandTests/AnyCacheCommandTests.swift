import Foundation
import Granary
import GranarySQLite
import SegmentStore
import TestServers
import TestSupport
import Testing

/// The verbs on caches that are not a directory of segments.
@Suite(.inTurnOnOwnThread) struct AnyCacheCommandTests {
    private func withRunner(_ body: (CommandRunner) throws -> Void) throws {
        let runner = try CommandRunner()
        defer { runner.remove() }
        try body(runner)
    }

    /// URLs, in which ROOT stands for a directory, REDIS for a server's host and port, and S3 for a bucket and its endpoint.
    private static let kinds = [
        "sqlite:ROOT/cache.sqlite", "tiered:ROOT/local,sqlite:ROOT/shared.sqlite", "segment:ROOT/s",
        "redis://:hunter2@REDIS/0?prefix=verbs:", "s3://S3", "tiered:ROOT/local,redis://:hunter2@REDIS",
    ]

    private func withCache(_ kind: String, _ body: (CommandRunner, _ cache: String) throws -> Void) async throws {
        var cache = kind
        var runner = try CommandRunner()
        defer { runner.remove() }
        cache = cache.replacing("ROOT", with: runner.directory.path)
        let server = kind.contains("REDIS") ? try await RedisProcess(["--requirepass", "hunter2"]) : nil
        if let server { cache = cache.replacing("REDIS", with: "127.0.0.1:\(server.port)") }
        if kind.contains("S3") {
            runner.environment = ["AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"]
            let bucket = "command-\(UUID().uuidString.lowercased())"
            let moto = try MotoServer.shared()
            try moto.createBucket(bucket)
            cache = cache.replacing("S3", with: "\(bucket)?endpoint=\(moto.endpoint)")
        }
        try withExtendedLifetime(server) { try body(runner, cache) }
    }

    @Test(arguments: kinds)
    func everyVerbWorks(kind: String) async throws {
        try await withCache(kind) { granary, cache in
            let bytes = Data((0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            #expect(try granary.run("set", cache, "a/1", "a value").status == 0)
            #expect(try granary.run("set", cache, "a/2", "--tag", "t", input: bytes).status == 0)
            #expect(try granary.run("set", cache, "--key-base64", Data("b".utf8).base64EncodedString(), "").status == 0)
            #expect(try granary.run("set", cache, "soon gone", "x", "--expires-in", "30d").status == 0)
            #expect(try granary.run("get", cache, "a/1").output == Data("a value".utf8))
            #expect(try granary.run("get", cache, "a/2").output == bytes)
            #expect(try granary.run("get", cache, "b").output == Data())
            let missing = try granary.run("get", cache, "missing")
            #expect(missing.status == 2 && missing.messages == "granary: missing: not found\n")
            let keys = try granary.run("keys", cache, "--prefix", "a/").text.split(separator: "\n").sorted()
            #expect(keys == ["a/1", "a/2"])
            let listed = try object(granary.run("keys", cache, "--format", "json").output)["keys"]
            #expect((listed as? [[String: String]])?.count == 4)
            #expect(try object(granary.run("stats", cache, "--format", "json").output)["entries"] as? Int == 4)
            #expect(try granary.run("stats", cache).text.contains("4"))
            let deleted = try granary.run("delete", cache, "a/1", "missing", "b")
            #expect(deleted.status == 2 && deleted.messages == "granary: missing: not found\n")
            #expect(try granary.run("clear", cache).status == 0)
            #expect(try granary.run("keys", cache).text == "")
        }
    }

    @Test(arguments: kinds)
    func summariesComeFromTheCacheTheSecondTime(kind: String) async throws {
        try await withCache(kind) { granary, cache in
            let file = granary.path("conversations.json")
            let conversations = """
                [{"chat_id": "1", "created_at": "2026-01-01T00:00:00Z", "metadata": {}, "messages": [
                  {"role": "user", "content": "How do I store grain?", "created_at": "2026-01-01T00:00:00Z"},
                  {"role": "assistant", "content": "Dry, and away from mice.", "created_at": "2026-01-01T00:00:01Z"}]}]
                """
            try Data(conversations.utf8).write(to: URL(fileURLWithPath: file))
            let first = try granary.run("summarise", file, "--cache", cache)
            #expect(first.status == 0 && first.messages.contains("0 reused, 1 computed"))
            let second = try granary.run("summarise", file, "--cache", cache, "--read-only")
            #expect(second.status == 0 && second.messages.contains("1 reused, 0 computed"))
            #expect(second.output == first.output)
            #expect(try granary.run("why-miss", file, "--cache", cache).text.contains("1 in the cache, 0 not"))
        }
    }

    @Test func aReadingVerbOnTiersFillsNothingAndSetsWriteToEach() throws {
        try withRunner { granary in
            let (local, shared) = (granary.path("local"), "sqlite:" + granary.path("shared.sqlite"))
            let cache = "tiered:\(local),\(shared)"
            #expect(try granary.run("set", cache, "both", "1").status == 0)
            #expect(try granary.run("get", local, "both").text == "1" && granary.run("get", shared, "both").text == "1")
            #expect(try granary.run("set", shared, "shared", "2").status == 0)
            let got = try granary.run("get", cache, "shared")
            #expect(got.text == "2" && got.messages == "")
            #expect(try granary.run("get", local, "shared").status == 2)
            let tiers = try object(granary.run("stats", cache, "--format", "json").output)["tiers"] as? [[String: Any]]
            #expect(tiers?.compactMap { $0["entries"] as? Int } == [1, 2])
            #expect(tiers?.compactMap { $0["name"] as? String } == [local, shared])
        }
    }

    @Test(arguments: ["get", "keys", "stats", "delete", "clear"])
    func createsNothingWhereThereIsNoCache(verb: String) throws {
        try withRunner { granary in
            let file = granary.path("cache.sqlite")
            let more = ["get": ["key"], "delete": ["key"]][verb] ?? []
            for cache in ["sqlite:\(file)", "tiered:\(granary.store),memory:"] {
                let result = try granary.run([verb, cache] + more)
                #expect(result.status == 1 && result.messages.contains("No such file"))
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: granary.directory.path) == [])
        }
    }

    @Test(
        arguments: [
            ["verify", "CACHE"], ["compact", "CACHE"], ["evict", "CACHE", "--prefix", "p"],
            ["import", "kura", "ROOT/kura", "--cache", "CACHE"], ["set", "memory:", "k", "v", "--size-limit", "1MiB"],
            ["clear", "tiered:ROOT/a,ROOT/b", "--size-limit", "1MiB"], ["get", "CACHE", "--key-base64", "/w=="],
            ["get", "postgres://h", "k"], ["keys", "tiered:"],
        ]
    )
    func whatMakesNoSenseIsBadUsageAndChangesNothing(arguments: [String]) throws {
        try withRunner { granary in
            let file = "sqlite:" + granary.path("cache.sqlite")
            try granary.run("set", file, "k", "v")
            try FileManager.default.createDirectory(atPath: granary.path("kura"), withIntermediateDirectories: true)
            let result = try granary.run(
                arguments.map { $0.replacing("CACHE", with: file).replacing("ROOT", with: granary.directory.path) }
            )
            #expect(result.status == 64 && !result.messages.isEmpty)
            #expect(try granary.run("keys", file).text == "k\n")
        }
    }

    @Test func aSizeLimitHoldsForADatabaseToo() throws {
        try withRunner { granary in
            let file = "sqlite:" + granary.path("cache.sqlite")
            let value = Data((0..<400_000).map { _ in UInt8.random(in: 0...255) })
            for number in 0..<4 { try granary.run("set", file, "\(number)", input: value) }
            let result = try granary.run("set", file, "last", "--size-limit", "1MiB", input: value)
            #expect(result.status == 0 && result.messages.contains("the size limit of 1,048,576 bytes is reached"))
        }
    }

    @Test func aTierThatCannotBeAskedIsNoMiss() throws {
        try withRunner { granary in
            let cache = "tiered:\(granary.store),redis://user:hunter2@127.0.0.1:1/0"
            #expect(try granary.run("set", granary.store, "near", "a value").status == 0)
            #expect(try granary.run("get", cache, "near").text == "a value")
            let result = try granary.run("get", cache, "far")
            #expect(result.status == 1)
            #expect(result.messages.contains("redis://***@127.0.0.1:1/0 could not be asked"), "\(result.messages)")
            #expect(result.messages.contains("reading fails and is left out"), "\(result.messages)")
            #expect(!result.messages.contains("hunter2"))
        }
    }

    @Test func noPasswordIsShownWhateverGoesWrong() throws {
        try withRunner { granary in
            let url = "redis://user:hunter2@127.0.0.1:1/0"
            for arguments in [
                ["get", url, "key"], ["keys", "tiered:\(granary.store),\(url)"], ["verify", url], ["compact", url],
                ["keys", granary.store, url], ["stats", "s3://:hunter2@bucket", "--nonsense"],
                ["set", "nope" + url, "k", "v"],
                ["clear", url, "--size-limit", "1MiB"], ["get", url, "--key-base64", "/w=="],
            ] {
                let result = try granary.run(arguments)
                #expect(result.status != 0 && !result.messages.isEmpty)
                #expect(!result.messages.contains("hunter2") && !result.text.contains("hunter2"), "\(arguments)")
            }
        }
    }
}
