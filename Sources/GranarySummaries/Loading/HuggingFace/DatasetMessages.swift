/// Messages as datasets have them: a list of objects, the same as lists side by side, or either as a text of JSON.
///
/// Who speaks is called `role`, `from` or `sender`, what is said `content`, `value` or `text`, when `created_at` or
/// `timestamp`. Of `from` and `sender`, `human` becomes `user` and `gpt` becomes `assistant`. Of a content in parts the
/// texts are taken but those of thoughts and tools, and a content that is null, as with calls of tools, is empty.
enum DatasetMessages {
    static func messages(_ cell: JSONValue) throws(MessageFault) -> [Message] {
        switch cell {
        case .array(let elements): return try list(elements)
        case .object(let lists): return try list(rows(of: lists))
        case .string(let text):
            guard let value = try? JSONValue(json: Array(text.utf8)) else {
                throw MessageFault(path: "", problem: "a text that is no JSON, expected a list of messages")
            }
            switch value {
            case .array(let elements): return try list(elements)
            case .object(let lists): return try list(rows(of: lists))
            default: break
            }
            throw MessageFault(path: "", problem: "a text of \(value.kind), expected a list of messages")
        default: throw MessageFault(path: "", problem: "\(cell.kind), expected a list of messages")
        }
    }

    /// `{"role": ["user", …], "content": ["…", …]}` as a list of objects: so the viewer shows lists of some types.
    private static func rows(of lists: JSONObject) throws(MessageFault) -> [JSONValue] {
        var rows: [JSONObject] = []
        for (place, member) in lists.members.enumerated() {
            guard case .array(let elements) = member.value else {
                throw MessageFault(path: ".\(member.name)", problem: "\(member.value.kind), expected an array")
            }
            if place == 0 { rows = Array(repeating: JSONObject(), count: elements.count) }
            guard elements.count == rows.count else {
                throw MessageFault(
                    path: ".\(member.name)",
                    problem: "\(elements.count) elements, expected \(rows.count) as in the list beside it"
                )
            }
            for (row, element) in elements.enumerated() { rows[row].set(element, for: member.name) }
        }
        return rows.map(JSONValue.object)
    }

    private static func list(_ elements: [JSONValue]) throws(MessageFault) -> [Message] {
        var messages: [Message] = []
        messages.reserveCapacity(elements.count)
        for (number, element) in elements.enumerated() {
            messages.append(try message(element, path: "[\(number)]"))
        }
        return messages
    }

    private static func message(_ value: JSONValue, path: String) throws(MessageFault) -> Message {
        guard case .object(let object) = value else {
            throw MessageFault(path: path, problem: "\(value.kind), expected an object with role and content")
        }
        let speaker = try field(["role", "from", "sender"], of: object, path: path)
        guard case .string(let name) = speaker.value else {
            throw MessageFault(path: "\(path).\(speaker.name)", problem: "\(speaker.value.kind), expected a string")
        }
        let said = try field(["content", "value", "text"], of: object, path: path)
        return Message(
            role: speaker.name == "role" ? name : role(name),
            content: try content(said.value, path: "\(path).\(said.name)"),
            createdAt: try time(of: object, path: path)
        )
    }

    private static func role(_ speaker: String) -> String {
        switch speaker {
        case "human": "user"
        case "gpt": "assistant"
        default: speaker
        }
    }

    /// The first of the fields that has a value, or else the first that is there.
    private static func field(
        _ names: [String],
        of object: JSONObject,
        path: String
    ) throws(MessageFault) -> (name: String, value: JSONValue) {
        let present = names.compactMap { name in object[name].map { (name: name, value: $0) } }
        guard let field = present.first(where: { $0.value != .null }) ?? present.first else {
            throw MessageFault(path: path, problem: "without any of \(names.joined(separator: ", "))")
        }
        return field
    }

    private static func content(_ value: JSONValue, path: String) throws(MessageFault) -> String {
        switch value {
        case .string(let text): return text
        case .null: return ""
        case .array(let parts):
            var texts: [String] = []
            for (number, part) in parts.enumerated() {
                let type = part["type"]?.text ?? ""
                switch (part, part["text"]) {
                case (.string(let text), _): texts.append(text)
                case (_, .string(let text)?): if isSpeech(type) { texts.append(text) }
                default:
                    guard !["text", "input_text", "output_text"].contains(type) else {
                        throw MessageFault(path: "\(path)[\(number)]", problem: "a part without its text")
                    }
                }
            }
            return texts.joined(separator: "\n")
        default: throw MessageFault(path: path, problem: "\(value.kind), expected a string")
        }
    }

    /// Whether a part of the type is what somebody says, and no thought or call.
    private static func isSpeech(_ type: String) -> Bool {
        !["thinking", "reasoning", "tool", "function"].contains { type.contains($0) }
    }

    private static func time(of object: JSONObject, path: String) throws(MessageFault) -> String? {
        for name in ["created_at", "timestamp"] {
            switch object[name] {
            case .string(let text)?: return text
            case .number(let number)?: return number.text
            case .null?, nil: continue
            case let value?:
                throw MessageFault(path: "\(path).\(name)", problem: "\(value.kind), expected a string or a number")
            }
        }
        return nil
    }
}

/// What is wrong with a cell of messages, and where in it.
struct MessageFault: Error {
    /// Such as `[3].content`; empty for the cell as a whole.
    let path: String
    let problem: String
}
