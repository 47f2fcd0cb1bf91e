/// What a model says of a conversation; it holds nothing of the conversation's identity, which is why it can be shared
/// by all conversations that say the same.
public struct SummaryContent: Sendable, Hashable, Codable {
    /// What the conversation is about, in a few sentences.
    public var summary: String
    /// What the user asks for.
    public var request: String?
    /// The topic, in a few words.
    public var topic: String?
    /// The languages used, natural ones by their English names, most used first.
    public var languages: [String]?
    /// The kind of task.
    public var task: String?
    /// How concerning the content is, from 1 (not at all) to 5.
    public var concerningScore: Int?
    /// How frustrated the user is, from 1 (not at all) to 5.
    public var userFrustration: Int?
    /// What the assistant got wrong, quoted or described.
    public var assistantErrors: [String]?

    /// A content of the parts.
    public init(
        summary: String,
        request: String? = nil,
        topic: String? = nil,
        languages: [String]? = nil,
        task: String? = nil,
        concerningScore: Int? = nil,
        userFrustration: Int? = nil,
        assistantErrors: [String]? = nil
    ) {
        self.summary = summary
        self.request = request
        self.topic = topic
        self.languages = languages
        self.task = task
        self.concerningScore = concerningScore
        self.userFrustration = userFrustration
        self.assistantErrors = assistantErrors
    }

    enum CodingKeys: String, CodingKey {
        case summary, request, topic, languages, task
        case concerningScore = "concerning_score"
        case userFrustration = "user_frustration"
        case assistantErrors = "assistant_errors"
    }
}

/// The summary of one conversation: what a model says of it, and whose it is.
public struct ConversationSummary: Sendable, Hashable {
    /// The id of the conversation that was asked for.
    public var chatID: String
    /// The metadata of the conversation that was asked for.
    public var metadata: JSONObject?
    /// What the model says.
    public var content: SummaryContent

    /// The content as the summary of the conversation: identity is never taken from anywhere else.
    public init(_ content: SummaryContent, of conversation: Conversation) {
        chatID = conversation.chatID
        metadata = conversation.metadata
        self.content = content
    }
}

/// Writing summaries to a file.
public enum SummaryFile {
    /// A JSON array with one summary a line; absent parts are null, metadata is what the conversation had.
    public static func json(_ summaries: [ConversationSummary]) -> [UInt8] {
        var bytes = Array("[".utf8)
        for (index, summary) in summaries.enumerated() {
            bytes.append(contentsOf: (index == 0 ? "\n" : ",\n").utf8)
            var writer = JSONWriter(appendingTo: bytes)
            write(summary, to: &writer)
            bytes = writer.bytes
        }
        bytes.append(contentsOf: (summaries.isEmpty ? "]\n" : "\n]\n").utf8)
        return bytes
    }

    /// Writes a summary as a JSON object.
    package static func write(_ summary: ConversationSummary, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("chat_id", summary.chatID)
        writer.member("summary", summary.content.summary)
        writer.member("request", JSONValue(summary.content.request))
        writer.member("topic", JSONValue(summary.content.topic))
        writer.member("languages", JSONValue(summary.content.languages))
        writer.member("task", JSONValue(summary.content.task))
        writer.member("concerning_score", JSONValue(summary.content.concerningScore))
        writer.member("user_frustration", JSONValue(summary.content.userFrustration))
        writer.member("assistant_errors", JSONValue(summary.content.assistantErrors))
        writer.member("metadata", summary.metadata.map(JSONValue.object) ?? .object(JSONObject()))
        writer.endObject()
    }
}

extension JSONValue {
    fileprivate init(_ text: String?) { self = text.map(JSONValue.string) ?? .null }
    fileprivate init(_ number: Int?) { self = number.map { .number(JSONNumber($0)) } ?? .null }
    fileprivate init(_ texts: [String]?) { self = texts.map { .array($0.map(JSONValue.string)) } ?? .null }
}
