import TestSupport
import Testing

@testable import GranarySummaries

/// A file that is refused, and the whole message.
struct RefusedFile: Sendable, CustomTestStringConvertible {
    let json: String
    let message: String

    init(_ json: String, _ message: String) {
        self.json = json
        self.message = message
    }

    var testDescription: String { json.debugDescription }
}

private func conversations(_ json: String) throws -> [Conversation] {
    try ConversationFile.conversations(fromJSON: Array(json.utf8))
}

private func refusal(of bytes: [UInt8]) -> ConversationFileError? {
    do throws(ConversationFileError) {
        _ = try ConversationFile.conversations(fromJSON: bytes)
        return nil
    } catch {
        return error
    }
}

private func refusal(of json: String) -> ConversationFileError? {
    refusal(of: Array(json.utf8))
}

@Suite(.inTurn) struct ConversationFileTests {
    static let valid = #"""
        [{"chat_id": "a1", "created_at": "2024-03-22T03:09:26.371618Z", "messages": [
           {"created_at": "2024-03-22T03:09:26Z", "role": "user", "content": "H\u00e9 😀\n"},
           {"role": "assistant", "content": "", "created_at": null, "tokens": [1, {"x": null}]}],
          "metadata": {"model": "gpt-4-0613", "score": 1.0, "big": 12345678901234567890, "n": {"deep": [1e400]}}},
         {"messages": [], "extra": {"any": ["thing"]}, "chat_id": ""},
         {"chat_id": "a1", "created_at": null, "messages": [], "metadata": null}]
        """#

    // MARK: What is read

    @Test func everyFieldIsRead() throws {
        let read = try conversations(Self.valid)
        let metadata: JSONObject = [
            "model": "gpt-4-0613", "score": .number(try #require(JSONNumber("1.0"))),
            "big": .number(try #require(JSONNumber("12345678901234567890"))),
            "n": ["deep": [.number(try #require(JSONNumber("1e400")))]],
        ]
        #expect(
            read == [
                Conversation(
                    chatID: "a1",
                    createdAt: "2024-03-22T03:09:26.371618Z",
                    messages: [
                        Message(role: "user", content: "Hé 😀\n", createdAt: "2024-03-22T03:09:26Z"),
                        Message(role: "assistant", content: ""),
                    ],
                    metadata: metadata
                ),
                Conversation(chatID: "", messages: []),
                Conversation(chatID: "a1", messages: []),
            ]
        )
        #expect(read.first?.metadata?["score"]?.description == "1.0")
    }

    @Test func anEmptyArrayHoldsNoConversations() throws {
        #expect(try conversations("[]").isEmpty)
        #expect(try conversations("\u{FEFF} [ ]\n").isEmpty)
    }

    @Test func theLastOfAFieldGivenTwiceCounts() throws {
        let read = try conversations(
            #"[{"chat_id":"a","chat_id":"b","created_at":"x","created_at":null,"messages":[{"role":"r","content":"c"}],"#
                + #""messages":[{"role":"r","role":"s","content":"c","content":"d"}],"metadata":{},"metadata":null}]"#
        )
        #expect(read == [Conversation(chatID: "b", messages: [Message(role: "s", content: "d")])])
    }

    @Test func fieldNamesMayBeEscaped() throws {
        #expect(try conversations(#"[{"\u0063hat_id":"a","mess\u0061ges":[]}]"#).first?.chatID == "a")
    }

    @Test func emptyMetadataIsNotMissingMetadata() throws {
        #expect(try conversations(#"[{"chat_id":"a","messages":[],"metadata":{}}]"#).first?.metadata == [:])
    }

    // MARK: Equality

    @Test func canonicallyEquivalentTextsMakeDifferentConversations() throws {
        let composed = "\u{E9}"
        let decomposed = "e\u{301}"
        #expect(composed == decomposed, "the premise: String itself cannot tell them apart")
        let messages = [composed, decomposed].flatMap { text in
            [
                Message(role: text, content: "c", createdAt: "t"), Message(role: "r", content: text, createdAt: "t"),
                Message(role: "r", content: "c", createdAt: text),
            ]
        }
        #expect(Set(messages).count == 6)
        let conversations = [composed, decomposed].flatMap { text in
            [
                Conversation(chatID: text, messages: []), Conversation(chatID: "a", createdAt: text, messages: []),
                Conversation(chatID: "a", messages: [Message(role: "r", content: text)]),
                Conversation(chatID: "a", messages: [], metadata: ["n": .string(text)]),
                Conversation(chatID: "a", messages: [], metadata: [text: 1]),
            ]
        }
        #expect(Set(conversations).count == 10)
        #expect(Set(conversations + conversations).count == 10)
    }

    // MARK: What is refused

    static let refused: [RefusedFile] = [
        .init("{}", "the top level is an object, expected an array of conversations (byte offset 0)"),
        .init(
            #" {"chat_id":"a"}"# + "\n" + #"{"chat_id":"b"}"#,
            "the top level is an object, expected an array of conversations (byte offset 1)"
        ),
        .init("null", "the top level is null, expected an array of conversations (byte offset 0)"),
        .init("[7]", "conversation 0: it is a number, expected an object (byte offset 1)"),
        .init(
            #"[{"chat_id":"a","messages":[]},null]"#,
            "conversation 1: it is null, expected an object (byte offset 31)"
        ),
        .init(#"[{"messages":[]}]"#, "conversation 0: chat_id is missing, expected a string (byte offset 1)"),
        .init(
            #"[{"chat_id":null,"messages":[]}]"#,
            "conversation 0: chat_id is null, expected a string (byte offset 12)"
        ),
        .init(#"[{"chat_id":5}]"#, "conversation 0: chat_id is a number, expected a string (byte offset 12)"),
        .init(
            #"[{"chat_id":"a"}]"#,
            #"conversation 0 (chat_id "a"): messages is missing, expected an array (byte offset 1)"#
        ),
        .init(
            #"[{"chat_id":"a","messages":null}]"#,
            #"conversation 0 (chat_id "a"): messages is null, expected an array (byte offset 27)"#
        ),
        .init(
            #"[{"messages":{"0":1},"chat_id":"late"}]"#,
            #"conversation 0 (chat_id "late"): messages is an object, expected an array (byte offset 13)"#
        ),
        .init(
            #"[{"created_at":1711,"x":[],"chat_id":"a","messages":[]}]"#,
            #"conversation 0 (chat_id "a"): created_at is a number, expected a string or null (byte offset 15)"#
        ),
        .init(
            #"[{"chat_id":"a","messages":[],"metadata":["m"]}]"#,
            #"conversation 0 (chat_id "a"): metadata is an array, expected an object or null (byte offset 41)"#
        ),
        .init(
            #"[{"chat_id":"a","messages":["hi"]}]"#,
            #"conversation 0 (chat_id "a"): messages[0] is a string, expected an object (byte offset 28)"#
        ),
        .init(
            #"[{"messages":[{"role":"u","content":"c"},{"role":"u","content":null}],"chat_id":"a"}]"#,
            #"conversation 0 (chat_id "a"): messages[1].content is null, expected a string (byte offset 63)"#
        ),
        .init(
            #"[{"chat_id":"a","messages":[{"role":"u"}]}]"#,
            #"conversation 0 (chat_id "a"): messages[0].content is missing, expected a string (byte offset 28)"#
        ),
        .init(
            #"[{"chat_id":"a","messages":[{"content":"c"}]}]"#,
            #"conversation 0 (chat_id "a"): messages[0].role is missing, expected a string (byte offset 28)"#
        ),
        .init(
            #"[{"chat_id":"a","messages":[{"content":"c","role":false}]}]"#,
            #"conversation 0 (chat_id "a"): messages[0].role is a boolean, expected a string (byte offset 50)"#
        ),
        .init(
            #"[{"chat_id":"a","messages":[{"content":"c","role":"u","created_at":{}}]}]"#,
            #"conversation 0 (chat_id "a"): messages[0].created_at is an object, expected a string or null"#
                + " (byte offset 67)"
        ),
        .init(
            #"[{"chat_id":"a","messages":[{"content":"c","role":"u"}],"#,
            #"conversation 0 (chat_id "a"): malformed JSON at byte offset 56: "#
                + "expected a name in quotes, found the end of the text"
        ),
        .init(
            #"[{"chat_id":"a","messages":[{"content":"c" "role":"u"}]}]"#,
            #"conversation 0 (chat_id "a"): messages[0]: malformed JSON at byte offset 43: "#
                + #"expected ',' or '}', found '"'"#
        ),
        .init(
            #"[{"messages":[{"content":"\uD800"}],"chat_id":"late"}]"#,
            "conversation 0: messages[0].content: malformed JSON at byte offset 26: "
                + #"expected both halves of a surrogate pair, found one \u escape without the other"#
        ),
        .init(
            #"[{"chat_id":"a","messages":[],"extra":[01]}]"#,
            #"conversation 0 (chat_id "a"): malformed JSON at byte offset 39: expected a number without leading zeros"#
        ),
        .init(
            #"[{"chat_id":"a","messages":[],"metadata":{"x":nul}}]"#,
            #"conversation 0 (chat_id "a"): metadata: malformed JSON at byte offset 49: expected null, found '}'"#
        ),
        .init(
            #"[{"chat_id":"a","messages":[]}]]"#,
            "malformed JSON at byte offset 31: expected the end of the text, found ']'"
        ),
        .init(
            #"[{"chat_id":"a","messages":[]},]"#,
            "conversation 1: malformed JSON at byte offset 31: expected a value, found ']'"
        ),
        .init("", "malformed JSON at byte offset 0: expected a value, found the end of the text"),
        .init("nope", "malformed JSON at byte offset 1: expected null, found 'o'"),
    ]

    @Test(arguments: refused)
    func aRefusalNamesTheConversationTheFieldAndWhatWasExpected(file: RefusedFile) throws {
        let error = try #require(refusal(of: file.json))
        #expect(error.description == file.message)
    }

    @Test func aRefusalCanBeTakenApart() throws {
        let error = try #require(
            refusal(of: #"[{"chat_id":"x","messages":[]},{"messages":[{"role":"u","content":3}],"chat_id":"y"}]"#)
        )
        #expect(error.element == 1)
        #expect(error.chatID == "y")
        #expect(error.path == "messages[0].content")
        #expect(error.cause == JSONError(reason: .unexpectedKind(.number, expected: "a string"), offset: 66))
    }

    @Test func aHostileChatIDStaysOnOneShortLine() throws {
        let chatID = #"a\n\u001b[2J\u009b\u202e"# + String(repeating: "é", count: 10_000)
        let description = try #require(refusal(of: "[{\"chat_id\":\"\(chatID)\"}]")).description
        #expect(description.hasPrefix(#"conversation 0 (chat_id "a\u{a}\u{1b}[2J\u{9b}\u{202e}éé"#))
        #expect(description.contains("é…\"): messages is missing"))
        #expect(description.count < 250)
    }

    @Test func utf16IsNamed() {
        let utf16: [UInt8] = [0xFF, 0xFE, 0x5B, 0, 0x5D, 0]
        #expect(refusal(of: utf16)?.description == "the file is UTF-16, save it as UTF-8")
        #expect(refusal(of: Array(utf16.dropFirst(2)))?.description == "the file is UTF-16, save it as UTF-8")
    }

    @Test(arguments: ["metadata", "extra", "messages", "chat_id"], [("[", "]"), ("{\"a\":", "}")])
    func aHundredThousandLevelsAreAnErrorInEveryField(field: String, brackets: (String, String)) throws {
        let value =
            String(repeating: brackets.0, count: 100_000) + "1" + String(repeating: brackets.1, count: 100_000)
        let error = try #require(refusal(of: #"[{"chat_id":"a","messages":[],"\#(field)":\#(value)}]"#))
        #expect(error.cause.reason == .nestingTooDeep(limit: 512))
        #expect(error.element == 0)
    }

    @Test func everyTruncationIsRefused() throws {
        let bytes = Array(Self.valid.utf8)
        for count in 0..<bytes.count {
            #expect(refusal(of: Array(bytes[..<count])) != nil, "the first \(count) bytes")
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func mutatedFilesAreRefusedOrReadButNeverCrash(seed: UInt64) throws {
        var mutator = SeededMutator(seed: seed)
        let bytes = Array(Self.valid.utf8)
        for round in 0..<500 {
            let mutated = mutator.mutate(bytes)
            if let error = refusal(of: mutated) {
                #expect(!error.description.isEmpty)
                #expect((0...mutated.count).contains(error.cause.offset), "seed \(seed), round \(round): \(mutated)")
            } else {
                #expect(throws: Never.self, "seed \(seed), round \(round): \(mutated)") {
                    try JSONValue(json: mutated)
                }
            }
        }
    }
}
