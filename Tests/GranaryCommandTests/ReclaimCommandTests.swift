import Foundation
import SegmentStore
import TestSupport
import Testing

/// The size limit, and the verbs that win disk space back.
@Suite(.inTurnOnOwnThread) struct ReclaimCommandTests {
    private func withRunner(_ body: (CommandRunner) throws -> Void) throws {
        let runner = try CommandRunner()
        defer { runner.remove() }
        try body(runner)
    }

    private func incompressible(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: .min ... .max) } }

    private func withStore(
        _ granary: CommandRunner,
        clock: StoreClock = .system,
        _ body: (SegmentStore) throws -> Void
    ) throws {
        let store = try SegmentStore(directory: granary.store, options: StoreOptions(clock: clock))
        try body(store)
        try store.close()
    }

    private func keys(_ granary: CommandRunner) throws -> [String] {
        try granary.run("keys", granary.store).text.split(separator: "\n").map(String.init).sorted()
    }

    // MARK: The limit

    @Test func neverTakesMoreThanTheLimitAndSaysWhenEntriesLeave() throws {
        try withRunner { granary in
            var notes = ""
            for number in 0..<30 {
                try Data(incompressible(100_000)).write(to: URL(fileURLWithPath: granary.path("file")))
                let result = try granary.run(
                    "set",
                    granary.store,
                    "key-\(number)",
                    "--file",
                    granary.path("file"),
                    "--size-limit",
                    "1MiB"
                )
                #expect(result.status == 0 && result.output.isEmpty)
                #expect(granary.allocatedBytes <= 1 << 20)
                notes += result.messages
            }
            #expect(notes.contains("\(granary.store): the size limit of 1,048,576 bytes is reached"))
            #expect(notes.contains("entries left"))
            let left = try keys(granary)
            #expect(left.contains("key-29") && left.count < 30)
        }
    }

    @Test func aLargerStoreShrinksWhenItIsWrittenToUnderALimit() throws {
        try withRunner { granary in
            try withStore(granary) { store in
                for number in 0..<8_000 { try store.set("key-\(number)", to: incompressible(1_000)) }
            }
            #expect(granary.allocatedBytes > 8 << 20)
            let result = try granary.run("set", granary.store, "new", "value", "--size-limit", "4MiB")
            #expect(result.status == 0 && result.messages.contains("the size limit of 4,194,304 bytes is reached"))
            #expect(granary.allocatedBytes <= 4 << 20)
            #expect(try granary.run("get", granary.store, "new").text == "value")
        }
    }

    @Test func aValueTooLargeForTheLimitIsAFailureThatSaysSo() throws {
        try withRunner { granary in
            try granary.run("set", granary.store, "key", "value")
            try Data(incompressible(200_000)).write(to: URL(fileURLWithPath: granary.path("file")))
            let result = try granary.run(
                "set",
                granary.store,
                "key",
                "--file",
                granary.path("file"),
                "--size-limit",
                "1MiB"
            )
            #expect(result.status == 1 && result.messages.contains("with a size limit of 1048576 bytes"))
            #expect(try granary.run("get", granary.store, "key").text == "value")
        }
    }

    @Test(
        arguments: [
            ("1048576", 0), ("1MiB", 0), ("1024kib", 0), ("2MB", 0), ("2000kB", 0), ("20gb", 0), ("1TiB", 0),
            ("1TB", 0), ("1048575", 64), ("1023KiB", 64), ("1MB", 64), ("0", 64), ("", 64), ("MiB", 64), ("-1", 64),
            ("1.5GiB", 64), ("1 GiB", 64), ("512M", 64), ("9223372036854775808", 64), ("9223372036854775807KiB", 64),
        ] as [(String, Int32)]
    )
    func takesALimitOfAMebibyteOrMore(size: String, status: Int32) throws {
        try withRunner { granary in
            let result = try granary.run("set", granary.store, "key", "value", "--size-limit=\(size)")
            #expect(result.status == status)
            #expect(FileManager.default.fileExists(atPath: granary.store) == (status == 0))
            if status != 0 { #expect(result.messages.contains("size-limit")) }
        }
    }

    @Test(
        arguments: [
            ["set", "STORE", "key", "v"], ["delete", "STORE", "key"], ["clear", "STORE"], ["compact", "STORE"],
            ["evict", "STORE", "--prefix", "key"], ["summarise", "FILE", "--cache", "STORE"],
        ]
    )
    func everyVerbThatWritesTakesALimit(arguments: [String]) throws {
        try withRunner { granary in
            try granary.run("set", granary.store, "key", "value")
            try Data("[]".utf8).write(to: URL(fileURLWithPath: granary.path("file")))
            for (size, status) in [("1MiB", Int32(0)), ("1000000", 64)] {
                let process = granary.process(
                    arguments.map { ["STORE": granary.store, "FILE": granary.path("file")][$0] ?? $0 }
                        + ["--size-limit", size]
                )
                process.standardOutput = FileHandle.nullDevice
                process.standardError = FileHandle.nullDevice
                try process.run()
                process.waitUntilExit()
                #expect(process.terminationStatus == status)
            }
        }
    }

    @Test func summarisesWithinTheLimit() throws {
        try withRunner { granary in
            let conversations = (0..<3_000).map { number in
                let words = (0..<60).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }
                return """
                    {"chat_id": "\(number)", "messages": [{"role": "user", "content": "\(words.joined(separator: " "))?"}]}
                    """
            }
            let file = granary.path("conversations.json")
            try Data("[\(conversations.joined(separator: ","))]".utf8).write(to: URL(fileURLWithPath: file))
            let result = try granary.run("summarise", file, "--cache", granary.store, "--size-limit", "1MiB")
            #expect(result.status == 0 && result.messages.contains("3,000 computed, 0 failed"))
            #expect(result.messages.contains("the size limit of 1,048,576 bytes is reached"))
            #expect(!result.messages.contains("the cache failed"))
            #expect(granary.allocatedBytes <= 1 << 20)
        }
    }

    // MARK: Compacting

    @Test(arguments: [false, true])
    func compactWinsBackTheSpaceOfWhatIsGoneAndKeepsEverythingElse(byExpiry: Bool) throws {
        try withRunner { granary in
            let values = (0..<4_000).map { _ in incompressible(1_000) }
            // Half of them end an hour after they are set, a day ago; or are removed.
            let yesterday = StoreClock.system.milliseconds() - 86_400_000
            try withStore(granary, clock: StoreClock { yesterday }) { store in
                for (number, value) in values.enumerated() {
                    let ends = byExpiry && number % 2 == 0
                    let options = SetOptions(expiry: ends ? yesterday + 3_600_000 : nil)
                    try store.set("key-\(number)", to: value, options: options)
                }
                if !byExpiry { for number in stride(from: 0, to: 4_000, by: 2) { try store.remove("key-\(number)") } }
            }
            let before = granary.allocatedBytes
            let result = try object(granary.run("compact", granary.store, "--format", "json").output)
            let shrunk = try #require(result["shrunk_bytes"] as? Int)
            #expect(shrunk == before - granary.allocatedBytes && shrunk > 1_500_000)
            #expect(try granary.run("verify", granary.store).status == 0)
            try withStore(granary) { store in
                #expect(store.count == 2_000)
                for (number, value) in values.enumerated() {
                    let stored = try store.get("key-\(number)")
                    #expect(stored == (number % 2 == 0 ? nil : value))
                }
            }
            let again = try granary.run("compact", granary.store)
            #expect(again.status == 0 && again.text == "0 bytes won back\n")
        }
    }

    // MARK: Evicting

    @Test func evictsWhatEveryConditionHoldsFor() throws {
        try withRunner { granary in
            let day: UInt64 = 86_400_000
            for (age, name) in [(40, "old"), (20, "young")] as [(UInt64, String)] {
                let clock = StoreClock { StoreClock.system.milliseconds() - age * day }
                try withStore(granary, clock: clock) { store in
                    for kind in ["draft", "final"] {
                        for tag in ["a", "b"] {
                            let options = SetOptions(tag: Array(tag.utf8))
                            try store.set("\(kind)/\(name)-\(tag)", to: [1], options: options)
                        }
                    }
                }
            }
            let all = try granary.run(
                "evict",
                granary.store,
                "--prefix",
                "draft/",
                "--tag",
                "a",
                "--older-than",
                "30d"
            )
            #expect(all.status == 0 && all.text.hasPrefix("1 entries removed, ") && all.text.hasSuffix(" won back\n"))
            #expect(try keys(granary).count == 7 && !keys(granary).contains("draft/old-a"))
            let none = try granary.run("evict", granary.store, "--tag", "a", "--older-than", "41d")
            #expect(none.status == 0 && none.text.hasPrefix("0 entries removed, "))
            #expect(try granary.run("evict", granary.store, "--tag", "b").text.hasPrefix("4 entries removed, "))
            #expect(try keys(granary) == ["draft/young-a", "final/old-a", "final/young-a"])
            try granary.run("evict", granary.store, "--older-than", "720h")
            #expect(try keys(granary) == ["draft/young-a", "final/young-a"])
            try granary.run("evict", granary.store, "--prefix", "final/")
            #expect(try keys(granary) == ["draft/young-a"])
            // Longer than there has been a clock.
            #expect(try granary.run("evict", granary.store, "--older-than", "36525000d").status == 0)
            #expect(try keys(granary) == ["draft/young-a"])
        }
    }

    @Test func theDirectoryShrinksByWhatIsEvicted() throws {
        try withRunner { granary in
            try withStore(granary) { store in
                for number in 0..<4_000 {
                    try store.set("\(number % 4 == 0 ? "kept" : "gone")/\(number)", to: incompressible(1_000))
                }
            }
            let before = granary.allocatedBytes
            let result = try object(
                granary.run("evict", granary.store, "--prefix", "gone/", "--format", "json").output
            )
            #expect(result["removed_entries"] as? Int == 3_000)
            let shrunk = try #require(result["shrunk_bytes"] as? Int)
            #expect(shrunk == before - granary.allocatedBytes && shrunk > 2_500_000)
            let left = try keys(granary)
            #expect(left.count == 1_000 && left.allSatisfy { $0.hasPrefix("kept/") })
            #expect(try granary.run("verify", granary.store).status == 0)
        }
    }

    @Test(
        arguments: [
            [], ["--prefix", ""], ["--tag", ""], ["--tag", String(repeating: "t", count: 256)],
            ["--older-than", "soon"], ["--older-than", "30"], ["--older-than", "0d"],
        ]
    )
    func evictsNothingWithoutACondition(conditions: [String]) throws {
        try withRunner { granary in
            try granary.run("set", granary.store, "key", "value")
            let process = granary.process(["evict", granary.store] + conditions)
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 64)
            #expect(try keys(granary) == ["key"])
        }
    }

    // MARK: Figures

    @Test func statsShowWhatReclamationDid() throws {
        try withRunner { granary in
            try granary.run("set", granary.store, "key", "value")
            let json = try object(granary.run("stats", granary.store, "--format", "json").output)
            let names = [
                "evictions", "expired", "carried", "carried_bytes", "reclaimed_bytes", "reclaim_microseconds", "waits",
                "longest_wait_microseconds", "wait_microseconds", "ghost_hits", "ghosts", "ghost_bytes",
            ]
            // They are those of this opening, which has only read.
            for name in names where name != "ghost_bytes" { #expect(json[name] as? Int == 0, "\(name)") }
            #expect(json["ghost_bytes"] is Int)
            let text = try granary.run("stats", granary.store).text
            for name in names { #expect(text.contains("\n\(name.replacing("_", with: " ")) "), "\(name)") }
        }
    }
}
