import TestSupport
import Testing

@testable import GranarySummaries

@Suite(.inTurn) struct SummaryKeyTests {
    private let base = SummaryRequest(
        endpoint: SummaryRequest.Endpoint(kind: "openai-chat", baseURL: "https://api.openai.com/v1"),
        model: "openai/gpt-4o-mini",
        messages: [SummaryRequest.Message(role: "user", content: "Summarise: Grüße 👋")],
        schema: CanonicalJSON(["name": "Report", "schema": ["type": "object"]]),
        outputMode: "json-schema",
        fields: CanonicalJSON(["temperature": 0.2, "seed": 7])
    )

    @Test func keepsTheVectorsOfRecipe2() {
        // Changing these means a new recipe number, or every paid answer is lost without a word.
        #expect(
            SummaryKey(of: base, prompt: "Summarise: {{#messages}}{{content}}{{/messages}}").text
                == "summary/1109b606/fde18465a46ec5683245efe2cf9d3b7b31cb591dc2066a9cfa9503e3523cc776"
        )
        #expect(
            SummaryKey(
                of: base,
                prompt: "",
                options: SummaryKey.Options(namespace: "tickets", sample: 3, extra: "night run")
            ).text == "tickets/e3b0c442/8f455122d693b3fd4d17f23ae0ccd89d3955789e98db261945948e9621581775"
        )
        let conversation = Conversation(
            chatID: "ignored",
            messages: [
                Message(role: "user", content: "hello", createdAt: "2026-01-02T03:04:05Z"),
                Message(role: "assistant", content: "Grüße 👋"),
            ]
        )
        #expect(
            SummaryKey(of: ExtractiveModel().request(for: conversation), prompt: "").text
                == "summary/e3b0c442/7bcb6f8eb1fe8df438257a93aa89a016c7c9413680d80f1f0113c029fe62b032"
        )
    }

    @Test func dependsOnEveryPartAlone() {
        var requests = [base]
        func add(_ change: (inout SummaryRequest) -> Void) {
            var request = base
            change(&request)
            requests.append(request)
        }
        add { $0.endpoint.kind = "local" }
        add { $0.endpoint.baseURL = "https://api.openai.com/v2" }
        add { $0.endpoint.baseURL = nil }
        add { $0.endpoint.baseURL = "" }
        add { $0.model = "openai/gpt-4o" }
        add { $0.messages[0].role = "system" }
        add { $0.messages[0].content = "Summarise: Gru\u{308}ße 👋" }
        add { $0.messages = [] }
        add { $0.messages += $0.messages }
        // Bytes that move from one field to the next.
        add { $0.messages[0] = SummaryRequest.Message(role: "userS", content: "ummarise: Grüße 👋") }
        add { $0.schema = CanonicalJSON(["name": "Report", "schema": ["type": "array"]]) }
        add { $0.schema = CanonicalJSON(["name": "Other", "schema": ["type": "object"]]) }
        add { $0.schema = nil }
        add { $0.outputMode = "function" }
        add { $0.outputMode = nil }
        add { $0.fields = CanonicalJSON(["temperature": 0.3, "seed": 7]) }
        add { $0.fields = CanonicalJSON(["temperature": 0.2, "seed": 7, "top_p": 1]) }
        var keys = Set(requests.map { SummaryKey(of: $0, prompt: "p").text })
        #expect(keys.count == requests.count)
        let options = [
            SummaryKey.Options(namespace: "other"), SummaryKey.Options(sample: 1), SummaryKey.Options(extra: ""),
            SummaryKey.Options(extra: "x"),
        ]
        for options in options { keys.insert(SummaryKey(of: base, prompt: "p", options: options).text) }
        keys.insert(SummaryKey(of: base, prompt: "q").text)
        #expect(keys.count == requests.count + options.count + 1)
    }

    @Test func doesNotDependOnHowFieldsAreWritten() {
        var other = base
        other.fields = CanonicalJSON(["seed": .number(JSONNumber("7.0")!), "temperature": .number(JSONNumber("2E-1")!)])
        #expect(SummaryKey(of: other, prompt: "p") == SummaryKey(of: base, prompt: "p"))
    }
}

@Suite(.inTurn) struct CanonicalJSONTests {
    @Test(
        arguments: [
            ("0", "0"), ("-0", "0"), ("0.0e5", "0"), ("1", "1"), ("1.0", "1"), ("10e-1", "1"), ("100", "100"),
            ("1e2", "100"), ("0.2", "0.2"), ("0.20", "0.2"), ("2E-1", "0.2"), ("-12.50", "-12.5"),
            ("0.000001", "0.000001"),
            ("1e-7", "1e-7"), ("0.00000012", "1.2e-7"), ("1e20", "100000000000000000000"), ("1e21", "1e21"),
            ("12345678901234567890", "12345678901234567890"), ("12345678901234567891", "12345678901234567891"),
            ("1e400", "1e400"), ("10e399", "1e400"), ("1e999999999999999999", "1e999999999999999999"),
            ("9007199254740993", "9007199254740993"), ("0.1000000000000000055", "0.1000000000000000055"),
        ]
    )
    func writesEqualNumbersAlike(number: String, normalised: String) throws {
        #expect(try #require(JSONNumber(number)).normalised.text == normalised)
    }

    @Test func sortsMembersByBytesAndLeavesArraysAlone() throws {
        let text = #"{ "b": [2, 1.0, {"é":1, "z":null}], "a": "ü\n", "": true }"#
        let value = try JSONValue(json: Array(text.utf8))
        #expect(CanonicalJSON(value).text == #"{"":true,"a":"ü\n","b":[2,1,{"z":null,"é":1}]}"#)
    }
}
