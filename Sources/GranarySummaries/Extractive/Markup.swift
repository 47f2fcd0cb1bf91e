/// Takes the marks of Markdown and HTML, and web and mail addresses, out of a line of text.
enum Markup {
    /// An address or a tag that does not end within this is not one; the bound keeps odd input from costing a scan of
    /// the rest of the line at every bracket.
    private static let longestMark = 300

    /// The line without its indent, quotation, heading or list marks, and what these said it was.
    static func body(of line: ArraySlice<Unicode.Scalar>) -> (ArraySlice<Unicode.Scalar>, Prose.Shape) {
        var body = trimmed(line)
        while body.first == ">" { body = trimmed(body.dropFirst()) }
        guard let first = body.first else { return (body, .plain) }
        // A row of a table reads as no sentence.
        if first == "|" { return (body.prefix(0), .plain) }
        if first == "#" {
            let rest = body.drop { $0 == "#" }
            guard body.count - rest.count <= 6, rest.first == " " else { return (body, .plain) }
            return (trimmed(rest), .heading)
        }
        if first == "-" || first == "*" || first == "+" || first == "•" {
            let rest = body.dropFirst()
            guard let next = rest.first, isSpace(next) else { return (body, .plain) }
            return (trimmed(rest), .item)
        }
        let rest = body.drop { $0.value &- 0x30 < 10 }
        let digits = body.count - rest.count
        if digits > 0, digits <= 3, let mark = rest.first, mark == "." || mark == ")" || mark == "、" {
            let text = rest.dropFirst()
            guard let next = text.first else { return (body, .plain) }
            // "1.Input" is an item, "3.5" is not, and "2.x" is none either.
            let isItem = mark == "、" || isSpace(next) || LetterFolding.small(next) != next
            return isItem ? (trimmed(text), .item) : (body, .plain)
        }
        // "a)", "B.", "IV."
        let letters = body.prefix(4).prefix { ScalarClass($0) == .letter(.latin) }
        let isNumeral = letters.count == 1 || letters.allSatisfy { $0 == "I" || $0 == "V" || $0 == "X" }
        let marked = body.dropFirst(letters.count)
        if !letters.isEmpty, isNumeral, marked.count > 2, marked.first == "." || marked.first == ")",
            isSpace(marked[marked.startIndex + 1])
        {
            return (trimmed(marked.dropFirst()), .item)
        }
        return (body, .plain)
    }

    /// Appends the text of `body`, with single spaces, to the paragraph that begins at `start` in `scalars`.
    static func appendPlain(
        _ body: ArraySlice<Unicode.Scalar>,
        to scalars: inout [Unicode.Scalar],
        from start: Int
    ) {
        var owesSpace = false
        var index = body.startIndex
        while index < body.endIndex {
            let scalar = body[index]
            if isSpace(scalar) {
                owesSpace = true
                index += 1
                continue
            }
            let next = markEnd(in: body, at: index)
            guard next == index else {
                if isAddressStart(scalar) {
                    append(omission, to: &scalars, from: start, owesSpace: &owesSpace)
                }
                index = next
                continue
            }
            index += 1
            guard !isInvisible(scalar) else { continue }
            if scalar == "@", let end = mailEnd(in: body, at: index - 1) {
                while scalars.count > start, isMailName(scalars[scalars.count - 1]) { scalars.removeLast() }
                append(omission, to: &scalars, from: start, owesSpace: &owesSpace)
                index = end
                continue
            }
            append(CollectionOfOne(scalar), to: &scalars, from: start, owesSpace: &owesSpace)
        }
        while scalars.count > start, scalars[scalars.count - 1] == " " { scalars.removeLast() }
    }

    /// Stands for an address, since the words around it often need something in its place.
    private static let omission: [Unicode.Scalar] = ["[", "…", "]"]

    @inline(__always)
    private static func append(
        _ text: some Collection<Unicode.Scalar>,
        to scalars: inout [Unicode.Scalar],
        from start: Int,
        owesSpace: inout Bool
    ) {
        if owesSpace, scalars.count > start, scalars[scalars.count - 1] != " " { scalars.append(" ") }
        owesSpace = false
        scalars.append(contentsOf: text)
    }

    /// The place after the mark that begins at `index`, or `index` if the scalar there is text.
    @inline(__always)
    private static func markEnd(in body: ArraySlice<Unicode.Scalar>, at index: Int) -> Int {
        switch body[index] {
        case "`": index + 1
        case "*": emphasisEnd(in: body, at: index)
        case "<": tagEnd(in: body, at: index)
        case "!":
            index + 1 < body.endIndex && body[index + 1] == "[" && hasTarget(body, at: index + 1) ? index + 1 : index
        case "[": hasTarget(body, at: index) ? index + 1 : index
        case "]": targetEnd(in: body, at: index)
        case let scalar where isAddressStart(scalar): addressEnd(in: body, at: index)
        default: index
        }
    }

    /// Asterisks hug the words they stress; between two spaces or two letters they are multiplication.
    private static func emphasisEnd(in body: ArraySlice<Unicode.Scalar>, at index: Int) -> Int {
        let end = body[index...].firstIndex { $0 != "*" } ?? body.endIndex
        let before = index > body.startIndex ? !isSpace(body[index - 1]) : false
        let after = end < body.endIndex ? !isSpace(body[end]) : false
        return end - index > 1 || before != after ? end : index
    }

    /// A tag is a name with nothing, or with attributes, after it; `<the rest of it>` is somebody's words.
    private static func tagEnd(in body: ArraySlice<Unicode.Scalar>, at index: Int) -> Int {
        let window = body[(index + 1)..<min(body.endIndex, index + longestMark)]
        guard let close = window.firstIndex(of: ">") else { return index }
        let inner = window[window.startIndex..<close]
        guard let first = inner.first, first == "/" || first == "!" || ScalarClass(first) == .letter(.latin) else {
            return index
        }
        let isTag = !inner.contains(" ") || inner.contains("=") || inner.last == "/" || first == "!"
        return isTag ? close + 1 : index
    }

    /// True if the bracket at `index` opens the text of a link: `[text](address)`.
    private static func hasTarget(_ body: ArraySlice<Unicode.Scalar>, at index: Int) -> Bool {
        let window = body[(index + 1)..<min(body.endIndex, index + longestMark)]
        guard let close = window.firstIndex(of: "]") else { return false }
        return targetEnd(in: body, at: close) != close
    }

    private static func targetEnd(in body: ArraySlice<Unicode.Scalar>, at index: Int) -> Int {
        guard index + 1 < body.endIndex, body[index + 1] == "(" else { return index }
        let window = body[(index + 2)..<min(body.endIndex, index + longestMark)]
        guard let close = window.firstIndex(of: ")") else { return index }
        let target = window[window.startIndex..<close]
        // Sets and calls are written `[a](b c)` too; an address has no space before its title, and says where.
        let address = target.prefix { $0 != " " }
        return address.contains("/") || address.contains("#") || address.contains(".") ? close + 1 : index
    }

    private static let schemes: [[Unicode.Scalar]] = ["http://", "https://", "www.", "ftp://"].map {
        Array($0.unicodeScalars)
    }

    @inline(__always)
    private static func isAddressStart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "h", "H", "w", "W", "f": true
        default: false
        }
    }

    private static func addressEnd(in body: ArraySlice<Unicode.Scalar>, at index: Int) -> Int {
        if index > body.startIndex, case .letter(.latin) = ScalarClass(body[index - 1]) { return index }
        let rest = body[index...]
        let isAddress = schemes.contains { scheme in
            rest.count > scheme.count && rest.starts(with: scheme) { LetterFolding.small($0) == $1 }
        }
        guard isAddress else { return index }
        // Writers of Chinese and Japanese put no space after an address.
        var end = rest.firstIndex { isSpace($0) || $0.value >= 0x2E80 || isAddressFence($0) } ?? rest.endIndex
        while end > index, isTrailing(body[end - 1]) { end -= 1 }
        return end
    }

    /// The place after the mail address around the sign at `index`: personal data that no summary should repeat.
    private static func mailEnd(in body: ArraySlice<Unicode.Scalar>, at index: Int) -> Int? {
        guard index > body.startIndex, isMailName(body[index - 1]) else { return nil }
        let window = body[(index + 1)..<min(body.endIndex, index + longestMark)]
        var host = window.prefix { isMailName($0) }
        while let last = host.last, last == "." || last == "-" { host.removeLast() }
        return host.contains(".") ? host.endIndex : nil
    }

    private static func isMailName(_ scalar: Unicode.Scalar) -> Bool {
        switch ScalarClass(scalar) {
        case .letter, .digit: scalar.value < 0x2E80
        case .mark: false
        case .other: scalar == "." || scalar == "_" || scalar == "-" || scalar == "+" || scalar == "%"
        }
    }

    private static func isAddressFence(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case ")", "]", ">", "\"", "<", "`", "}", "”", "’": true
        default: false
        }
    }

    private static func isTrailing(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case ".", ",", ";", ":", "!", "?", "*", "'": true
        default: false
        }
    }

    private static func trimmed(_ line: ArraySlice<Unicode.Scalar>) -> ArraySlice<Unicode.Scalar> {
        var line = line.drop(while: isSpace)
        while let last = line.last, isSpace(last) { line.removeLast() }
        return line
    }

    @inline(__always)
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        let value = scalar.value
        if value <= 0x20 || value == 0x7F { return true }
        guard value >= 0xA0 else { return value >= 0x80 }
        switch value {
        case 0xA0, 0x1680, 0x2000...0x200A, 0x202F, 0x205F, 0x3000: return true
        default: return false
        }
    }

    /// Byte order marks, zero-width spaces and marks of direction; the last could reorder the text around a quotation.
    /// The joiners U+200C and U+200D stay: Persian words and emoji fall apart without them.
    @inline(__always)
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        let value = scalar.value
        guard value >= 0xAD else { return false }
        switch value {
        case 0xAD, 0x061C, 0x200B, 0x200E, 0x200F, 0x202A...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF9...0xFFFC:
            return true
        default: return false
        }
    }
}
