import Foundation
import TestSupport
import Testing

/// `granary` with datasets of a real viewer, as processes.
@Suite(.inTurnOnOwnThread) struct DatasetCommandTests {
    private static let server = Result { try ChatServer() }
    private let server: ChatServer
    private let run = UUID().uuidString

    init() throws { server = try Self.server.get() }

    private func withRunner(_ script: String, _ body: (CommandRunner) throws -> Void) throws {
        var runner = try CommandRunner()
        defer { runner.remove() }
        runner.environment = ["GRANARY_HF_ENDPOINT": server.url(script, run: run), "HF_TOKEN": "hf_right"]
        try body(runner)
    }

    /// What was said but how far it is: on a busy machine that is shown too.
    private func said(_ result: CommandRunner.Result) -> String {
        result.messages.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.contains(" rows, ") && !$0.contains(" conversations, ") }.joined(separator: "\n")
    }

    @Test func summarisesADatasetUpToTheLimitAndReusesWhatItHas() throws {
        try withRunner("ok") { granary in
            let dataset = "hf:test/gated-250"
            func summarise(_ limit: Int) throws -> CommandRunner.Result {
                try granary.run("summarise", dataset, "--max-conversations", "\(limit)", "--cache", granary.store)
            }
            let first = try summarise(120)
            #expect(first.status == 0 && first.text.contains(#""chat_id":"c119""#))
            #expect(said(first).hasPrefix("120 conversations: 0 reused, 120 computed, 0 failed in "))
            #expect(try server.journal(run).entries.map(\.target).last?.hasSuffix("&offset=100&length=20") == true)
            #expect(said(try summarise(130)).hasPrefix("130 conversations: 120 reused, 10 computed, 0 failed in "))
        }
    }

    @Test func convertsADatasetWithTheColumnsThatAreNamed() throws {
        try withRunner("500") { granary in
            let arguments = [
                "convert", "hf:test/odd-2?split=train", "--hf-endpoint", server.url("ok", run: "\(run)-other"),
                "--column", "chat_id=key", "--column", "messages=talk", "--column", "created_at=at", "--column",
                "metadata.feeling=mood",
            ]
            let result = try granary.run(arguments)
            #expect(result.status == 0 && said(result).isEmpty)
            let messages = #""messages":[{"role":"user","content":"default question"#
            let metadata = #""metadata":{"feeling":"calm"}"#
            let lines = (0..<2).map { number in
                #"{"chat_id":"k\#(number)","created_at":"\#(number)",\#(messages) \#(number)"}],\#(metadata)}"#
            }
            #expect(result.text == "[\n\(lines.joined(separator: ",\n"))\n]\n")
            #expect(try server.journal(run).entries.isEmpty)
        }
    }

    @Test func takesTheFirstConversationsOfAFileToo() throws {
        try withRunner("ok") { granary in
            let lines = #"{"chat_id":"a","messages":[]}"# + "\n" + #"{"chat_id":"b","messages":[]}"#
            let result = try granary.run("convert", "-", "--max-conversations", "1", input: Data(lines.utf8))
            #expect(result.text == "[\n{\"chat_id\":\"a\",\"messages\":[]}\n]\n")
            #expect(try server.journal(run).entries.isEmpty)
        }
    }

    @Test func saysWhenTheViewerHasOnlyAPart() throws {
        try withRunner("ok") { granary in
            let whole = try granary.run("convert", "hf:test/partial-5")
            #expect(whole.status == 0)
            #expect(
                said(whole)
                    == "granary: hf:test/partial-5 is too big for the dataset viewer; it has these 5 rows\n"
            )
            let part = try granary.run("convert", "hf:test/partial-5", "--max-conversations", "4")
            #expect(said(part).isEmpty)
        }
    }

    @Test func waitsAsLongAsTheViewerAsksAndThenShowsHowFarItIs() throws {
        try withRunner("429after1,ok") { granary in
            let result = try granary.run("convert", "hf:test/plain-3")
            #expect(result.status == 0 && result.messages.hasPrefix("3 of 3 rows, "), "\(result.messages)")
            #expect(try server.journal(run).entries.count == 3)
        }
    }

    @Test(arguments: [
        ("hf:test/missing", "granary: there is no dataset test/missing (404: "),
        ("hf:test/plain-3?split=all", "granary: test/plain-3 has no split all; there are test, train"),
        ("hf:test/odd-3", "granary: test/odd-3/default/train has no column that is known to hold messages; "),
    ])
    func aDatasetThatCannotBeReadIsOneErrorAndLeavesNoCache(name: String, message: String) throws {
        try withRunner("ok") { granary in
            let result = try granary.run("summarise", name, "--cache", granary.store)
            #expect(result.status == 1 && result.output.isEmpty)
            #expect(said(result).hasPrefix(message), "\(result.messages)")
            #expect(!FileManager.default.fileExists(atPath: granary.store))
        }
    }

    @Test func theTokenStaysOutOfLogs() throws {
        try withRunner("403") { granary in
            let arguments = ["summarise", "hf:test/gated-3", "--no-cache", "--log-level", "trace"]
            let result = try granary.run(arguments)
            #expect(result.status == 1)
            #expect(result.messages.contains("refuses HF_TOKEN for test/gated-3 (403"))
            #expect(!result.messages.contains("hf_right"))
            #expect(try server.journal(run).entries.first?.authorization == "Bearer hf_right")
        }
    }

    @Test(arguments: [
        ["hf:a/b/c"], ["hf:"], ["hf:a/b?page=2"], ["hf:a/b", "--input-format", "json"],
        ["-", "--column", "messages=x"],
        ["hf:a/b", "--column", "messages"], ["hf:a/b", "--column", "text=x"], ["hf:a/b", "--column", "metadata.=x"],
        ["-", "--max-conversations", "0"], ["hf:a/b", "--hf-endpoint", "viewer"], ["-", "--hf-endpoint", "http://x"],
    ])
    func refusesBadUsage(arguments: [String]) throws {
        try withRunner("ok") { granary in
            let result = try granary.run(["convert"] + arguments)
            #expect(result.status == 64, "\(result.messages)")
            #expect(try server.journal(run).entries.isEmpty)
        }
    }
}
