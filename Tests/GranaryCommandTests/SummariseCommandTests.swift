import Foundation
import TestSupport
import Testing

/// `granary summarise`, as a process.
@Suite(.inTurnOnOwnThread) struct SummariseCommandTests {
    private func withRunner(_ body: (CommandRunner) throws -> Void) throws {
        let runner = try CommandRunner()
        defer { runner.remove() }
        try body(runner)
    }

    private let conversations = """
        [{"chat_id": "a", "messages": [{"role": "user", "content": "How do I bake bread? It is too dense."},
          {"role": "assistant", "content": "Let the dough rise longer. Warm water helps."}], "metadata": {"n": 1.0}},
         {"chat_id": "b", "messages": [{"role": "user", "content": "How do I bake bread? It is too dense."},
          {"role": "assistant", "content": "Let the dough rise longer. Warm water helps."}], "metadata": {"n": 1e400}},
         {"chat_id": "a", "messages": []}]
        """

    private func write(_ text: String, _ runner: CommandRunner) throws -> String {
        let path = runner.path("conversations.json")
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test func reusesEverythingTheSecondTimeWithTheSameOutput() throws {
        try withRunner { granary in
            let file = try write(conversations, granary)
            let first = try granary.run("summarise", file, "--cache", granary.store)
            #expect(first.status == 0)
            #expect(first.messages.hasSuffix(" s\n"))
            #expect(first.messages.contains("3 conversations: 1 reused, 2 computed, 0 failed in "))
            let second = try granary.run("summarise", file, "--cache", granary.store)
            #expect(second.messages.contains("3 conversations: 3 reused, 0 computed, 0 failed in "))
            #expect(second.output == first.output)
            #expect(first.text.contains("\"n\":1e400") && first.text.contains("\"n\":1.0"))
            let toFile = try granary.run("summarise", file, "--cache", granary.store, "--output", granary.path("out"))
            #expect(toFile.output.isEmpty)
            #expect(try Data(contentsOf: URL(fileURLWithPath: granary.path("out"))) == first.output)
        }
    }

    @Test func theOutputMayGoWhereTheCacheMakesTheDirectory() throws {
        try withRunner { granary in
            let file = try write(conversations, granary)
            let (cache, output) = (granary.path("new/cache"), granary.path("new/summaries.json"))
            #expect(try granary.run("summarise", file, "--cache", cache, "--output", output).status == 0)
            #expect(FileManager.default.fileExists(atPath: output))
        }
    }

    @Test func reportsAsOneJSONObject() throws {
        try withRunner { granary in
            let small = #"[{"chat_id": "a", "messages": [{"role": "user", "content": "hello"}]}]"#
            let file = try write(small, granary)
            let report = try object(granary.run("summarise", file, "--cache", granary.store, "--format", "json").output)
            #expect(report["conversations"] as? Int == 1 && report["computed"] as? Int == 1)
            #expect(report["reused"] as? Int == 0 && report["failed"] as? Int == 0)
            #expect(report["seconds"] is Double && report["cache_seconds"] is Double)
            #expect((report["summaries"] as? [[String: Any]])?.first?["chat_id"] as? String == "a")
        }
    }

    @Test func anEmptyArrayIsASuccessOfNone() throws {
        try withRunner { granary in
            let result = try granary.run("summarise", try write("\u{FEFF}[]", granary), "--cache", granary.store)
            #expect(result.status == 0 && result.text == "[]\n")
            #expect(result.messages.contains("0 conversations: 0 reused, 0 computed, 0 failed in 0.0 s"))
        }
    }

    @Test(
        arguments: [
            "", "[", "{}", "[{}]", "[1]", #"[{"chat_id": "a"}]"#, #"[{"chat_id": 1, "messages": []}]"#,
            #"[{"chat_id": "a", "messages": [{"role": "user", "content": null}]}]"#,
            #"[{"chat_id": "a", "messages": [{"content": "x"}]}]"#,
            #"[{"chat_id": "a", "messages": [{"role": "user", "content": "\ud800"}]}]"#,
            String(repeating: "[", count: 100_000),
            #"[{"chat_id": "a", "messages": [], "metadata": {"x": "# + String(repeating: "[", count: 100_000),
        ]
    )
    func refusesAMalformedFileAndLeavesTheCacheUsable(text: String) throws {
        try withRunner { granary in
            try granary.run("set", granary.store, "key", "value")
            let result = try granary.run("summarise", try write(text, granary), "--cache", granary.store)
            #expect(result.status == 1 && result.output.isEmpty)
            #expect(result.messages.contains("conversation") || result.messages.contains("byte"))
            #expect(try granary.run("get", granary.store, "key").text == "value")
        }
    }

    @Test func refusesBytesThatAreNoUTF8() throws {
        try withRunner { granary in
            let path = granary.path("file")
            for bytes in [[0xFF, 0xFE, 0x5B, 0], Array(#"[{"chat_id": ""#.utf8) + [0xC3, 0x28] + Array("\"}]".utf8)] {
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                #expect(try granary.run("summarise", path, "--cache", granary.store).status == 1)
            }
        }
    }

    @Test func aCacheThatCannotBeOpenedIsAFailure() throws {
        try withRunner { granary in
            let file = try write(conversations, granary)
            let result = try granary.run("summarise", file, "--cache", file)
            #expect(result.status == 1 && result.messages.contains(file) && result.output.isEmpty)
        }
    }
}
