import TestSupport
import Testing

@testable import GranarySummaries

@Suite(.inTurn) struct SummaryPromptTests {
    private let conversation = Conversation(
        chatID: "42",
        messages: [
            Message(role: "user", content: "a {{role}} & <b>\r\n", createdAt: "noon"),
            Message(role: "bot", content: "e\u{301}"),
        ],
        metadata: ["team": "x", "n": .number(JSONNumber("1.0")!)]
    )

    @Test(
        arguments: [
            ("{{#messages}}{{role}}:{{content}};{{/messages}}", "user:a {{role}} & <b>\r\n;bot:e\u{301};"),
            (
                "{{chat_id}}{{ created_at }}|{{#messages}}{{created_at}},{{content}}{{/messages}}",
                "42|noon,a {{role}} & <b>\r\n,e\u{301}"
            ),
            (
                "{{metadata.team}} {{metadata.n}} {{metadata.none}}\n{{#messages}}\n{{number}}{{content}}\n{{/messages}}\nend",
                "x 1.0 \n1a {{role}} & <b>\r\n\n2e\u{301}\nend"
            ),
            ("é{{#messages}}\r\n{{content}}{{/messages}}\r\n}}", "éa {{role}} & <b>\r\ne\u{301}}}"),
        ]
    )
    func rendersByteForByte(template: String, expected: String) throws {
        let text = try SummaryPrompt(template: template).render(conversation)
        #expect(Array(text.utf8) == Array(expected.utf8))
    }

    @Test(
        arguments: [
            ("", "shows no messages"), ("Summarise!", "shows no messages"),
            ("{{#messages}}{{role}}{{/messages}}", "shows no messages"), ("{{#messages}}{{content}}", "line 1"),
            ("a\n{{mesages}}", "line 2: {{mesages}} is nothing of a conversation"),
            ("a\n\n{{#messages}}\n{{text}}{{/messages}}", "line 4: {{text}} is nothing of a message"),
            ("{{content}}", "nothing of a conversation"), ("{{#messages", "{{ has no }}"), ("{{a\n}}", "{{ has no }}"),
            ("{{#messages}}{{chat_id}}{{content}}{{/messages}}", "nothing of a message"),
        ]
    )
    func refusesTemplatesThatWouldAskTheWrongThing(template: String, reason: String) throws {
        let error = #expect(throws: SummaryPromptError.self) { try SummaryPrompt(template: template) }
        #expect(error?.description.contains(reason) == true)
    }

    @Test func theStandardPromptIsWhatItsTemplateSays() throws {
        let standard = SummaryPrompt.standard
        #expect(try SummaryPrompt(template: standard.template).render(conversation) == standard.render(conversation))
        #expect(standard.render(conversation).contains("[2] bot:\ne\u{301}\n"))
    }
}
