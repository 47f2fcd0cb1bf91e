/// Appends compact JSON in UTF-8 to bytes; the same calls give the same bytes, always.
///
///     var writer = JSONWriter()
///     writer.beginObject()
///     writer.member("model", "small")
///     writer.name("labels")
///     writer.beginArray()
///     labels.forEach { writer.write($0) }
///     writer.endArray()
///     writer.endObject()
///     file.append(contentsOf: writer.bytes)
///
/// Commas and colons come by themselves. Strings have only `"`, `\` and control characters escaped. That begins and
/// ends pair up, and that every name is followed by one value, is left to the caller.
package struct JSONWriter {
    /// Everything written so far.
    package private(set) var bytes: [UInt8]

    /// Whether a value has been written after which the next one needs a comma.
    private var needsComma = false

    /// A writer that has written nothing.
    package init() {
        bytes = []
    }

    /// An array with one element a line, and a new line at its end.
    package static func lines<Element>(
        of elements: [Element],
        _ write: (Element, inout JSONWriter) -> Void
    ) -> [UInt8] {
        // One writer for all: one that continues the bytes of another would copy them for every element.
        var writer = JSONWriter()
        writer.bytes.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { writer.bytes.append(UInt8(ascii: ",")) }
            writer.endLine()
            write(element, &writer)
        }
        if !elements.isEmpty { writer.endLine() }
        writer.bytes.append(UInt8(ascii: "]"))
        writer.endLine()
        return writer.bytes
    }

    /// Ends the line; the next value begins anew, without a comma.
    package mutating func endLine() {
        bytes.append(UInt8(ascii: "\n"))
        needsComma = false
    }

    // MARK: Arrays and objects

    /// Opens an object; members follow, then `endObject()`.
    package mutating func beginObject() {
        open(with: UInt8(ascii: "{"))
    }

    /// Closes the innermost object.
    package mutating func endObject() {
        close(with: UInt8(ascii: "}"))
    }

    /// Opens an array; values follow, then `endArray()`.
    package mutating func beginArray() {
        open(with: UInt8(ascii: "["))
    }

    /// Closes the innermost array.
    package mutating func endArray() {
        close(with: UInt8(ascii: "]"))
    }

    /// Writes a member's name; its value follows.
    package mutating func name(_ name: String) {
        write(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: Values

    /// Writes a string.
    package mutating func write(_ string: String) {
        separate()
        appendQuoted(string)
    }

    /// Writes a number, as its text.
    package mutating func write(_ number: JSONNumber) {
        separate()
        bytes.append(contentsOf: number.text.utf8)
    }

    /// Writes a whole number.
    package mutating func write(_ number: some BinaryInteger) {
        write(JSONNumber(number))
    }

    /// Writes `true` or `false`.
    package mutating func write(_ flag: Bool) {
        separate()
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    /// Writes `null`.
    package mutating func writeNull() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    /// Writes an object, its members in order.
    package mutating func write(_ object: JSONObject) {
        beginObject()
        for member in object.members {
            name(member.name)
            write(member.value)
        }
        endObject()
    }

    /// Writes any value.
    package mutating func write(_ value: JSONValue) {
        switch value {
        case .null: writeNull()
        case .bool(let flag): write(flag)
        case .number(let number): write(number)
        case .string(let string): write(string)
        case .array(let elements):
            beginArray()
            for element in elements { write(element) }
            endArray()
        case .object(let object): write(object)
        }
    }

    // MARK: Members

    /// Writes a member that is a string.
    package mutating func member(_ name: String, _ value: String) {
        self.name(name)
        write(value)
    }

    /// Writes a member that is a string; nothing at all for nil.
    package mutating func member(_ name: String, ifPresent value: String?) {
        guard let value else { return }
        member(name, value)
    }

    /// Writes a member that is a number, as its text.
    package mutating func member(_ name: String, _ value: JSONNumber) {
        self.name(name)
        write(value)
    }

    /// Writes a member that is a whole number.
    package mutating func member(_ name: String, _ value: some BinaryInteger) {
        self.name(name)
        write(value)
    }

    /// Writes a member that is `true` or `false`.
    package mutating func member(_ name: String, _ value: Bool) {
        self.name(name)
        write(value)
    }

    /// Writes a member that is an object.
    package mutating func member(_ name: String, _ value: JSONObject) {
        self.name(name)
        write(value)
    }

    /// Writes a member of any kind.
    package mutating func member(_ name: String, _ value: JSONValue) {
        self.name(name)
        write(value)
    }

    // MARK: Bytes

    private mutating func open(with byte: UInt8) {
        separate()
        bytes.append(byte)
        needsComma = false
    }

    private mutating func close(with byte: UInt8) {
        bytes.append(byte)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func appendQuoted(_ string: String) {
        // One copy to an array, then whole runs between escapes: several times faster than walking the string's view.
        let text = Array(string.utf8)
        bytes.append(UInt8(ascii: "\""))
        var run = 0
        for (index, byte) in text.enumerated()
        where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
            bytes.append(contentsOf: text[run..<index])
            appendEscape(of: byte)
            run = index + 1
        }
        bytes.append(contentsOf: text[run...])
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func appendEscape(of byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case ..<0x20:
            bytes.append(contentsOf: (byte < 0x10 ? "u000" : "u00").utf8)
            bytes.append(contentsOf: String(byte, radix: 16).utf8)
        default: bytes.append(byte)
        }
    }
}
