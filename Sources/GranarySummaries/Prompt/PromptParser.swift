/// Why a template cannot be used, and where.
public struct SummaryPromptError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The line, counted from 1; nil for the template as a whole.
    public var line: Int?
    /// What is wrong.
    public var reason: String

    /// One line that names both.
    public var description: String { line.map { "line \($0): \(reason)" } ?? reason }
}

/// Divides a template into its parts.
struct PromptParser {
    private var rest: Substring.UTF8View
    private var line = 1

    init(_ template: String) { rest = template[...].utf8 }

    mutating func pieces() throws(SummaryPromptError) -> [SummaryPrompt.Piece] {
        var pieces: [SummaryPrompt.Piece] = []
        var hasContent = false
        while !rest.isEmpty {
            if let text = takeText() { pieces.append(.text(text)) }
            guard let tag = try takeTag() else { continue }
            if tag == "#messages" {
                skipEndOfLine()
                let inner = try messagePieces()
                hasContent = hasContent || inner.contains(.field(.content))
                pieces.append(.messages(inner))
            } else {
                pieces.append(.conversation(try conversationField(tag)))
            }
        }
        guard hasContent else {
            throw SummaryPromptError(
                line: nil,
                reason: "the prompt shows no messages; it needs {{#messages}}, {{content}} and {{/messages}}"
            )
        }
        return pieces
    }

    private mutating func messagePieces() throws(SummaryPromptError) -> [SummaryPrompt.MessagePiece] {
        let start = line
        var pieces: [SummaryPrompt.MessagePiece] = []
        while !rest.isEmpty {
            if let text = takeText() { pieces.append(.text(text)) }
            guard let tag = try takeTag() else { continue }
            if tag == "/messages" {
                skipEndOfLine()
                return pieces
            }
            guard let field = SummaryPrompt.MessageField(rawValue: tag) else {
                let names = SummaryPrompt.MessageField.allCases.map(\.rawValue).joined(separator: ", ")
                throw failure("{{\(tag)}} is nothing of a message; there are: \(names)")
            }
            pieces.append(.field(field))
        }
        throw SummaryPromptError(line: start, reason: "{{#messages}} has no {{/messages}}")
    }

    private func conversationField(_ tag: String) throws(SummaryPromptError) -> SummaryPrompt.ConversationField {
        switch tag {
        case "chat_id": return .chatID
        case "created_at": return .createdAt
        case _ where tag.hasPrefix("metadata.") && tag.utf8.count > 9: return .metadata(String(tag.dropFirst(9)))
        default:
            throw failure(
                "{{\(tag)}} is nothing of a conversation; there are: #messages, chat_id, created_at, metadata.NAME"
            )
        }
    }

    private func failure(_ reason: String) -> SummaryPromptError { SummaryPromptError(line: line, reason: reason) }

    // MARK: Bytes

    private static let (opening, closing) = (Array("{{".utf8), Array("}}".utf8))

    private mutating func takeText() -> String? {
        let end = place(of: Self.opening) ?? rest.endIndex
        guard end > rest.startIndex else { return nil }
        let text = rest[..<end]
        line += text.count { $0 == UInt8(ascii: "\n") }
        rest = rest[end...]
        return String(Substring(text))
    }

    /// The name in the tag that comes next; nil at the end.
    private mutating func takeTag() throws(SummaryPromptError) -> String? {
        guard !rest.isEmpty else { return nil }
        rest = rest.dropFirst(2)
        guard let end = place(of: Self.closing) else { throw failure("{{ has no }}") }
        var name = rest[..<end]
        rest = rest[end...].dropFirst(2)
        guard !name.contains(UInt8(ascii: "\n")) else { throw failure("{{ has no }} in its line") }
        while name.first == UInt8(ascii: " ") { name.removeFirst() }
        while name.last == UInt8(ascii: " ") { name.removeLast() }
        return String(Substring(name))
    }

    private mutating func skipEndOfLine() {
        for end in ["\r\n", "\n"] where rest.starts(with: end.utf8) {
            rest = rest.dropFirst(end.utf8.count)
            line += 1
            return
        }
    }

    private func place(of pair: [UInt8]) -> Substring.UTF8View.Index? {
        var place = rest.startIndex
        while place < rest.endIndex {
            if rest[place...].starts(with: pair) { return place }
            place = rest.index(after: place)
        }
        return nil
    }
}
