/// A text from outside as one short line that is harmless to a terminal and a log. Secrets are to be taken out before: they
/// could not be told any more where the text was cut.
package func plainLine(_ text: String, atMost longest: Int = 300) -> String {
    var line = ""
    for scalar in text.unicodeScalars.prefix(longest) {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: line += " "
        default: line.unicodeScalars.append(scalar)
        }
    }
    return line + (text.unicodeScalars.count > longest ? "…" : "")
}

/// The text with stars or a word in place of a secret. Compared by bytes: a combining mark behind the secret would make its
/// last character another one.
package func covering(_ secret: String, in text: String, with cover: String) -> String {
    guard !secret.isEmpty else { return text }
    return String(decoding: Array(text.utf8).replacing(Array(secret.utf8), with: Array(cover.utf8)), as: UTF8.self)
}
