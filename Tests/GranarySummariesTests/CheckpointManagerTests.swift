import Foundation
import TestSupport
import Testing

@testable import GranarySummaries

@Suite(.inTurn) struct CheckpointManagerTests {
    private let conversations = [
        Conversation(chatID: "a", messages: [Message(role: "user", content: "hi")], metadata: ["n": 1.5]),
        Conversation(chatID: "b", messages: []),
    ]
    private let summaries = [
        ConversationSummary(
            SummaryContent(summary: "s\n", languages: ["English"], extra: ["mood": "calm"]),
            of: Conversation(chatID: "a", messages: [], metadata: ["n": 1.5])
        ),
        ConversationSummary(SummaryContent(summary: ""), of: Conversation(chatID: "b", messages: [])),
    ]

    private func fingerprint(
        _ change: (inout [Conversation]) -> Void = { _ in },
        model: EchoModel = EchoModel(),
        key: SummaryKey.Options = SummaryKey.Options(),
        alternativeKey: (@Sendable (Conversation) -> String?)? = nil
    ) -> CheckpointFingerprint {
        var conversations = conversations
        change(&conversations)
        return CheckpointFingerprint(of: conversations, model: model, key: key, alternativeKey: alternativeKey)
    }

    private func withManager(_ body: (CheckpointManager) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "granary-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(CheckpointManager(directory: directory.appending(path: "checkpoints").path))
    }

    @Test func givesBackWhatWasSavedOfTheSame() throws {
        try withManager { manager in
            #expect(try manager.list() == [])
            #expect(try manager.load("summaries", fingerprint()) == .missing)
            try manager.save(summaries, as: "summaries", fingerprint())
            #expect(try manager.load("summaries", fingerprint()) == .usable(summaries))
            try manager.save([], as: "empty.1", fingerprint())
            #expect(try manager.load("empty.1", fingerprint()) == .usable([]))
            #expect(try manager.list() == ["empty.1", "summaries"])
            #expect(try manager.delete("summaries"))
            #expect(try !manager.delete("summaries"))
            #expect(try manager.list() == ["empty.1"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: manager.directory) == ["empty.1.jsonl"])
        }
    }

    @Test func isNotUsedForAnythingElseAndSaysWhy() throws {
        try withManager { manager in
            try manager.save(summaries, as: "summaries", fingerprint())
            let others: [(CheckpointFingerprint, String)] = [
                (fingerprint { $0.swapAt(0, 1) }, "inputs"),
                (fingerprint { $0[0].chatID = "c" }, "inputs"),
                (fingerprint { $0[0].metadata = nil }, "inputs"),
                (fingerprint(model: EchoModel(name: "test/other")), "model"),
                (fingerprint(model: EchoModel(prompt: "p")), "prompt"),
                (fingerprint(model: EchoModel(version: 2)), "fields"),
                (fingerprint(key: SummaryKey.Options(sample: 1)), "sample"),
                (fingerprint(alternativeKey: { _ in "kura/1" }), "imports"),
                (fingerprint(alternativeKey: { _ in nil }), "imports"),
            ]
            for (other, part) in others {
                guard case .unusable(let reason) = try manager.load("summaries", other) else {
                    Issue.record("a checkpoint of another \(part) is used")
                    continue
                }
                #expect(reason.contains("was made of other \(part)"), "\(reason)")
            }
        }
    }

    @Test func importsAreForThoseWhoAskForTheSameOnes() throws {
        try withManager { manager in
            let asking = fingerprint(alternativeKey: { _ in "kura/1" })
            try manager.save(summaries, as: "summaries", asking)
            #expect(try manager.load("summaries", asking) == .usable(summaries))
            for other in [fingerprint(), fingerprint(alternativeKey: { _ in "kura/2" })] {
                guard case .unusable(let reason) = try manager.load("summaries", other) else {
                    Issue.record("imports are given to who did not ask for them")
                    continue
                }
                #expect(reason.hasSuffix("was made of other imports"), "\(reason)")
            }
        }
    }

    @Test func oneFromBeforeThereWereImportsCountsAsWithoutThem() throws {
        try withManager { manager in
            try manager.save(summaries, as: "s", fingerprint())
            let path = manager.directory + "/s.jsonl"
            let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
            let old = text.replacing(#","imports":"""#, with: "")
            #expect(old != text)
            try Data(old.utf8).write(to: URL(fileURLWithPath: path))
            #expect(try manager.load("s", fingerprint()) == .usable(summaries))
            guard case .unusable = try manager.load("s", fingerprint(alternativeKey: { _ in "kura/1" })) else {
                Issue.record("it is taken for one with imports")
                return
            }
        }
    }

    @Test func isNotUsedUnlessItIsWhole() throws {
        try withManager { manager in
            try manager.save(summaries, as: "s", fingerprint())
            let path = manager.directory + "/s.jsonl"
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            // The last byte ends a line that is whole without it.
            for end in 0..<(whole.count - 1) {
                try whole[..<end].write(to: URL(fileURLWithPath: path))
                guard case .unusable = try manager.load("s", fingerprint()) else {
                    Issue.record("\(end) of \(whole.count) bytes are used")
                    continue
                }
            }
        }
    }

    @Test(arguments: [
        "", ".", "..", "../x", "a/b", "/etc/passwd", ".hidden", "a\0b", "ä", "a b", String(repeating: "a", count: 101),
    ])
    func refusesNamesThatCouldLeaveTheDirectory(name: String) throws {
        try withManager { manager in
            #expect(throws: CheckpointError.self) { try manager.save(summaries, as: name, fingerprint()) }
            #expect(throws: CheckpointError.self) { try manager.load(name, fingerprint()) }
            #expect(throws: CheckpointError.self) { try manager.delete(name) }
            #expect(!FileManager.default.fileExists(atPath: manager.directory))
        }
    }
}
