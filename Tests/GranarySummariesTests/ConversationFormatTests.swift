import TestSupport
import Testing

@testable import GranarySummaries

@Suite(.inTurn) struct ConversationFormatTests {
    private func read(_ text: String, _ format: ConversationFormat? = nil) throws(ConversationFileError)
        -> [Conversation]
    {
        let bytes = Array(text.utf8)
        return try ConversationFile.conversations(from: bytes, format: format ?? ConversationFormat(guessing: bytes))
    }

    @Test(
        arguments: [
            ("", .json), ("[]", .json), (" \n[ {\"chat_id\": 1", .json), ("\u{FEFF}{", .jsonLines), ("{}", .jsonLines),
            (#"[{"uuid": "a", "name": {"b": [1]}, "chat_messages": []}]"#, .claude), (#"[{"chat_messages""#, .json),
            (#"[{"uuid": "a", "x": nonsense, "chat_messages": []}]"#, .json),
        ] as [(String, ConversationFormat)]
    )
    func guessesTheFormatByTheBeginning(text: String, format: ConversationFormat) {
        #expect(ConversationFormat(guessing: Array(text.utf8)) == format)
    }

    @Test func readsLines() throws {
        let text = """
            {"chat_id": "a", "messages": []}\r
            {"chat_id": "b", "messages": [{"role": "user", "content": "x\\n"}], "metadata": {"n": 1.0}}

            """
        let conversations = try read(text)
        #expect(conversations.map(\.chatID) == ["a", "b"] && conversations[1].messages[0].content == "x\n")
        #expect(try read("", .jsonLines) == [])
    }

    @Test func saysInWhichLineTheFaultIs() {
        let error = #expect(throws: ConversationFileError.self) {
            try read("{\"chat_id\": \"a\", \"messages\": []}\n{\"chat_id\": \"b\"}\n")
        }
        #expect(error?.description.contains("conversation 1 (chat_id \"b\"): messages is missing") == true)
        #expect(throws: ConversationFileError.self) { try read("{\"chat_id\": \"a\", \"messages\": []}\n{\"chat") }
    }

    private let export = """
        [{"uuid": "u1", "name": "Bread", "created_at": "2024-01-01T00:00:00Z", "chat_messages": [
          {"uuid": "m2", "sender": "assistant", "created_at": "2024-01-01T00:00:02.500000Z", "text": "whole",
           "content": [{"type": "text", "text": "a"}, {"type": "tool_use", "name": "t"}, {"type": "text", "text": "b"}]},
          {"uuid": "m1", "sender": "human", "created_at": "2024-01-01T00:00:02.250000+00:00", "text": "old", "content": []},
          {"uuid": "m3", "sender": "assistant", "created_at": "2024-01-01T00:00:04Z", "text": "c"},
          {"uuid": "m4", "sender": "human", "created_at": "2024-01-01T00:00:04Z", "text": "d"}]},
         {"uuid": "u2", "chat_messages": [{"sender": "assistant", "text": "x"}, {"sender": "human", "text": "y"}]}]
        """

    @Test func readsWhatClaudeExports() throws {
        let conversations = try read(export)
        #expect(conversations.map(\.chatID) == ["u1", "u2"])
        #expect(conversations[0].createdAt == "2024-01-01T00:00:00Z")
        #expect(conversations[0].messages.map(\.role) == ["user", "assistant", "user", "assistant"])
        #expect(conversations[0].messages.map(\.content) == ["old", "a\nb", "d", "c"])
        // Without times, as they stand.
        #expect(conversations[1].messages.map(\.content) == ["x", "y"])
    }

    @Test(
        arguments: [
            (#"[{"uuid": 1, "chat_messages": []}]"#, "uuid is a number"),
            (#"[{"uuid": "a", "chat_messages": [{"text": "x"}]}]"#, "chat_messages[0].sender is missing"),
            (#"[{"uuid": "a", "chat_messages": [{"sender": "human"}]}]"#, "chat_messages[0].text is missing"),
            (#"[{"uuid": "a", "chat_messages": [{"sender": "human", "content": 1}]}]"#, "content is a number"),
            (#"{"uuid": "a"}"#, "the top level is an object"), (#"[{"uuid": "a"}]"#, "chat_messages is missing"),
        ]
    )
    func refusesExportsThatAreNone(text: String, reason: String) {
        let error = #expect(throws: ConversationFileError.self) { try read(text, .claude) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func writesWhatItReadsWithoutLoss() throws {
        let conversations = [
            Conversation(
                chatID: "e\u{301}\"\\\u{0}",
                createdAt: "2024",
                messages: [
                    Message(role: "", content: "\u{1F44B}\r\n", createdAt: ""), Message(role: "x", content: ""),
                ],
                metadata: ["n": .number(JSONNumber("1.0")!), "deep": [["a": nil]]]
            ),
            Conversation(chatID: "", messages: [], metadata: [:]), Conversation(chatID: "é", messages: []),
        ]
        #expect(try ConversationFile.conversations(fromJSON: ConversationFile.json(conversations)) == conversations)
        #expect(ConversationFile.json([]) == Array("[]\n".utf8))
        var generator = SeededMutator(seed: 7)
        for _ in 0..<200 {
            let texts = (0..<6).map { _ in Self.text(&generator) }
            let conversation = Conversation(
                chatID: texts[0],
                createdAt: texts[1],
                messages: [Message(role: texts[2], content: texts[3], createdAt: texts[4])],
                metadata: JSONObject(dictionaryLiteral: (texts[5], .string(texts[0])))
            )
            #expect(
                try ConversationFile.conversations(fromJSON: ConversationFile.json([conversation])) == [conversation]
            )
        }
    }

    /// Any scalars, half of them ASCII.
    private static func text(_ generator: inout SeededMutator) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0..<12, using: &generator) {
            let top: UInt32 = Bool.random(using: &generator) ? 0x7F : 0x10FFFF
            if let scalar = Unicode.Scalar(UInt32.random(in: 0...top, using: &generator)) {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
