/// The text that asks a model for a summary, rendered from a template over a conversation.
///
///     Summarise this chat.
///     {{#messages}}
///     {{role}}: {{content}}
///     {{/messages}}
///
/// What stands between `{{#messages}}` and `{{/messages}}` is rendered for every message; the end of the line behind
/// either tag is left out. Values are put in as they are, byte for byte. Names that do not exist are an error, and so is
/// a template that renders no message's content: it would pay for a thousand equal answers.
public struct SummaryPrompt: Sendable, Hashable {
    /// A part of the template.
    enum Piece: Sendable, Hashable {
        case text(String)
        case conversation(ConversationField)
        case messages([MessagePiece])
    }

    /// A part of what is rendered for every message.
    enum MessagePiece: Sendable, Hashable {
        case text(String)
        case field(MessageField)
    }

    /// What the template can say of the conversation.
    enum ConversationField: Sendable, Hashable {
        case chatID, createdAt
        case metadata(String)
    }

    /// What it can say of a message.
    enum MessageField: String, Sendable, Hashable, CaseIterable {
        case role, content, number
        case createdAt = "created_at"
    }

    /// The template as it was given; part of every key.
    public let template: String
    private let pieces: [Piece]

    /// A prompt of the template.
    ///
    /// - Throws: `SummaryPromptError`.
    public init(template: String) throws(SummaryPromptError) {
        var parser = PromptParser(template)
        pieces = try parser.pieces()
        self.template = template
    }

    init(pieces: [Piece], template: String) {
        self.pieces = pieces
        self.template = template
    }

    /// The text for the conversation. What it does not have renders as nothing.
    public func render(_ conversation: Conversation) -> String {
        var text = ""
        for piece in pieces {
            switch piece {
            case .text(let part): text += part
            case .conversation(.chatID): text += conversation.chatID
            case .conversation(.createdAt): text += conversation.createdAt ?? ""
            case .conversation(.metadata(let name)): text += conversation.metadata?[name].map(Self.plain) ?? ""
            case .messages(let pieces):
                for (index, message) in conversation.messages.enumerated() {
                    for piece in pieces { text += Self.render(piece, message, number: index + 1) }
                }
            }
        }
        return text
    }

    private static func render(_ piece: MessagePiece, _ message: Message, number: Int) -> String {
        switch piece {
        case .text(let part): part
        case .field(.role): message.role
        case .field(.content): message.content
        case .field(.createdAt): message.createdAt ?? ""
        case .field(.number): String(number)
        }
    }

    private static func plain(_ value: JSONValue) -> String {
        if case .string(let text) = value { return text }
        return value.description
    }

    /// Compares the templates' bytes.
    public static func == (left: SummaryPrompt, right: SummaryPrompt) -> Bool {
        ExactString(left.template) == ExactString(right.template)
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) { hasher.combine(ExactString(template)) }
}
