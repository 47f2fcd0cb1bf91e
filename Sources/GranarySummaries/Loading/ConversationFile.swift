/// Files of conversations: one JSON array, as Kura dumps it.
///
/// ```json
/// [{"chat_id": "a1", "created_at": "2024-03-22T03:09:26Z",
///   "messages": [{"role": "user", "content": "Hello", "created_at": "2024-03-22T03:09:26Z"}],
///   "metadata": {"model": "gpt-4"}}]
/// ```
///
/// `chat_id`, `messages`, `role` and `content` must be there; `created_at` and `metadata` may be missing or null.
/// Other fields are ignored. Of a field given twice the last one counts, though each must be of the right kind.
public enum ConversationFile {
    /// Reads the conversations of a file, in order; all of them, or none.
    /// - Parameter bytes: strict RFC 8259 JSON in UTF-8, with or without a byte-order mark.
    /// - Throws: `ConversationFileError` for the first fault in reading order.
    public static func conversations(fromJSON bytes: [UInt8]) throws(ConversationFileError) -> [Conversation] {
        try read(bytes) { file throws(JSONError) in try file.readConversations() }
    }

    /// Reads the conversations of a file that has one after another, in order; all of them, or none.
    /// - Parameter bytes: the same objects, each on a line of its own; white space between them does not matter.
    /// - Throws: `ConversationFileError` for the first fault in reading order.
    public static func conversations(fromJSONLines bytes: [UInt8]) throws(ConversationFileError) -> [Conversation] {
        try read(bytes) { file throws(JSONError) in try file.readLines() }
    }

    private static func read(
        _ bytes: [UInt8],
        _ body: (inout ConversationFileReader) throws(JSONError) -> [Conversation]
    ) throws(ConversationFileError) -> [Conversation] {
        let reader: JSONReader
        do throws(JSONError) {
            reader = try JSONReader(bytes)
        } catch {
            throw ConversationFileError(element: nil, chatID: nil, path: "", cause: error)
        }
        var file = ConversationFileReader(json: reader)
        do throws(JSONError) {
            return try body(&file)
        } catch {
            throw file.located(error)
        }
    }
}

/// Reads one file and keeps track of where it is, so that an error can say so.
private struct ConversationFileReader {
    private var json: JSONReader

    /// The conversation being read: its number, and the reader as it stood in front of it.
    private var element: (number: Int, start: JSONReader)?
    /// The number of the message being read.
    private var message: Int?
    /// The known field being read, of the message if there is one, otherwise of the conversation.
    private var field: String?

    init(json: JSONReader) {
        self.json = json
    }

    // The field names below are lower-case ASCII, to which no other spelling is canonically equal: String's own
    // comparison tells them apart exactly.

    mutating func readConversations() throws(JSONError) -> [Conversation] {
        guard try json.nextKind() == .array else {
            throw try json.mismatch(expected: "an array of conversations")
        }
        try json.beginArray()
        var conversations: [Conversation] = []
        while try json.nextElement() {
            element = (conversations.count, json)
            conversations.append(try readConversation())
            element = nil
        }
        try json.finish()
        return conversations
    }

    mutating func readLines() throws(JSONError) -> [Conversation] {
        var conversations: [Conversation] = []
        while !json.isAtEnd() {
            element = (conversations.count, json)
            conversations.append(try readConversation())
            element = nil
        }
        return conversations
    }

    private mutating func readConversation() throws(JSONError) -> Conversation {
        var chatID: String?
        var createdAt: String?
        var messages: [Message]?
        var metadata: JSONObject?
        let start = try json.beginObject()
        while let name = try json.nextMember() {
            switch name {
            case "chat_id":
                field = name
                chatID = try json.readString()
            case "created_at":
                field = name
                createdAt = try json.readStringOrNull()
            case "messages":
                field = name
                messages = try readMessages()
            case "metadata":
                field = name
                metadata = try readObjectOrNull()
            default:
                try json.skipValue()
            }
            field = nil
        }
        return Conversation(
            chatID: try required(chatID, "chat_id", expected: "a string", inObjectAt: start),
            createdAt: createdAt,
            messages: try required(messages, "messages", expected: "an array", inObjectAt: start),
            metadata: metadata
        )
    }

    private mutating func readMessages() throws(JSONError) -> [Message] {
        try json.beginArray()
        var messages: [Message] = []
        while try json.nextElement() {
            message = messages.count
            field = nil
            messages.append(try readMessage())
            message = nil
            field = "messages"
        }
        return messages
    }

    private mutating func readMessage() throws(JSONError) -> Message {
        var role: String?
        var content: String?
        var createdAt: String?
        let start = try json.beginObject()
        while let name = try json.nextMember() {
            switch name {
            case "role":
                field = name
                role = try json.readString()
            case "content":
                field = name
                content = try json.readString()
            case "created_at":
                field = name
                createdAt = try json.readStringOrNull()
            default:
                try json.skipValue()
            }
            field = nil
        }
        return Message(
            role: try required(role, "role", expected: "a string", inObjectAt: start),
            content: try required(content, "content", expected: "a string", inObjectAt: start),
            createdAt: createdAt
        )
    }

    private mutating func readObjectOrNull() throws(JSONError) -> JSONObject? {
        switch try json.nextKind() {
        case .null:
            try json.readNull()
            return nil
        case .object:
            guard case .object(let object) = try json.readValue() else { return nil }
            return object
        default:
            throw try json.mismatch(expected: "an object or null")
        }
    }

    private mutating func required<Value>(
        _ value: Value?,
        _ name: String,
        expected: String,
        inObjectAt start: Int
    ) throws(JSONError) -> Value {
        guard let value else {
            field = name
            throw JSONError(reason: .missingMember(name, expected: expected), offset: start)
        }
        return value
    }

    // MARK: Errors

    /// The error with the place at which it arose.
    func located(_ cause: JSONError) -> ConversationFileError {
        let messagePath = message.map { "messages[\($0)]" }
        return ConversationFileError(
            element: element?.number,
            chatID: element.flatMap { Self.chatID(at: $0.start) },
            path: [messagePath, field].compactMap(\.self).joined(separator: "."),
            cause: cause
        )
    }

    /// The chat_id of the conversation that follows, before or behind the fault; malformed JSON ends the search.
    private static func chatID(at start: JSONReader) -> String? {
        var json = start
        var chatID: String?
        do throws(JSONError) {
            try json.beginObject()
            while let name = try json.nextMember() {
                if name == "chat_id", try json.nextKind() == .string {
                    chatID = try json.readString()
                } else {
                    try json.skipValue()
                }
            }
        } catch {
            return chatID
        }
        return chatID
    }
}
