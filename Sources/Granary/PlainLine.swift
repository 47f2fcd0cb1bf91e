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
