internal import Granary

/// A key: it can be sent, and nothing else. Printing, logging and dumping it shows none of it.
struct APIKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    /// Nil for a text with characters that no header can hold, and for an empty one.
    init?(_ text: String) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        self.text = text
    }

    var authorization: String { "Bearer \(text)" }

    /// The text without the key, should a server send it back.
    func redacted(from text: String) -> String { covering(self.text, in: text, with: "[key]") }

    var description: String { "[key]" }
    var debugDescription: String { "[key]" }
    var customMirror: Mirror { Mirror(self, children: []) }
}

/// A text from outside as one short line that is harmless to a terminal and a log, without the key.
func plainLine(_ text: String, key: APIKey?) -> String { plainLine(key?.redacted(from: text) ?? text) }
