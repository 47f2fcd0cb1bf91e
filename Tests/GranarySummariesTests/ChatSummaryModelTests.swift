import Foundation
import Granary
import Synchronization
import TestSupport
import Testing

@testable import GranarySummaries

/// A model against a real server, in a process of its own.
@Suite(.inTurn) struct ChatSummaryModelTests {
    private static let server = Result { try ChatServer() }
    private let server: ChatServer
    private let run = UUID().uuidString

    init() throws { server = try Self.server.get() }

    private static let key = "test-key-123"

    private func settings(retries: Int = 3) -> ChatSettings {
        var settings = ChatSettings()
        settings.retries = RetryPolicy(
            maxRetries: retries,
            random: { 0.5 },
            now: { Date(timeIntervalSince1970: 784_111_770) },
            sleep: { _ in }
        )
        return settings
    }

    private func model(
        _ script: String,
        run: String? = nil,
        name: String = "test/model",
        template: String = "{{#messages}}{{content}}{{/messages}}",
        schema: any SummarySchema.Type = StandardSummary.self,
        settings: ChatSettings? = nil
    ) throws -> ChatSummaryModel {
        try ChatSummaryModel(
            name,
            endpoint: ChatEndpoint(baseURL: server.url(script, run: run ?? self.run), key: Self.key),
            prompt: SummaryPrompt(template: template),
            schema: schema,
            settings: settings ?? self.settings()
        )
    }

    private func conversation(_ text: String, id: String = "id") -> Conversation {
        Conversation(chatID: id, messages: [Message(role: "user", content: text)])
    }

    // MARK: What is asked, and what comes of it

    @Test func sendsTheRequestAsDocumentedAndReadsTheAnswer() async throws {
        var settings = settings()
        settings.temperature = 0.2
        settings.extraFields = ["max_tokens": 500, "user": "me"]
        let report = try await Summariser(model: try model("ok", settings: settings), cache: nil)
            .summarise([conversation("Grüße \"👋\"")])
        let content = try #require(report.summaries[0]?.content)
        #expect(content.summary == "S:Grüße \"👋\"" && content.languages == ["English"] && content.userFrustration == 2)
        #expect(report.calls == 1 && report.usage == TokenUsage(promptTokens: 100, completionTokens: 20))
        let entry = try #require(try server.journal(run).entries.first)
        #expect(entry.authorization == "Bearer \(Self.key)")
        let schema = JSONSchema.object(StandardSummary.properties).json.description
        #expect(
            entry.body == #"{"model":"model","messages":[{"role":"user","content":"Grüße \"👋\""}],"#
                + #""temperature":0.2,"max_tokens":500,"user":"me","response_format":{"type":"json_schema","#
                + #""json_schema":{"name":"ConversationSummary","strict":true,"schema":\#(schema)}}}"#
        )
    }

    @Test func asksByAFunctionCallWhereThereIsNoStructuredOutput() async throws {
        var settings = settings()
        settings.outputMode = .functionCall
        let report = try await Summariser(model: try model("ok", settings: settings), cache: nil)
            .summarise([conversation("hello")])
        #expect(report.summaries[0]?.content.summary == "S:hello")
        let body = try #require(try server.journal(run).entries.first?.body)
        let request = try JSONValue(json: Array(body.utf8))
        #expect(request["response_format"] == nil)
        #expect(request["tool_choice"]?["function"]?["name"] == "ConversationSummary")
        guard case .array(let tools)? = request["tools"] else { throw CocoaError(.fileReadUnknown) }
        #expect(tools[0]["function"]?["parameters"] == JSONSchema.object(StandardSummary.properties).json)
    }

    enum Moody: SummarySchema {
        static let name = "Moody"
        static let properties = StandardSummary.properties + [("mood", .string())]
    }

    @Test func whatASchemaAddsLandsInTheMetadataAndSurvivesTheCache() async throws {
        let cache = MemoryCache()
        var asked = conversation("hello")
        asked.metadata = ["team": "x"]
        var named = asked
        named.metadata = ["mood": "the asker's own"]
        for _ in 0..<2 {
            let report = try await Summariser(model: try model("extrafield", schema: Moody.self), cache: cache)
                .summarise([asked, named])
            #expect(report.summaries[0]?.metadata == ["team": "x", "mood": "calm"])
            #expect(report.summaries[1]?.metadata == ["mood": "the asker's own"])
        }
        #expect(try server.journal(run).entries.count == 1)
    }

    // MARK: Servers that misbehave

    struct Case: Sendable, CustomTestStringConvertible {
        var script: String
        var calls: Int
        var message: String?
        var testDescription: String { script }
        init(_ script: String, calls: Int, _ message: String? = nil) {
            (self.script, self.calls, self.message) = (script, calls, message)
        }
    }

    @Test(arguments: [
        Case("ok", calls: 1),
        Case("401", calls: 1, "refuses the key (401: status 401)"),
        Case("403", calls: 1, "refuses the key (403"),
        Case("404", calls: 1, "no such address or model (404"),
        Case("400", calls: 1, "refuses the request (400: status 400)"),
        Case("422", calls: 1, "refuses the request (422"),
        Case("quota", calls: 1, "quota is used up: no credit"),
        Case("toolong", calls: 1, "too long for the model"),
        Case("429", calls: 4, "too many requests (429: status 429)"),
        Case("429,ok", calls: 2),
        Case("429after1,429date,ok", calls: 3),
        Case("429after1", calls: 4, "asks to wait 1 s"),
        Case("429long", calls: 1, "asks to wait 86400 s"),
        Case("500", calls: 4, "the server fails (500: status 500)"),
        Case("500,502,503,ok", calls: 4),
        Case("503after1,ok", calls: 2),
        Case("503after1", calls: 4, "it asks to wait 1 s"),
        Case("503long", calls: 1, "it asks to wait 86400 s"),
        Case("filtered400", calls: 1, "the model refuses: not this"),
        Case("garbage", calls: 4, "no chat completion"),
        Case("garbage,ok", calls: 2),
        Case("noise", calls: 4, "the connection failed"),
        Case("half", calls: 4, "the connection failed"),
        Case("half,ok", calls: 2),
        Case("hangup", calls: 4, "the connection failed"),
        Case("badutf8", calls: 4, "not UTF-8"),
        Case("notjson", calls: 4, "its content is no JSON"),
        Case("wrongschema", calls: 4, "does not fit the schema: summary is not a string"),
        Case("wrongschema,ok", calls: 2),
        Case("extrafield", calls: 4, "mood is not a property of the schema"),
        Case("refusal", calls: 1, "the model refuses: I cannot help with that."),
        Case("filtered", calls: 1, "the model refuses: its content filter"),
        Case("cut", calls: 1, "finish_reason length"),
        Case("huge", calls: 4, "longer than 1048576 bytes"),
        Case("418", calls: 1, "refuses the request (418"),
    ])
    func isTriedAgainWhereThatHelpsAndFailsClearlyWhereItDoesNot(_ expected: Case) async throws {
        let cache = MemoryCache()
        var settings = settings()
        settings.maxAnswerBytes = 1 << 20
        let report = try await Summariser(model: try model(expected.script, settings: settings), cache: cache)
            .summarise([conversation("hello")])
        #expect(try server.journal(run).entries.count == expected.calls)
        #expect(report.calls == expected.calls)
        if let message = expected.message {
            #expect(report.failed == 1 && report.failures.count == 1)
            #expect(report.failures.first?.message.contains(message) == true, "\(report.failures)")
            #expect(try await cache.count() == 0)
        } else {
            #expect(report.computed == 1 && report.failures.isEmpty, "\(report.failures)")
            #expect(try await cache.count() == 1)
        }
    }

    @Test(arguments: ["silent", "drip"])
    func givesUpOnAServerThatNeverFinishes(script: String) async throws {
        var settings = settings(retries: 1)
        settings.timeout = .milliseconds(300)
        let report = try await Summariser(model: try model(script, settings: settings), cache: nil)
            .summarise([conversation("hello")])
        #expect(report.failures.first?.message == "no whole answer within 0.3 s")
        #expect(try server.journal(run).entries.count == 2 && report.calls == 2)
    }

    @Test func saysThatNobodyIsThere() async throws {
        let model = try ChatSummaryModel(
            "test/model",
            endpoint: ChatEndpoint(baseURL: "http://127.0.0.1:9/v1"),
            settings: settings(retries: 2)
        )
        let report = try await Summariser(model: model, cache: nil).summarise([conversation("hello")])
        #expect(report.failures.first?.message.contains("connection failed") == true)
        #expect(report.calls == 3)
    }

    @Test func waitsAsLongAsTheServerAsks() async throws {
        let waits = Waits()
        var settings = settings()
        settings.retries.sleep = { waits.append($0) }
        _ = try await Summariser(model: try model("429after1,429date,500,ok", settings: settings), cache: nil)
            .summarise([conversation("hello")])
        // With a back-off of 0.5, 1 and 2 s at most, of which this randomness takes half.
        #expect(waits.all == [.milliseconds(1_250), .milliseconds(7_500), .milliseconds(1_000)])
    }

    final class Waits: Sendable {
        private let state = Mutex<[Duration]>([])
        func append(_ wait: Duration) { state.withLock { $0.append(wait) } }
        var all: [Duration] { state.withLock { $0 } }
    }

    @Test func tokensOfFailuresArePaidToo() async throws {
        let report = try await Summariser(model: try model("wrongschema,ok"), cache: nil)
            .summarise([conversation("hello")])
        #expect(report.usage == TokenUsage(promptTokens: 200, completionTokens: 40))
    }

    // MARK: The key

    @Test func theKeyGoesToNoOtherHost() async throws {
        let other = try ChatServer()
        let report = try await Summariser(model: try model("redirect\(other.port)"), cache: nil)
            .summarise([conversation("hello")])
        #expect(report.failures.first?.message.contains("http://127.0.0.1:\(other.port)/elsewhere") == true)
        #expect(try other.journal("elsewhere").entries.isEmpty)
        #expect(try server.journal(run).entries.count == 1)
    }

    @Test func theKeyIsNeitherStoredNorShown() async throws {
        let cache = MemoryCache()
        let model = try model("ok,echokey")
        let report = try await Summariser(model: model, cache: cache).summarise([conversation("a"), conversation("b")])
        #expect(report.failures.count == 1)
        #expect(report.failures.first?.message.contains("wrong key: Bearer [key]") == true)
        var texts = ["\(model)", String(reflecting: model)]
        dump(model, to: &texts[0])
        for try await key in cache.keys {
            texts.append(key)
            texts.append(String(decoding: try #require(try await cache.get(key)).bytes, as: UTF8.self))
        }
        #expect(texts.count == 4)
        let isShown = texts.map { $0.contains(Self.key) }
        #expect(isShown == [false, false, false, false])
    }

    @Test func namesThatTheServerMadeUpAreShownAsOneShortHarmlessLine() async throws {
        let report = try await Summariser(model: try model("oddfield"), cache: nil).summarise([conversation("a")])
        let message = try #require(report.failures.first?.message)
        #expect(message.contains("the schema:  [2J [key] xxx") && message.contains("is not a property of the schema"))
        #expect(!message.contains("\u{1B}") && !message.contains("\n") && !message.contains(Self.key))
        #expect(message.count < 500)
    }

    // MARK: What misses, and what hits

    @Test func missesWhateverChangesTheAnswerAndHitsWhateverDoesNot() async throws {
        let cache = MemoryCache()
        let base = Conversation(
            chatID: "a",
            messages: [Message(role: "user", content: "hi"), Message(role: "assistant", content: "ho")]
        )
        let template = "{{#messages}}{{role}}: {{content}}{{/messages}}"
        func calls(
            _ conversations: [Conversation],
            _ change: (inout ChatSettings) -> Void = { _ in },
            script: String = "ok",
            name: String = "test/model",
            template: String? = nil,
            schema: any SummarySchema.Type = StandardSummary.self
        ) async throws -> Int {
            var settings = settings()
            settings.temperature = 0.2
            change(&settings)
            let model = try model(
                script,
                name: name,
                template: template ?? "{{#messages}}{{role}}: {{content}}{{/messages}}",
                schema: schema,
                settings: settings
            )
            let report = try await Summariser(model: model, cache: cache).summarise(conversations)
            #expect(report.failed == 0)
            for (summary, conversation) in zip(report.summaries, conversations) {
                #expect(
                    summary?.chatID == conversation.chatID && summary?.metadata?["n"] == conversation.metadata?["n"]
                )
            }
            return report.calls
        }
        func changed(_ change: (inout Conversation) -> Void) -> Conversation {
            var other = base
            change(&other)
            return other
        }
        #expect(try await calls([base]) == 1)
        #expect(try await calls([base]) == 0)

        #expect(try await calls([changed { $0.messages[0].content = "hi!" }]) == 1)
        #expect(try await calls([changed { $0.messages[0].role = "system" }]) == 1)
        #expect(try await calls([base], template: template + " ") == 1)
        #expect(try await calls([base], script: "extrafield", schema: Moody.self) == 1)
        #expect(try await calls([base], { $0.temperature = 0.3 }) == 1)
        #expect(try await calls([base], { $0.temperature = nil }) == 1)
        #expect(try await calls([base], { $0.extraFields = ["seed": 1] }) == 1)
        #expect(try await calls([base], { $0.extraFields = ["seed": 2] }) == 1)
        #expect(try await calls([base], { $0.outputMode = .functionCall }) == 1)
        #expect(try await calls([base], name: "test/other") == 1)
        #expect(try await calls([base], script: "ok0") == 1)
        let timed = changed { $0.messages[0].createdAt = "noon" }
        let withTimes = "{{#messages}}{{created_at}}{{content}}{{/messages}}"
        #expect(try await calls([base], template: withTimes) == 1)
        #expect(try await calls([timed], template: withTimes) == 1)

        #expect(try await calls([changed { $0.chatID = "b" }]) == 0)
        #expect(try await calls([changed { $0.metadata = ["n": 1] }]) == 0)
        #expect(try await calls([timed]) == 0)
        #expect(try await calls([changed { $0.messages[0].content = "hi!" }, base]) == 0)
        #expect(try await calls([base], { $0.timeout = .seconds(9) }) == 0)
        #expect(try await calls([base], { $0.retries.maxRetries = 1 }) == 0)
        #expect(try await calls([base], { $0.maxConcurrentRequests = 1 }) == 0)
        #expect(try await calls([base], { $0.extraFields = ["user": "me", "store": false] }) == 0)
        #expect(try await calls([base], { $0.extraFields = ["seed": .number(JSONNumber("1.0")!)] }) == 0)
    }

    // MARK: Many at once

    @Test func staysWithinItsLimitOverAllRuns() async throws {
        var settings = settings()
        settings.maxConcurrentRequests = 5
        let model = try model("ok5", settings: settings)
        async let first = Summariser(model: model, cache: nil).summarise((0..<40).map { conversation("a\($0)") })
        async let second = Summariser(model: model, cache: nil).summarise((0..<40).map { conversation("b\($0)") })
        #expect(try await first.computed + second.computed == 80)
        let journal = try server.journal(run)
        #expect(journal.entries.count == 80)
        #expect(journal.mostUnderWay <= 5)
    }

    @Test func aKeyThatIsRefusedEndsTheRunAfterFewCalls() async throws {
        let report = try await Summariser(model: try model("401"), cache: MemoryCache())
            .summarise((0..<200).map { conversation("text \($0)") })
        #expect(report.calls == 4 && report.failed == 200 && report.failures.count == 4)
        #expect(report.stopReason?.contains("refuses the key") == true)
        #expect(try server.journal(run).entries.count == 4)
    }

    @Test func cancellingKeepsWhatWasPaidFor() async throws {
        let cache = MemoryCache()
        let conversations = (0..<20).map { conversation("text \($0)") }
        var settings = settings()
        settings.maxConcurrentRequests = 1
        let model = try model("ok,ok,ok,silent", settings: settings)
        let task = Task { try await Summariser(model: model, cache: cache).summarise(conversations) }
        while try server.journal(run).entries.count < 4 { try await Task.sleep(for: .milliseconds(2)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await cache.count() == 3)
    }

    // MARK: Settings

    @Test(arguments: [
        ("gpt-4o", "names no model"), ("/x", "names no model"), ("x/", "names no model"),
    ])
    func refusesNames(name: String, reason: String) throws {
        let error = #expect(throws: ChatSettingsError.self) { try model("ok", name: name) }
        #expect(error?.description.contains(reason) == true)
    }

    @Test func readsTheEnvironmentAndNormalisesTheAddress() throws {
        let variables = ["OPENAI_BASE_URL": "HTTP://LocalHost:80/v1/", "OPENAI_API_KEY": "k"]
        #expect(try ChatEndpoint(provider: "any", environment: variables).baseURL == "http://localhost/v1")
        #expect(try ChatEndpoint(provider: "openai", key: "k", environment: [:]).baseURL == "https://api.openai.com/v1")
        #expect(throws: ChatSettingsError.missingBaseURL(provider: "any")) {
            try ChatEndpoint(provider: "any", key: "k", environment: [:])
        }
        #expect(throws: ChatSettingsError.invalidKey) { try ChatEndpoint(baseURL: "http://x", key: "a\r\nX: b") }
        for url in ["", "x", "ftp://x/v1", "http://user:pw@x/v1", "http://x/v1?key=1", "http:///v1"] {
            #expect(throws: ChatSettingsError.self) { try ChatEndpoint(baseURL: url) }
        }
    }

    @Test func missesAKeyOnlyOnceACallIsToBeMade() async throws {
        let endpoint = try ChatEndpoint(provider: "openai", environment: [:])
        let model = try ChatSummaryModel("openai/gpt-4o-mini", endpoint: endpoint, settings: settings())
        #expect(model.request(for: conversation("hello")).endpoint.baseURL == "https://api.openai.com/v1")
        #expect(throws: ChatSettingsError.missingKey) { try model.requireKey() }
        try self.model("ok").requireKey()
        let report = try await Summariser(model: model, cache: nil)
            .summarise((0..<100).map { conversation("text \($0)") })
        #expect(report.calls == 0 && report.failed == 100)
        #expect(report.stopReason == "api.openai.com needs a key; set OPENAI_API_KEY")
    }

    @Test(arguments: ["model", "messages", "response_format", "tools", "stream", "n", "temperature"])
    func refusesFieldsThatItSetsItself(name: String) {
        var settings = settings()
        settings.temperature = 0
        settings.extraFields.set(1, for: name)
        #expect(throws: ChatSettingsError.reservedField(name)) { try model("ok", settings: settings) }
    }
}
