/// What a model says of a conversation; it holds nothing of the conversation's identity, which is why it can be shared
/// by all conversations that say the same.
///
/// Its own coding holds the usual parts alone, as imported summaries have them; `json` holds `extra` too.
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
    /// What a schema asks for beyond that; it lands in the summary's metadata.
    public var extra = JSONObject()

    /// A content of the parts.
    public init(
        summary: String,
        request: String? = nil,
        topic: String? = nil,
        languages: [String]? = nil,
        task: String? = nil,
        concerningScore: Int? = nil,
        userFrustration: Int? = nil,
        assistantErrors: [String]? = nil,
        extra: JSONObject = JSONObject()
    ) {
        self.summary = summary
        self.request = request
        self.topic = topic
        self.languages = languages
        self.task = task
        self.concerningScore = concerningScore
        self.userFrustration = userFrustration
        self.assistantErrors = assistantErrors
        self.extra = extra
    }

    enum CodingKeys: String, CodingKey {
        case summary, request, topic, languages, task
        case concerningScore = "concerning_score"
        case userFrustration = "user_frustration"
        case assistantErrors = "assistant_errors"
    }
}

extension SummaryContent {
    /// The content of an object, such as a model's answer: members with the names and kinds of the parts become those,
    /// all others are extra. Nil for what is no object with a text `summary`.
    public init?(_ json: JSONValue) {
        guard case .object(let object) = json, case .string(let summary)? = object["summary"] else { return nil }
        self.init(summary: summary)
        for member in object.members where !take(member.name, member.value) {
            extra.set(member.value, for: member.name)
        }
    }

    /// As `init(_:)`, straight from the text: a hit costs little more than looking at every byte once.
    init?(reading reader: inout JSONReader) throws(JSONError) {
        self.init(summary: "")
        var hasSummary = false
        try reader.beginObject()
        while let name = try reader.nextMember() {
            switch (name, try reader.nextKind()) {
            case ("summary", .string):
                summary = try reader.readString()
                hasSummary = true
            case ("request", .string): request = try reader.readString()
            case ("topic", .string): topic = try reader.readString()
            case ("task", .string): task = try reader.readString()
            default:
                let value = try reader.readValue()
                if name == "summary" { return nil }
                if !take(name, value) { extra.set(value, for: name) }
            }
        }
        guard hasSummary else { return nil }
    }

    /// Whether the member is a part; the names are ASCII, so that Swift's equality of strings is that of bytes.
    private mutating func take(_ name: String, _ value: JSONValue) -> Bool {
        switch (name, value) {
        case ("summary", _): return true
        case ("request", .string(let text)): request = text
        case ("topic", .string(let text)): topic = text
        case ("task", .string(let text)): task = text
        case ("request", .null), ("topic", .null), ("task", .null), ("languages", .null), ("assistant_errors", .null),
            ("concerning_score", .null), ("user_frustration", .null):
            return true
        case ("languages", .array(let elements)):
            guard let texts = Self.texts(elements) else { return false }
            languages = texts
        case ("assistant_errors", .array(let elements)):
            guard let texts = Self.texts(elements) else { return false }
            assistantErrors = texts
        case ("concerning_score", .number(let number)):
            guard let score = number.intValue ?? number.normalised.intValue else { return false }
            concerningScore = score
        case ("user_frustration", .number(let number)):
            guard let score = number.intValue ?? number.normalised.intValue else { return false }
            userFrustration = score
        default: return false
        }
        return true
    }

    private static func texts(_ elements: [JSONValue]) -> [String]? {
        var texts: [String] = []
        for element in elements {
            guard case .string(let text) = element else { return nil }
            texts.append(text)
        }
        return texts
    }

    /// The object that `init(_:)` reads; absent parts are left out.
    public var json: JSONValue {
        var object: JSONObject = ["summary": .string(summary)]
        let parts: [(String, JSONValue)] = [
            ("request", JSONValue(request)), ("topic", JSONValue(topic)), ("languages", JSONValue(languages)),
            ("task", JSONValue(task)), ("concerning_score", JSONValue(concerningScore)),
            ("user_frustration", JSONValue(userFrustration)), ("assistant_errors", JSONValue(assistantErrors)),
        ]
        for (name, value) in parts where value != .null { object.set(value, for: name) }
        for member in extra.members { object.set(member.value, for: member.name) }
        return .object(object)
    }
}

/// The summary of one conversation: what a model says of it, and whose it is.
public struct ConversationSummary: Sendable, Hashable {
    /// The id of the conversation that was asked for.
    public var chatID: String
    /// The metadata of the conversation that was asked for, and behind it what a schema asked for beyond the usual parts;
    /// a name that the conversation has already keeps the conversation's value.
    public var metadata: JSONObject?
    /// What the model says.
    public var content: SummaryContent

    /// The content as the summary of the conversation: identity is never taken from anywhere else.
    public init(_ content: SummaryContent, of conversation: Conversation) {
        chatID = conversation.chatID
        metadata = conversation.metadata
        self.content = content
        for member in content.extra.members where metadata?[member.name] == nil {
            metadata = metadata ?? JSONObject()
            metadata?.set(member.value, for: member.name)
        }
    }
}

/// Writing summaries to a file.
public enum SummaryFile {
    /// A JSON array with one summary a line; absent parts are null, metadata is what the conversation had.
    public static func json(_ summaries: [ConversationSummary]) -> [UInt8] {
        JSONWriter.lines(of: summaries) { write($0, to: &$1) }
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
