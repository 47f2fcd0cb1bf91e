import Foundation
import Testing

/// `granary summarise` with a model behind a real server, as processes.
@Suite struct ChatCommandTests {
    private static let server = Result { try ChatServer() }
    private let server: ChatServer
    private let run = UUID().uuidString

    init() throws { server = try Self.server.get() }

    private static let key = "test-key-123"

    private func withRunner(_ script: String, _ body: (CommandRunner) throws -> Void) throws {
        var runner = try CommandRunner()
        defer { runner.remove() }
        runner.environment = ["OPENAI_BASE_URL": server.url(script, run: run), "OPENAI_API_KEY": Self.key]
        try body(runner)
    }

    private func write(_ count: Int, _ runner: CommandRunner, words: String = "text") throws -> String {
        let conversations = (0..<count).map { number in
            ["chat_id": "id-\(number)", "messages": [["role": "user", "content": "\(words) \(number)"]]]
                as [String: Any]
        }
        let path = runner.path("conversations.json")
        try JSONSerialization.data(withJSONObject: conversations).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test func paysOnceAndSaysWhatWasPaidAndSaved() throws {
        try withRunner("ok") { granary in
            let file = try write(5, granary)
            let prices = granary.path("prices.json")
            try Data(#"{"test/model": {"prompt": 1000, "completion": 2000}}"#.utf8)
                .write(to: URL(fileURLWithPath: prices))
            func report(_ arguments: String...) throws -> [String: Any] {
                let process = [
                    "summarise", file, "--cache", granary.store, "--model", "test/model", "--format", "json",
                ]
                let result = try granary.run(process + arguments)
                #expect(result.status == 0, "\(result.messages)")
                return try object(result.output)
            }
            let first = try report()
            #expect(first["computed"] as? Int == 5 && first["calls"] as? Int == 5 && first["tokens"] as? Int == 600)
            #expect(first["dollars_paid"] == nil)
            let second = try report("--prices", prices)
            #expect(second["reused"] as? Int == 5 && second["calls"] as? Int == 0 && second["tokens"] as? Int == 0)
            #expect(second["saved_tokens"] as? Int == 600 && second["dollars_saved"] as? Double == 0.7)
            #expect(second["seconds"] is Double && second["cache_seconds"] is Double)
            #expect(try server.journal(run).entries.count == 5)
            let text = try granary.run(
                ["summarise", file, "--cache", granary.store, "--model", "test/model", "--prices", prices])
            #expect(text.messages.contains("0 calls: 0 tokens ($0.0000) paid, 600 tokens ($0.7000) saved\n"))
        }
    }

    @Test func theKeyStaysOutOfLogsAndFiles() throws {
        try withRunner("ok,echokey") { granary in
            let file = try write(2, granary)
            let result = try granary.run(
                "summarise",
                file,
                "--cache",
                granary.store,
                "--model",
                "test/model",
                "--log-level",
                "trace"
            )
            #expect(result.status == 1)
            #expect(result.messages.contains("Starting summarization of 2 conversations using test/model"))
            #expect(result.messages.contains("Generated 1 raw summaries"))
            #expect(!result.messages.contains(Self.key) && !result.text.contains(Self.key))
            for segment in granary.segments {
                #expect(try Data(contentsOf: segment).range(of: Data(Self.key.utf8)) == nil)
            }
            let again = try granary.run(
                "summarise",
                file,
                "--cache",
                granary.store,
                "--model",
                "test/model",
                "--offline",
                "--log-level",
                "debug"
            )
            #expect(again.status == 1)
            #expect(again.messages.contains("Found cached summary for conversation id-"))
        }
    }

    @Test func aRefusedKeyIsOneClearErrorAfterFewCalls() throws {
        try withRunner("401") { granary in
            let file = try write(100, granary)
            let result = try granary.run("summarise", file, "--cache", granary.store, "--model", "test/model")
            #expect(result.status == 1)
            #expect(result.messages.contains("stopped, for every call would fail: the server refuses the key (401"))
            #expect(result.messages.contains("96 conversations were not tried"))
            #expect(try server.journal(run).entries.count == 4)
        }
    }

    @Test(arguments: [
        ["--cache", "c", "--no-cache"], [], ["--cache", "c", "--offline", "--refresh"],
        ["--cache", "c", "--temperature", "1"], ["--cache", "c", "--model", "nothing"],
        ["--cache", "c", "--model", "a/b", "--extra", "x"], ["--cache", "c", "--model", "a/b", "--extra", "x=y"],
        ["--cache", "c", "--model", "a/b", "--extra", "model=1"], ["--cache", "c", "--model", "a/b", "--timeout", "0"],
        ["--cache", "c", "--model", "a/b", "--temperature", "3"], ["--cache", "c", "--namespace", ""],
        ["--cache", "c", "--model", "a/b", "--concurrency", "0"],
        ["--cache", "c", "--model", "a/b", "--base-url", "x"],
    ])
    func refusesBadUsage(arguments: [String]) throws {
        try withRunner("ok") { granary in
            let file = try write(1, granary)
            #expect(try granary.run(["summarise", file] + arguments).status == 64)
        }
    }

    @Test func saysWhyAConversationMissed() throws {
        try withRunner("ok") { granary in
            let file = try write(2, granary)
            let model = ["--model", "test/model", "--temperature", "0.2"]
            #expect(try granary.run(["summarise", file, "--cache", granary.store] + model).status == 0)
            let hit = try granary.run(["why-miss", file, "--cache", granary.store] + model)
            #expect(hit.text == "2 conversations: 2 in the cache, 0 not\n")
            let other = ["--model", "test/model", "--temperature", "0.3", "--extra", "seed=7"]
            let missed = try granary.run(["why-miss", file, "--cache", granary.store] + other)
            #expect(missed.status == 0)
            #expect(
                missed.text.contains("  field seed: 7 here, none there\n  field temperature: 0.3 here, 0.2 there\n")
            )
            #expect(missed.text.hasSuffix("2 conversations: 0 in the cache, 2 not\n"))
            let new = try granary.run(
                ["why-miss", try write(1, granary, words: "new"), "--cache", granary.store, "--format", "json"] + model
            )
            let misses = try #require(try object(new.output)["misses"] as? [[String: Any]])
            #expect(misses.count == 1 && misses[0]["nearest_key"] == nil)
            #expect(try server.journal(run).entries.count == 2)
        }
    }

    @Test func explainsKeys() throws {
        try withRunner("ok") { granary in
            let file = try write(1, granary)
            let arguments = ["explain-key", file, "--model", "test/model", "--namespace", "tickets"]
            let text = try granary.run(arguments).text
            #expect(text.hasPrefix("0 id-0: tickets/"))
            #expect(text.contains("\n  model: test/model\n") && text.contains("\n  sample: 0\n"))
            #expect(try granary.run(["summarise", file, "--cache", granary.store] + arguments[2...]).status == 0)
            let keys = try granary.run("keys", granary.store).text
            let explained = try object(granary.run(arguments + ["--format", "json"]).output)
            let first = try #require((explained["conversations"] as? [[String: Any]])?.first)
            #expect(keys == "\(first["key"] ?? "")\n")
        }
    }

    @Test(arguments: 0..<20)
    func aKilledRunIsPaidForOnce(round: Int) throws {
        let (count, concurrency) = (60, 10)
        try withRunner("ok20") { granary in
            let file = try write(count, granary)
            let arguments = [
                "summarise", file, "--cache", granary.store, "--model", "test/model", "--concurrency", "\(concurrency)",
            ]
            let process = granary.process(arguments)
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            // Spread over the whole run, from before the first answer to after the last but few.
            while process.isRunning, try server.journal(run).entries.count < round * 3 {}
            let killed = DispatchTime.now().uptimeNanoseconds
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            let result = try granary.run(arguments)
            #expect(result.status == 0, "\(result.messages)")
            let entries = try server.journal(run).entries
            #expect(entries.count <= count + concurrency)
            let calls = Dictionary(grouping: entries, by: \.body)
            #expect(calls.count == count)
            for entry in entries {
                if let answered = entry.answered, answered + 50_000_000 < killed {
                    #expect(calls[entry.body]?.count == 1)
                }
            }
        }
    }
}
