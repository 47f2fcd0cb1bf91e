import Foundation
import Granary
import TestSupport
import Testing

/// `granary summarise` with a model behind a real server, as processes.
@Suite(.inTurnOnOwnThread) struct ChatCommandTests {
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

    @Test func aCheckpointStandsInForTheRunThatMadeItAlone() throws {
        try withRunner("ok") { granary in
            let file = try write(3, granary)
            let checkpoints = granary.path("checkpoints")
            func summarise(_ file: String, _ arguments: String...) throws -> CommandRunner.Result {
                let command = ["summarise", file, "--no-cache", "--model", "test/model", "--checkpoints", checkpoints]
                let result = try granary.run(command + arguments)
                #expect(result.status == 0, "\(result.messages)")
                return result
            }
            let first = try summarise(file)
            let second = try summarise(file)
            #expect(second.output == first.output)
            #expect(second.messages.contains("those of the checkpoint in \(checkpoints)"))
            #expect(try server.journal(run).entries.count == 3)
            let other = try summarise(file, "--extra", "seed=1")
            #expect(other.messages.contains("the checkpoint is not used: ") && other.messages.contains("other fields"))
            #expect(try server.journal(run).entries.count == 6)
            _ = try summarise(try write(2, granary), "--extra", "seed=1", "--temperature", "1")
            #expect(try server.journal(run).entries.count == 8)
        }
    }

    @Test func aRunWithFailuresLeavesNoCheckpoint() throws {
        try withRunner("ok,refusal") { granary in
            let file = try write(2, granary)
            let checkpoints = granary.path("checkpoints")
            let command = ["summarise", file, "--no-cache", "--model", "test/model", "--checkpoints", checkpoints]
            #expect(try granary.run(command).status == 1)
            #expect(!FileManager.default.fileExists(atPath: checkpoints))
        }
    }

    @Test func anOutputThatCannotBeWrittenCostsNoCall() throws {
        try withRunner("ok") { granary in
            let file = try write(2, granary)
            let none = granary.path("none/out.json")
            for (path, reason) in [
                (none, "No such file or directory"), (file + "/out.json", "Not a directory"),
                (granary.directory.path, "Is a directory"), ("", "No such file or directory"),
                (granary.path(String(repeating: "n", count: 250)), "File name too long"),
            ] {
                let command = ["summarise", file, "--no-cache", "--model", "test/model", "--output", path]
                let result = try granary.run(command)
                #expect(result.status == 1 && result.messages == "granary: \(path): \(reason)\n")
            }
            #expect(try server.journal(run).entries.isEmpty)
            #expect(!FileManager.default.fileExists(atPath: granary.path("none")))
        }
    }

    @Test func anOutputThatFailsAfterAllLeavesTheCheckpoint() throws {
        try withRunner("ok") { granary in
            let file = try write(2, granary)
            let command = [
                "summarise", file, "--no-cache", "--model", "test/model", "--checkpoints", granary.path("checkpoints"),
            ]
            let full = try granary.run(command + ["--output", "/dev/full"])
            #expect(full.status == 1 && full.messages.contains("/dev/full: No space left on device"))
            let again = try granary.run(command)
            #expect(again.status == 0 && again.text.contains(#""summary":"S:"#))
            #expect(try server.journal(run).entries.count == 2)
        }
    }

    @Test func aCheckpointThatCannotBeKeptCostsNoOutput() throws {
        try withRunner("ok") { granary in
            let file = try write(2, granary)
            let result = try granary.run(
                ["summarise", file, "--no-cache", "--model", "test/model", "--checkpoints", file + "/checkpoints"]
            )
            #expect(result.status == 1 && result.messages.contains(file + "/checkpoints"))
            #expect(result.text.contains(#""summary":"S:"#))
        }
    }

    // MARK: What was imported

    /// The vectors are those that Kura's own function gives for the prompt `p`.
    @Test(arguments: [
        ("0.2", "openai/gpt-4o-mini", 0), ("2e-1", "openai/gpt-4o-mini", 0), ("0.3", "openai/gpt-4o-mini", 1),
        ("0.2", "openai/gpt-4o", 1),
    ])
    func usesWhatWasImportedOnlyWhereAsked(temperature: String, model: String, calls: Int) async throws {
        var granary = try CommandRunner()
        defer { granary.remove() }
        granary.environment = ["OPENAI_BASE_URL": server.url("ok", run: run), "OPENAI_API_KEY": Self.key]
        let file = try await writeImported(granary)
        let command = [
            "summarise", file, "--cache", granary.store, "--read-only", "--model", model, "--temperature", temperature,
        ]
        let asked = try granary.run(command + Self.asksForImports)
        #expect(asked.status == 0, "\(asked.messages)")
        #expect(try server.journal(run).entries.count == calls)
        #expect(asked.text.contains(#""chat_id":"asker""#) && asked.text.contains("Imported.") == (calls == 0))
        #expect(try granary.run(command).status == 0)
        #expect(try granary.run(command + ["--kura-keys"]).status == 0)
        #expect(try server.journal(run).entries.count == calls + 2)
    }

    private static let asksForImports = ["--kura-keys", "--kura-prompt-md5", "83878c91171338902e0fe0fb97a8c47a"]

    /// A file of a conversation of which the cache has a summary that was imported.
    private func writeImported(_ granary: CommandRunner) async throws -> String {
        let conversations = #"[{"chat_id": "asker", "messages": [{"role": "user", "content": "hi"}]}]"#
        let file = granary.path("conversations.json")
        try Data(conversations.utf8).write(to: URL(fileURLWithPath: file))
        let cache = try SegmentCache(directory: granary.store)
        let imported = CacheValue(Array(#"{"summary":"Imported."}"#.utf8), coding: .json)
        try await cache.set("kura/89d28933b12b8baa3d20887ffab80005", to: imported)
        try await cache.close()
        return file
    }

    private static let asksKurasModel = ["--model", "openai/gpt-4o-mini", "--temperature", "0.2"]

    @Test func aCheckpointGivesImportsOnlyToThoseWhoAskForThem() async throws {
        var granary = try CommandRunner()
        defer { granary.remove() }
        granary.environment = ["OPENAI_BASE_URL": server.url("ok", run: run), "OPENAI_API_KEY": Self.key]
        let file = try await writeImported(granary)
        let command =
            ["summarise", file, "--cache", granary.store, "--checkpoints", granary.path("checkpoints")]
            + Self.asksKurasModel
        #expect(try granary.run(command + Self.asksForImports).text.contains("Imported."))
        let again = try granary.run(command + Self.asksForImports)
        #expect(again.messages.contains("those of the checkpoint") && again.text.contains("Imported."))
        #expect(try server.journal(run).entries.isEmpty)
        let other = try granary.run(command)
        #expect(other.status == 0 && other.messages.contains("was made of other imports\n"))
        #expect(!other.text.contains("Imported."))
        #expect(try server.journal(run).entries.count == 1)
    }

    @Test func saysWhatIsReusedFromAnImport() async throws {
        var granary = try CommandRunner()
        defer { granary.remove() }
        granary.environment = ["OPENAI_BASE_URL": server.url("ok", run: run), "OPENAI_API_KEY": Self.key]
        let file = try await writeImported(granary)
        let command = ["why-miss", file, "--cache", granary.store] + Self.asksKurasModel
        let key = "kura/89d28933b12b8baa3d20887ffab80005"
        #expect(
            try granary.run(command + Self.asksForImports).text
                == "0 asker: reused from what was imported as \(key)\n1 conversations: 1 in the cache, 0 not\n"
        )
        let report = try object(granary.run(command + Self.asksForImports + ["--format", "json"]).output)
        let imported = try #require(report["imported"] as? [[String: Any]])
        #expect(imported.count == 1 && imported[0]["key"] as? String == key && imported[0]["index"] as? Int == 0)
        #expect((report["misses"] as? [Any])?.isEmpty == true)
        #expect(try granary.run(command).text.hasSuffix("1 conversations: 0 in the cache, 1 not\n"))
    }

    @Test func onlyWhatMakesCallsNeedsAKey() async throws {
        var granary = try CommandRunner()
        defer { granary.remove() }
        granary.environment = ["OPENAI_BASE_URL": "", "OPENAI_API_KEY": ""]
        let file = try await writeImported(granary)
        for mode in [["--cache", granary.path("new")], ["--cache", granary.store, "--read-only"], ["--no-cache"]] {
            let refused = try granary.run(["summarise", file] + mode + Self.asksKurasModel)
            #expect(refused.status == 64)
            #expect(refused.messages == "granary: api.openai.com needs a key; set OPENAI_API_KEY\n")
        }
        #expect(!FileManager.default.fileExists(atPath: granary.path("new")))
        #expect(try granary.run(["explain-key", file] + Self.asksKurasModel).status == 0)
        #expect(try granary.run(["why-miss", file, "--cache", granary.store] + Self.asksKurasModel).status == 0)
        let command =
            ["summarise", file, "--cache", granary.store, "--checkpoints", granary.path("checkpoints")]
            + Self.asksKurasModel
        let missed = try granary.run(command + ["--offline"])
        #expect(missed.status == 1 && missed.messages.contains("an offline run asks no model"))
        #expect(try granary.run(command + Self.asksForImports + ["--offline"]).status == 0)
        let checkpoint = try granary.run(command + Self.asksForImports)
        #expect(checkpoint.status == 0 && checkpoint.messages.contains("those of the checkpoint"))
        #expect(try granary.run(command).status == 64)
        #expect(try granary.run(command + Self.asksForImports + ["--refresh"]).status == 64)
    }

    // MARK: Converting

    @Test func convertsToWhatItReads() throws {
        try withRunner("ok") { granary in
            let lines = granary.path("lines.jsonl")
            let text = #"{"chat_id": "a", "messages": [{"role": "user", "content": "é"}], "metadata": {"n": 1.0}}"#
            try Data("\(text)\n".utf8).write(to: URL(fileURLWithPath: lines))
            let first = try granary.run("convert", lines)
            let expected = #"{"chat_id":"a","messages":[{"role":"user","content":"é"}],"metadata":{"n":1.0}}"#
            #expect(first.text == "[\n\(expected)\n]\n")
            let again = try granary.run("convert", "-", "--output", granary.path("out.json"), input: first.output)
            #expect(again.status == 0 && again.output.isEmpty)
            #expect(try Data(contentsOf: URL(fileURLWithPath: granary.path("out.json"))) == first.output)
        }
    }
}
