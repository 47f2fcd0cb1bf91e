/// Tells a line of code, of a log or of data that stands among prose without a fence.
///
/// A heuristic on the line alone: how it begins, how it ends, and how much of it is signs that prose seldom uses. It
/// errs towards prose, because a line of code that stays costs a poor sentence, while a question that goes is lost.
enum CodeLine {
    static func isLikely(_ line: ArraySlice<Unicode.Scalar>) -> Bool {
        guard let first = line.first, let last = line.last else { return false }
        var words = 0
        var signs = 0
        var foreign = 0
        var calls = 0
        var previous: Unicode.Scalar = " "
        for scalar in line {
            if scalar.value >= 0x80 {
                foreign += 1
            } else if isWord(scalar) {
                words += 1
            } else if isSign(scalar) {
                signs += 1
                if scalar == "(", isWord(previous) { calls += 1 }
            }
            previous = scalar
        }
        // Comments aside, code is written in ASCII.
        if foreign * 2 > words { return false }
        if last == "{" || last == "}" { return signs * 12 > words }
        if last == ";" && foreign == 0 && signs > 0 { return true }
        if last == "," || last == "(" || last == "[", signs >= 2, signs * 8 > words { return true }
        if signs >= 3 && signs * 4 > words { return true }
        if first == "\"" && contains(line, ["\"", ":"]) { return true }
        if first == "<" && last == ">" && signs >= 2 { return true }
        if last == ")" && calls > 0 && callLeads(line) { return true }
        return beginsLikeCode(line)
    }

    /// The words that lead into code on the same line, if they are enough for a request.
    static func prose(before line: ArraySlice<Unicode.Scalar>) -> ArraySlice<Unicode.Scalar>? {
        var lead = line.prefix { !isSign($0) && $0 != "\"" }
        if lead.count < line.count, let colon = lead.lastIndex(of: ":") {
            lead = lead[...colon]
        } else if let last = lead.last, last != " ", lead.count < line.count - 1 {
            // The word that touches the code is the beginning of the code.
            guard let space = lead.lastIndex(of: " ") else { return nil }
            lead = lead[..<space]
        }
        while lead.last == " " { lead.removeLast() }
        return lead.filter { $0 == " " }.count >= leastLead - 1 ? lead : nil
    }

    private static let leastLead = 4

    /// `print(x)`, `plt.show()`: a call and nothing before it.
    private static func callLeads(_ line: ArraySlice<Unicode.Scalar>) -> Bool {
        for scalar in line {
            if scalar == "(" { return true }
            if !isWord(scalar) && scalar != "." { return false }
        }
        return false
    }

    private struct Opening: Sendable {
        let text: [Unicode.Scalar]
        /// What must follow somewhere in the line; English has sentences that begin with "from" and "let".
        let companion: [Unicode.Scalar]
    }

    private static let openings: [Opening] = [
        ("#include", ""), ("import ", "."), ("import ", "{"), ("import ", " from \""), ("import ", " from '"),
        ("import ", " as "), ("using namespace", ""),
        ("from ", " import "), ("def ", "("), ("class ", "{"), ("class ", "):"), ("function ", "("), ("public ", "("),
        ("public ", "{"), ("private ", "("), ("const ", " = "), ("let ", " = "), ("var ", " = "), ("//", ""),
        ("/*", ""), ("$ ", ""), (">>> ", ""), ("<?php", ""), ("elif ", ":"), ("else:", ""), ("at ", ".java:"),
        ("#!/", ""), ("traceback (", ""), ("pip install", ""), ("npm install", ""), ("sudo ", ""),
    ].map { Opening(text: Array($0.0.unicodeScalars), companion: Array($0.1.unicodeScalars)) }

    private static func beginsLikeCode(_ line: ArraySlice<Unicode.Scalar>) -> Bool {
        openings.contains { opening in
            guard line.first == opening.text.first, line.starts(with: opening.text) else { return false }
            return opening.companion.isEmpty || contains(line, opening.companion)
        }
    }

    private static func contains(_ line: ArraySlice<Unicode.Scalar>, _ wanted: [Unicode.Scalar]) -> Bool {
        guard line.count >= wanted.count else { return false }
        return (line.startIndex...(line.endIndex - wanted.count)).contains { line[$0...].starts(with: wanted) }
    }

    @inline(__always)
    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        (scalar.value | 0x20) &- 0x61 < 26 || scalar.value &- 0x30 < 10
    }

    @inline(__always)
    private static func isSign(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "{", "}", "[", "]", "(", ")", "<", ">", ";", "=", "+", "\\", "|", "&", "^", "%", "$", "#", "@", "_", "~":
            true
        default: false
        }
    }
}
