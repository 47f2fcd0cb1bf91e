internal import FoundationEssentials

/// Conversations as Claude exports them: an array of `{uuid, created_at, chat_messages: [{sender, created_at, content,
/// text}]}`.
///
/// `human` becomes `user`, every other sender `assistant`. A message's content is its parts of the type `text`, joined by
/// line ends, or `text` where it has no parts; files and the calls of tools are left out. Messages stand in the order of
/// their times, where all have one.
enum ClaudeExport {
    /// The conversation of an element that starts at the offset.
    static func conversation(_ element: JSONValue, at offset: Int) throws(ElementFault) -> Conversation {
        let fields = ElementFields(element, at: offset, path: "")
        let chatID = try fields.string("uuid")
        guard case .array(let elements)? = element["chat_messages"] else {
            throw fields.fault("chat_messages", expected: "an array")
        }
        var messages: [Message] = []
        var times: [Date] = []
        for (number, element) in elements.enumerated() {
            let fields = ElementFields(element, at: offset, path: "chat_messages[\(number)].")
            let sender = try fields.string("sender")
            let createdAt = try fields.stringOrNil("created_at")
            let content = try content(of: element, fields)
            messages.append(
                Message(role: sender == "human" ? "user" : "assistant", content: content, createdAt: createdAt)
            )
            if let time = createdAt.flatMap(time) { times.append(time) }
        }
        return Conversation(
            chatID: chatID,
            createdAt: try fields.stringOrNil("created_at"),
            messages: times.count == messages.count ? sorted(messages, by: times) : messages
        )
    }

    private static func content(of message: JSONValue, _ fields: ElementFields) throws(ElementFault) -> String {
        switch message["content"] {
        case .array(let parts)?:
            var texts: [String] = []
            for part in parts where part["type"] == "text" {
                guard case .string(let text)? = part["text"] else {
                    throw fields.fault("content", expected: "parts with a text")
                }
                texts.append(text)
            }
            // Old exports have the whole text beside an empty list of parts.
            return parts.isEmpty ? try fields.stringOrNil("text") ?? "" : texts.joined(separator: "\n")
        case .null?, nil: return try fields.string("text")
        default: throw fields.fault("content", expected: "an array")
        }
    }

    private static func time(_ text: String) -> Date? {
        let styles = [Date.ISO8601FormatStyle(includingFractionalSeconds: true), Date.ISO8601FormatStyle()]
        return styles.lazy.compactMap { try? Date(text, strategy: $0) }.first
    }

    /// By time; at the same time the user's first, and otherwise as they stood.
    private static func sorted(_ messages: [Message], by times: [Date]) -> [Message] {
        messages.indices.sorted { left, right in
            if times[left] != times[right] { return times[left] < times[right] }
            let (isLeftUser, isRightUser) = (messages[left].role == "user", messages[right].role == "user")
            return isLeftUser == isRightUser ? left < right : isLeftUser
        }.map { messages[$0] }
    }
}

/// What is wrong with one element of a file, and where in it.
struct ElementFault: Error {
    let path: String
    let cause: JSONError
}

/// The fields of an object in an element, for those who read elements whole.
struct ElementFields {
    private let value: JSONValue
    private let offset: Int
    private let path: String

    init(_ value: JSONValue, at offset: Int, path: String) {
        self.value = value
        self.offset = offset
        self.path = path
    }

    func string(_ name: String) throws(ElementFault) -> String {
        guard case .string(let text)? = value[name] else { throw fault(name, expected: "a string") }
        return text
    }

    func stringOrNil(_ name: String) throws(ElementFault) -> String? {
        switch value[name] {
        case .string(let text)?: return text
        case .null?, nil: return nil
        default: throw fault(name, expected: "a string or null")
        }
    }

    /// The error for a field that is missing or of another kind; its offset is where the element starts.
    func fault(_ name: String, expected: String) -> ElementFault {
        guard let found = value[name] else {
            return ElementFault(
                path: path + name,
                cause: JSONError(reason: .missingMember(name, expected: expected), offset: offset)
            )
        }
        return ElementFault(
            path: path + name,
            cause: JSONError(reason: .unexpectedKind(found.kind, expected: expected), offset: offset)
        )
    }
}
