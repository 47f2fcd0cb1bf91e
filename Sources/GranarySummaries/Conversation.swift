/// One turn of a conversation.
///
/// Messages are compared and hashed by the UTF-8 bytes of their texts: a composed and a decomposed "é" differ.
public struct Message: Sendable, Hashable {
    /// Who speaks, as the input names it: "user", "assistant", or anything else.
    public var role: String
    /// What is said.
    public var content: String
    /// When, as the input writes it; never parsed.
    public var createdAt: String?

    /// A message.
    public init(role: String, content: String, createdAt: String? = nil) {
        self.role = role
        self.content = content
        self.createdAt = createdAt
    }

    /// Compares all three fields by their UTF-8 bytes.
    public static func == (left: Message, right: Message) -> Bool {
        ExactString(left.role) == ExactString(right.role)
            && ExactString(left.content) == ExactString(right.content)
            && left.createdAt.map(ExactString.init) == right.createdAt.map(ExactString.init)
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ExactString(role))
        hasher.combine(ExactString(content))
        hasher.combine(createdAt.map(ExactString.init))
    }
}

/// A conversation, its messages in order.
///
/// Conversations are compared and hashed by the UTF-8 bytes of their texts: a composed and a decomposed "é" differ.
public struct Conversation: Sendable, Hashable {
    /// The input's name for the conversation: any text, not necessarily unique.
    public var chatID: String
    /// When it began, as the input writes it; never parsed.
    public var createdAt: String?
    /// The messages; there may be none.
    public var messages: [Message]
    /// What else the input says about the conversation, its numbers as they were written.
    public var metadata: JSONObject?

    /// A conversation.
    public init(chatID: String, createdAt: String? = nil, messages: [Message], metadata: JSONObject? = nil) {
        self.chatID = chatID
        self.createdAt = createdAt
        self.messages = messages
        self.metadata = metadata
    }

    /// Compares all four fields, texts by their UTF-8 bytes.
    public static func == (left: Conversation, right: Conversation) -> Bool {
        ExactString(left.chatID) == ExactString(right.chatID)
            && left.createdAt.map(ExactString.init) == right.createdAt.map(ExactString.init)
            && left.messages == right.messages
            && left.metadata == right.metadata
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ExactString(chatID))
        hasher.combine(createdAt.map(ExactString.init))
        hasher.combine(messages)
        hasher.combine(metadata)
    }
}
