import TestSupport
import Testing

@testable import GranarySummaries

/// Cells of messages, in the spellings that datasets have.
@Suite(.inTurn) struct DatasetMessagesTests {
    @Test(arguments: [
        (#"[{"role":"tool","content":null},{"from":"system","value":"be brief"}]"#, "tool: |system: be brief"),
        (#"[{"role":null,"from":"gpt","content":null,"value":"v"}]"#, "assistant: v"),
        (
            #"[{"role":"u","content":[{"type":"text","text":"a"},{"type":"image","text":null},{"text":"b"}]}]"#,
            "u: a\nb"
        ),
        (
            #"[{"role":"u","content":[{"type":null,"text":"a"},{"type":"input_text","text":"b"},"c"]}]"#,
            "u: a\nb\nc"
        ),
        (
            #"[{"role":"u","content":[{"type":"thinking","text":"no"},{"type":"output_text","text":"a"}]}]"#, "u: a"
        ),
        (
            #"[{"role":"u","content":[{"type":"reasoning","text":"no"},{"type":"tool_result","text":"no"}]}]"#, "u: "
        ),
        (
            #"[{"role":"u","content":[{"type":"function_call","text":"no"},{"type":"markdown","text":"a"}]}]"#, "u: a"
        ),
        (#"[{"role":"u","content":[{"type":null,"text":null},{"type":"text","text":"a"}]}]"#, "u: a"),
        (#"{"from":["human","gpt"],"value":["a","b"]}"#, "user: a|assistant: b"), ("[]", ""), ("{}", ""),
        (#""[]""#, ""), (#""{\"role\":[\"user\"],\"content\":[\"x\"]}""#, "user: x"),
    ])
    func readsMessages(cell: String, expected: String) throws {
        let messages = try DatasetMessages.messages(JSONValue(json: Array(cell.utf8)))
        #expect(messages.map { "\($0.role): \($0.content)" }.joined(separator: "|") == expected)
    }

    @Test(arguments: [
        ("5", "", "a number, expected a list of messages"),
        (#""7""#, "", "a text of a number, expected a list of messages"),
        ("[5]", "[0]", "a number, expected an object with role and content"),
        (#"[{"role":"u"}]"#, "[0]", "without any of content, value, text"),
        (#"[{"content":"u"}]"#, "[0]", "without any of role, from, sender"),
        (#"[{"role":1,"content":"u"}]"#, "[0].role", "a number, expected a string"),
        (#"[{"role":"u","content":"c"},{"role":"u","content":true}]"#, "[1].content", "a boolean, expected a string"),
        (#"[{"role":"u","content":[{"type":"text","text":null}]}]"#, "[0].content[0]", "a part without its text"),
        (
            #"[{"role":"u","content":[{"text":"a"},{"type":"output_text"}]}]"#, "[0].content[1]",
            "a part without its text"
        ),
        (#"[{"role":"u","content":"","timestamp":[]}]"#, "[0].timestamp", "an array, expected a string or a number"),
        (#"{"role":["u"],"content":[]}"#, ".content", "0 elements, expected 1 as in the list beside it"),
        (#"{"role":"u","content":"c"}"#, ".role", "a string, expected an array"),
    ])
    func saysWhatIsWrongWithMessages(cell: String, path: String, problem: String) throws {
        let value = try JSONValue(json: Array(cell.utf8))
        do throws(MessageFault) {
            _ = try DatasetMessages.messages(value)
            Issue.record("it was read")
        } catch {
            #expect(error.path == path && error.problem == problem)
        }
    }
}
