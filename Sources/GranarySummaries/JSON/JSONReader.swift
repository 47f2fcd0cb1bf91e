/// A strict pull reader of JSON (RFC 8259, UTF-8) over bytes in memory.
///
///     var reader = try JSONReader(bytes)
///     try reader.beginObject()
///     while let name = try reader.nextMember() {
///         if name == "model" { model = try reader.readString() } else { try reader.skipValue() }
///     }
///     try reader.finish()
///
/// Every member and element must be read or skipped before the next is asked for. What is skipped is checked as
/// strictly as what is read. After an error the reader's place is not defined.
package struct JSONReader {
    /// The most arrays and objects inside one another. Conversations need fewer than ten; the reader itself uses no
    /// stack for them, but comparing, writing and freeing a `JSONValue` do: at this depth under 64 KiB of it, in an
    /// unoptimised build under 1 MiB.
    package static let maximumDepth = 512

    /// The whole input.
    let bytes: [UInt8]

    /// Where the reader stands, in bytes from the start of the input.
    package internal(set) var offset: Int

    /// How many arrays and objects are open.
    private var depth = 0

    /// Whether the innermost open array or object has just been opened, so that no comma is due. One flag does for
    /// all levels, since an enclosing one has its first value behind it by then.
    private var isBeforeFirst = false

    /// A reader at the start of the text, behind a UTF-8 byte-order mark if there is one.
    /// - Throws: `JSONError` where the text is UTF-16 or UTF-32.
    package init(_ bytes: [UInt8]) throws(JSONError) {
        if let encoding = Self.foreignEncoding(of: bytes) {
            throw JSONError(reason: .wrongEncoding(encoding), offset: 0)
        }
        self.bytes = bytes
        offset = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// A reader that takes a byte-order mark for what any other byte out of place is, an error.
    init(textWithoutMark bytes: [UInt8]) {
        self.bytes = bytes
        offset = 0
    }

    // MARK: Arrays and objects

    /// Enters an array; `nextElement()` follows.
    package mutating func beginArray() throws(JSONError) {
        guard try nextKind() == .array else { throw try mismatch(expected: "an array") }
        try open()
    }

    /// Goes to the next element of the innermost array; false at its end, which is thereby left.
    package mutating func nextElement() throws(JSONError) -> Bool {
        try advance(orClose: UInt8(ascii: "]"), first: "a value or ']'", further: "',' or ']'")
    }

    /// Enters an object; `nextMember()` follows.
    /// - Returns: where the object starts, for an error about the object as a whole.
    @discardableResult
    package mutating func beginObject() throws(JSONError) -> Int {
        guard try nextKind() == .object else { throw try mismatch(expected: "an object") }
        let start = offset
        try open()
        return start
    }

    /// Goes to the next member of the innermost object and gives its name; nil at the object's end, which is thereby
    /// left. A name may come more than once; it is for the caller to let the last one win.
    package mutating func nextMember() throws(JSONError) -> String? {
        guard try advanceToMember() else { return nil }
        let name = try text(of: scanString())
        try passColon()
        return name
    }

    /// Goes to the next member without making a string of its name; false at the object's end.
    mutating func skipToNextMember() throws(JSONError) -> Bool {
        guard try advanceToMember() else { return false }
        _ = try scanString()
        try passColon()
        return true
    }

    // MARK: Single values

    /// The kind of the value that comes next, judged by its first byte.
    package mutating func nextKind() throws(JSONError) -> JSONValue.Kind {
        skipWhitespace()
        guard offset < bytes.count else { throw unexpected(expected: "a value") }
        switch bytes[offset] {
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw unexpected(expected: "a value")
        }
    }

    /// Reads a string, unescaped.
    package mutating func readString() throws(JSONError) -> String {
        guard try nextKind() == .string else { throw try mismatch(expected: "a string") }
        return try text(of: scanString())
    }

    /// Reads a string, or nil for `null`.
    package mutating func readStringOrNull() throws(JSONError) -> String? {
        switch try nextKind() {
        case .string:
            return try text(of: scanString())
        case .null:
            try readNull()
            return nil
        default:
            throw try mismatch(expected: "a string or null")
        }
    }

    /// Reads a number as its text.
    package mutating func readNumber() throws(JSONError) -> JSONNumber {
        guard try nextKind() == .number else { throw try mismatch(expected: "a number") }
        return JSONNumber(validated: String(decoding: bytes[try scanNumber()], as: UTF8.self))
    }

    /// Reads `true` or `false`.
    package mutating func readBool() throws(JSONError) -> Bool {
        guard try nextKind() == .bool else { throw try mismatch(expected: "a boolean") }
        let isTrue = bytes[offset] == UInt8(ascii: "t")
        try scan(literal: isTrue ? "true" : "false")
        return isTrue
    }

    /// Reads `null`.
    package mutating func readNull() throws(JSONError) {
        guard try nextKind() == .null else { throw try mismatch(expected: "null") }
        try scan(literal: "null")
    }

    /// Whether nothing but white space is left.
    mutating func isAtEnd() -> Bool {
        skipWhitespace()
        return offset == bytes.count
    }

    /// Checks that nothing but white space is left.
    package mutating func finish() throws(JSONError) {
        skipWhitespace()
        guard offset == bytes.count else { throw unexpected(expected: "the end of the text") }
    }

    // MARK: Errors

    /// The error for the byte, or the end, where the reader stands.
    func unexpected(expected: String) -> JSONError {
        unexpected(at: offset, expected: expected)
    }

    /// The error for the byte, or the end, at an offset.
    func unexpected(at offset: Int, expected: String) -> JSONError {
        guard offset < bytes.count else {
            return JSONError(reason: .unexpectedEnd(expected: expected), offset: bytes.count)
        }
        return JSONError(reason: .unexpectedByte(bytes[offset], expected: expected), offset: offset)
    }

    /// The error for a next value that is not of the kind that was asked for.
    /// - Throws: what is wrong with that value itself, for then its kind is only a guess.
    package mutating func mismatch(expected: String) throws(JSONError) -> JSONError {
        let kind = try nextKind()
        let start = offset
        try skipValue()
        return JSONError(reason: .unexpectedKind(kind, expected: expected), offset: start)
    }

    // MARK: Structure

    private mutating func open() throws(JSONError) {
        guard depth < Self.maximumDepth else {
            throw JSONError(reason: .nestingTooDeep(limit: Self.maximumDepth), offset: offset)
        }
        depth += 1
        offset += 1
        isBeforeFirst = true
    }

    private mutating func advance(
        orClose close: UInt8,
        first: StaticString,
        further: StaticString
    ) throws(JSONError) -> Bool {
        let isFirst = isBeforeFirst
        isBeforeFirst = false
        skipWhitespace()
        guard offset < bytes.count else { throw unexpected(expected: "\(isFirst ? first : further)") }
        if bytes[offset] == close {
            offset += 1
            depth -= 1
            return false
        }
        if isFirst { return true }
        guard bytes[offset] == UInt8(ascii: ",") else { throw unexpected(expected: "\(further)") }
        offset += 1
        return true
    }

    private mutating func advanceToMember() throws(JSONError) -> Bool {
        guard try advance(orClose: UInt8(ascii: "}"), first: "a name or '}'", further: "',' or '}'") else {
            return false
        }
        skipWhitespace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
            throw unexpected(expected: "a name in quotes")
        }
        return true
    }

    private mutating func passColon() throws(JSONError) {
        skipWhitespace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: ":") else { throw unexpected(expected: "':'") }
        offset += 1
    }

    private mutating func skipWhitespace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    /// The encoding of text that is not UTF-8 by its mark, or by the zero bytes beside its first ASCII character.
    private static func foreignEncoding(of bytes: [UInt8]) -> String? {
        // Missing bytes read as 0xFF, which matches no rule below.
        let start = (0..<4).map { $0 < bytes.count ? bytes[$0] : 0xFF }
        switch (start[0], start[1], start[2], start[3]) {
        case (0xFF, 0xFE, 0, 0), (0, 0, 0xFE, 0xFF): return "UTF-32"
        case (0xFF, 0xFE, _, _), (0xFE, 0xFF, _, _): return bytes.count > 1 ? "UTF-16" : nil
        case (1..., 0, 0, 0), (0, 0, 0, 1...0xFE): return "UTF-32"
        case (1..., 0, _, _), (0, 1...0xFE, _, _): return "UTF-16"
        default: return nil
        }
    }
}
