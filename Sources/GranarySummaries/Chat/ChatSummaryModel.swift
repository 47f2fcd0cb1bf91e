internal import Granary

/// A language model behind an OpenAI-compatible chat completions API.
///
/// ```swift
/// let model = try ChatSummaryModel("openai/gpt-4o-mini")                 // OPENAI_API_KEY from the environment
/// let report = try await Summariser(model: model, cache: cache).summarise(conversations)
/// ```
///
/// The answer is asked for as JSON of a schema and checked against it. What fails for a while is tried again; what is
/// refused, cut or does not fit is a failure of that conversation and is never cached. The key is sent to the endpoint's
/// host and is neither stored nor logged.
public struct ChatSummaryModel: SummaryModel {
    /// The name as `provider/model`; the server is told what stands behind the first slash.
    public let name: String
    private let settings: ChatSettings
    private let endpoint: ChatEndpoint
    private let document: SchemaDocument
    private let requestPrompt: SummaryPrompt
    private let keyFields: CanonicalJSON
    private let transport: ChatTransport
    private let slots: RequestSlots

    /// A model of the name at an endpoint: the one given, else that of the environment.
    ///
    /// - Throws: `ChatSettingsError`.
    public init(
        _ name: String,
        endpoint: ChatEndpoint? = nil,
        prompt: SummaryPrompt = .standard,
        schema: any SummarySchema.Type = StandardSummary.self,
        settings: ChatSettings = ChatSettings()
    ) throws(ChatSettingsError) {
        let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let provider = parts.first, !provider.isEmpty, let model = parts.last, !model.isEmpty
        else { throw .invalidName(name) }
        try settings.check()
        if let endpoint {
            self.endpoint = endpoint
        } else {
            self.endpoint = try ChatEndpoint(provider: String(provider))
        }
        self.name = name
        self.settings = settings
        requestPrompt = prompt
        document = try SchemaDocument(schema)
        keyFields = CanonicalJSON(.object(settings.keyFields))
        transport = ChatTransport(
            endpoint: self.endpoint,
            timeout: settings.timeout,
            maxAnswerBytes: settings.maxAnswerBytes,
            connections: settings.maxConcurrentRequests
        )
        slots = RequestSlots(settings.maxConcurrentRequests)
    }

    /// The prompt's template.
    public var prompt: String { requestPrompt.template }

    /// As the settings say.
    public var maxConcurrentRequests: Int { settings.maxConcurrentRequests }

    /// One message of the user: the prompt with the conversation.
    public func request(for conversation: Conversation) -> SummaryRequest {
        SummaryRequest(
            endpoint: SummaryRequest.Endpoint(kind: "openai-chat", baseURL: endpoint.baseURL),
            model: name,
            messages: [SummaryRequest.Message(role: "user", content: requestPrompt.render(conversation))],
            schema: document.canonical,
            outputMode: settings.outputMode.rawValue,
            fields: keyFields
        )
    }

    /// Says whether calls would fail for want of a key, before one is made: requests, and with them the keys of a cache,
    /// are told without it.
    ///
    /// - Throws: `ChatSettingsError.missingKey`.
    public func requireKey() throws(ChatSettingsError) { try endpoint.requireKey() }

    /// The model's answer; tries again what is worth it.
    ///
    /// - Throws: `ChatModelError` of the last try, `ChatSettingsError` where a key is missing, and `CancellationError` once
    ///   the task is cancelled.
    public func answer(to request: SummaryRequest, meter: SummaryMeter) async throws -> SummaryAnswer {
        try requireKey()
        let body = body(of: request)
        return try await settings.retries.run(retrying: ChatModelError.self) {
            try await slots.withSlot { try await call(body, meter) }
        }
    }

    private func call(_ body: [UInt8], _ meter: SummaryMeter) async throws -> SummaryAnswer {
        meter.countCall()
        let response = try await transport.post(body)
        guard response.status == 200 else {
            throw ChatModelError(response, policy: settings.retries, key: endpoint.key)
        }
        let completion = try ChatCompletion(response.body)
        if let usage = completion.usage { meter.add(usage) }
        let content = try completion.content(document, mode: settings.outputMode, key: endpoint.key)
        return SummaryAnswer(content, usage: completion.usage ?? TokenUsage())
    }

    private func body(of request: SummaryRequest) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("model", String(name.drop { $0 != "/" }.dropFirst()))
        writer.name("messages")
        writer.beginArray()
        for message in request.messages {
            writer.beginObject()
            writer.member("role", message.role)
            writer.member("content", message.content)
            writer.endObject()
        }
        writer.endArray()
        for field in settings.fields.members { writer.member(field.name, field.value) }
        for member in settings.outputMode.members(document).members { writer.member(member.name, member.value) }
        writer.endObject()
        return writer.bytes
    }
}
