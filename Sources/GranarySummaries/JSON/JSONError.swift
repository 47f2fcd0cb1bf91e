/// Why bytes could not be read as JSON, or as JSON of the shape that was asked for, and where.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    /// What went wrong. `expected` is worded for people: "a value", "',' or ']'".
    public enum Reason: Sendable, Equatable {
        /// The text ends where something more had to come.
        case unexpectedEnd(expected: String)
        /// A byte that may not stand here.
        case unexpectedByte(UInt8, expected: String)
        /// A digit behind a leading zero, as in `01`.
        case leadingZero
        /// Bytes in a string that are not UTF-8: cut short, overlong, an encoded surrogate or above U+10FFFF.
        case invalidUTF8
        /// A control character, U+0000 to U+001F, in a string without an escape.
        case controlCharacter(UInt8)
        /// A `\u` escape of one half of a surrogate pair without the other.
        case loneSurrogate
        /// More arrays and objects inside one another than the limit allows.
        case nestingTooDeep(limit: Int)
        /// Text in another encoding, such as "UTF-16".
        case wrongEncoding(String)
        /// A well-formed value of another kind than was asked for.
        case unexpectedKind(JSONValue.Kind, expected: String)
        /// An object without a member that it must have.
        case missingMember(String, expected: String)
    }

    /// What went wrong.
    public let reason: Reason

    /// Where, in bytes counted from 0 at the very start of the input, a byte-order mark included.
    ///
    /// For a value of the wrong kind and for a missing member it is where that value or object starts.
    public let offset: Int

    /// The byte offset, what was expected there, and what was found.
    public var description: String {
        "byte offset \(offset): \(explanation)"
    }

    /// The description without the offset.
    var explanation: String {
        switch reason {
        case .unexpectedEnd(let expected):
            "expected \(expected), found the end of the text"
        case .unexpectedByte(let byte, let expected):
            "expected \(expected), found \(Self.spelling(of: byte))"
        case .leadingZero:
            "expected a number without leading zeros"
        case .invalidUTF8:
            "expected UTF-8 text, found bytes that are not UTF-8"
        case .controlCharacter(let byte):
            "expected control characters to be escaped, found \(Self.spelling(of: byte)) in a string"
        case .loneSurrogate:
            "expected both halves of a surrogate pair, found one \\u escape without the other"
        case .nestingTooDeep(let limit):
            "expected at most \(limit) arrays and objects inside one another, found more"
        case .wrongEncoding(let encoding):
            "the file is \(encoding), save it as UTF-8"
        case .unexpectedKind(let kind, let expected):
            "expected \(expected), found \(kind)"
        case .missingMember(let name, let expected):
            "expected a member \"\(name)\" (\(expected)), found none"
        }
    }

    /// Printable ASCII as itself, anything else in hexadecimal: a broken file must not drive the reader's terminal.
    private static func spelling(of byte: UInt8) -> String {
        guard (0x20..<0x7F).contains(byte) else {
            let digits = String(byte, radix: 16, uppercase: true)
            return "byte 0x" + (digits.utf8.count == 1 ? "0" : "") + digits
        }
        return "'\(Character(Unicode.Scalar(byte)))'"
    }
}
