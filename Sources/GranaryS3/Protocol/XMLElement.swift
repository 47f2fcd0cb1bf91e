/// An element of the XML that S3 answers with.
///
/// The reader is strict and knows a small part of XML 1.0: one declaration, elements, attributes (which are skipped),
/// comments, text with the five named entities and numbers. Document types, and with them entities that expand, CDATA
/// and processing instructions are refused.
///
/// Source: <https://www.w3.org/TR/xml/>.
struct XMLElement: Sendable, Equatable {
    var name: String
    /// The text directly inside.
    var text = ""
    var children: [XMLElement] = []

    /// Elements inside one another; S3's answers have up to five.
    private static let depthLimit = 16

    /// The text of the first child of the name.
    subscript(name: String) -> String? { children.first { $0.name == name }?.text }

    /// The root element.
    ///
    /// - Throws: `XMLError` where the bytes are not XML of that kind.
    init(parsing bytes: [UInt8]) throws(XMLError) {
        var scanner = XMLScanner(bytes)
        try scanner.skipProlog()
        // Open elements, the root first.
        var open: [XMLElement] = []
        while true {
            switch try scanner.next() {
            case .start(let name, let isEmpty):
                guard open.count < Self.depthLimit else { throw scanner.error("elements are nested too deeply") }
                open.append(XMLElement(name: name))
                guard isEmpty else { continue }
            case .end(let name):
                guard open.last?.name == name else { throw scanner.error("</\(name)> closes nothing") }
            case .text(let text):
                guard !open.isEmpty else { throw scanner.error("text is outside the root") }
                open[open.count - 1].text += text
                continue
            }
            guard let closed = open.popLast() else { throw scanner.error("there is no root") }
            guard !open.isEmpty else {
                try scanner.skipEpilog()
                self = closed
                return
            }
            open[open.count - 1].children.append(closed)
        }
    }

    private init(name: String) { self.name = name }
}

/// Why bytes are not XML that can be read here.
struct XMLError: Error, Equatable, CustomStringConvertible {
    var reason: String
    var offset: Int
    var description: String { "\(reason), at byte \(offset)" }
}

/// Goes through the bytes, mark by mark.
private struct XMLScanner {
    enum Mark {
        case start(String, isEmpty: Bool)
        case end(String)
        case text(String)
    }

    private let bytes: [UInt8]
    private var position = 0

    private static let nameLimit = 128
    /// The longest is `&#x10FFFF;`.
    private static let entityLimit = 10

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func error(_ reason: String) -> XMLError { XMLError(reason: reason, offset: position) }

    mutating func skipProlog() throws(XMLError) {
        skip("\u{FEFF}")
        if starts("<?xml ") { try skip(through: "?>") }
        try skipSpaceAndComments()
        guard starts("<"), !starts("<!"), !starts("<?") else { throw error("there is no root element") }
    }

    mutating func skipEpilog() throws(XMLError) {
        try skipSpaceAndComments()
        guard position == bytes.count else { throw error("something is behind the root") }
    }

    mutating func next() throws(XMLError) -> Mark {
        while starts("<!--") { try skip(through: "-->") }
        guard position < bytes.count else { throw error("it ends within an element") }
        if starts("</") {
            position += 2
            let name = try name()
            skipSpace()
            try expect(">")
            return .end(name)
        }
        guard starts("<") else { return .text(try text()) }
        position += 1
        let name = try name()
        return .start(name, isEmpty: try skipAttributes())
    }

    /// Whether the element ends with them.
    private mutating func skipAttributes() throws(XMLError) -> Bool {
        while true {
            let before = position
            skipSpace()
            if skip("/>") { return true }
            if skip(">") { return false }
            guard position > before else { throw error("an attribute has no space before it") }
            _ = try name()
            skipSpace()
            try expect("=")
            skipSpace()
            guard let quote = ["\"", "'"].first(where: { starts($0) }) else { throw error("a quote is missing") }
            position += 1
            try skip(through: quote)
        }
    }

    private mutating func name() throws(XMLError) -> String {
        let start = position
        while position < bytes.count, position - start <= Self.nameLimit, Self.isNameByte(bytes[position]) {
            position += 1
        }
        guard position > start, position - start <= Self.nameLimit else { throw error("a name is missing or too long") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: ":"):
            true
        default: false
        }
    }

    private mutating func text() throws(XMLError) -> String {
        var content: [UInt8] = []
        while position < bytes.count, bytes[position] != UInt8(ascii: "<") {
            if bytes[position] == UInt8(ascii: "&") {
                content += String(try entity()).utf8
            } else {
                content.append(bytes[position])
                position += 1
            }
        }
        guard let text = String(validating: content, as: UTF8.self) else { throw error("text is not UTF-8") }
        return text
    }

    private mutating func entity() throws(XMLError) -> Character {
        let part = bytes[position...].prefix(Self.entityLimit)
        guard let end = part.firstIndex(of: UInt8(ascii: ";")) else { throw error("an entity has no end") }
        let name = String(decoding: part[(part.startIndex + 1)..<end], as: UTF8.self)
        let named: [String: Character] = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'"]
        guard let character = named[name] ?? Self.numbered(name) else { throw error("an entity is unknown") }
        position = end + 1
        return character
    }

    private static func numbered(_ name: String) -> Character? {
        let number: UInt32?
        if name.hasPrefix("#x") {
            number = UInt32(name.dropFirst(2), radix: 16)
        } else if name.hasPrefix("#") {
            number = UInt32(name.dropFirst(), radix: 10)
        } else {
            return nil
        }
        return number.flatMap(Unicode.Scalar.init).map(Character.init)
    }

    private mutating func skipSpaceAndComments() throws(XMLError) {
        skipSpace()
        while starts("<!--") {
            try skip(through: "-->")
            skipSpace()
        }
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private func starts(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

    @discardableResult
    private mutating func skip(_ text: String) -> Bool {
        guard starts(text) else { return false }
        position += text.utf8.count
        return true
    }

    private mutating func expect(_ text: String) throws(XMLError) {
        guard skip(text) else { throw error("\(text) is missing") }
    }

    private mutating func skip(through text: String) throws(XMLError) {
        while position < bytes.count {
            if skip(text) { return }
            position += 1
        }
        throw error("\(text) is missing")
    }
}
