/// Why a file of conversations was refused: in which conversation, at which field, and what stood there.
public struct ConversationFileError: Error, Equatable, CustomStringConvertible {
    /// The conversation's place in the file, counted from 0; nil where the fault lies outside every conversation.
    public let element: Int?

    /// The conversation's `chat_id`, wherever in it that stands; nil where none could be read.
    public let chatID: String?

    /// The field, such as `messages[3].content`; empty where it is the conversation, or the file, as a whole.
    public let path: String

    /// What is wrong there. For a field of the wrong kind its offset is where the value starts, for a field that is
    /// missing where the object starts; for malformed JSON, the first byte that cannot stand where it does.
    public let cause: JSONError

    /// One line that names the conversation, the field, what was found, what was expected, and the byte offset.
    public var description: String {
        let subject = element == nil ? "the top level" : path
        switch cause.reason {
        case .unexpectedKind(let kind, let expected):
            return "\(prefix)\(subject.isEmpty ? "it" : subject) is \(kind), expected \(expected)"
                + " (byte offset \(cause.offset))"
        case .missingMember(_, let expected):
            return "\(prefix)\(subject) is missing, expected \(expected) (byte offset \(cause.offset))"
        case .wrongEncoding:
            return cause.explanation
        default:
            return "\(prefix)\(path.isEmpty ? "" : "\(path): ")malformed JSON at \(cause)"
        }
    }

    private var prefix: String {
        guard let element else { return "" }
        guard let chatID else { return "conversation \(element): " }
        return "conversation \(element) (chat_id \(Self.quoted(chatID))): "
    }

    /// A chat_id as one short line, whatever it contains: it comes from the file and goes to a terminal or a log.
    private static func quoted(_ text: String) -> String {
        let longest = 80
        var quoted = "\""
        for scalar in text.unicodeScalars.prefix(longest) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                quoted += "\\u{\(String(scalar.value, radix: 16))}"
            default:
                quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + (text.unicodeScalars.count > longest ? "…\"" : "\"")
    }
}
