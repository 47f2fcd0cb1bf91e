/// What a file of conversations is.
public enum ConversationFormat: String, Sendable, Hashable, CaseIterable {
    /// One JSON array of conversations, as `ConversationFile` describes it.
    case json
    /// The same conversations one after another, each on a line of its own.
    case jsonLines = "jsonl"
    /// What Claude exports: an array with `uuid` and `chat_messages`.
    case claude

    /// The format that the bytes seem to be, by the beginning: an object is a line, and an array whose first element has
    /// `chat_messages` is an export of Claude's.
    public init(guessing bytes: [UInt8]) {
        self = .json
        guard var reader = try? JSONReader(bytes) else { return }
        switch try? reader.nextKind() {
        case .object?: self = .jsonLines
        case .array?:
            guard (try? reader.beginArray()) != nil, (try? reader.nextElement()) == true,
                (try? reader.beginObject()) != nil
            else { return }
            while let name = try? reader.nextMember() {
                if name == "chat_messages" { self = .claude }
                guard name != "chat_messages", (try? reader.skipValue()) != nil else { return }
            }
        default: break
        }
    }
}

extension ConversationFile {
    /// Reads the conversations of a file of the format, in order; all of them, or none.
    ///
    /// - Throws: `ConversationFileError` for the first fault in reading order.
    public static func conversations(
        from bytes: [UInt8],
        format: ConversationFormat
    ) throws(ConversationFileError) -> [Conversation] {
        switch format {
        case .json: try conversations(fromJSON: bytes)
        case .jsonLines: try conversations(fromJSONLines: bytes)
        case .claude: try conversations(fromClaudeExport: bytes)
        }
    }

    private static func conversations(
        fromClaudeExport bytes: [UInt8]
    ) throws(ConversationFileError) -> [Conversation] {
        var conversations: [Conversation] = []
        for (number, element) in try claudeElements(bytes).enumerated() {
            do throws(ElementFault) {
                conversations.append(try ClaudeExport.conversation(element.value, at: element.offset))
            } catch {
                var chatID: String?
                if case .string(let uuid)? = element.value["uuid"] { chatID = uuid }
                throw ConversationFileError(element: number, chatID: chatID, path: error.path, cause: error.cause)
            }
        }
        return conversations
    }

    private static func claudeElements(
        _ bytes: [UInt8]
    ) throws(ConversationFileError) -> [(offset: Int, value: JSONValue)] {
        var elements: [(offset: Int, value: JSONValue)] = []
        do throws(JSONError) {
            var reader = try JSONReader(bytes)
            guard try reader.nextKind() == .array else {
                throw try reader.mismatch(expected: "an array of conversations")
            }
            try reader.beginArray()
            while try reader.nextElement() {
                _ = try reader.nextKind()
                elements.append((reader.offset, try reader.readValue()))
            }
            try reader.finish()
        } catch {
            throw ConversationFileError(element: nil, chatID: nil, path: "", cause: error)
        }
        return elements
    }
}
