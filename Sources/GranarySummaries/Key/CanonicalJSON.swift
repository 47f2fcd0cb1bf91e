/// JSON of which equal values have one text: no white space, members sorted by the UTF-8 bytes of their names, numbers
/// normalised.
///
/// `0.2`, `0.20` and `2e-1` are one number, and so are `1`, `1.0` and `10e-1`; digits are never rounded, so that
/// `12345678901234567890` and `12345678901234567891` stay two.
public struct CanonicalJSON: Sendable, Hashable, CustomStringConvertible {
    /// The JSON.
    public let text: String

    /// The canonical text of the value.
    public init(_ value: JSONValue) {
        var writer = JSONWriter()
        Self.write(value, to: &writer)
        text = String(decoding: writer.bytes, as: UTF8.self)
    }

    /// The JSON.
    public var description: String { text }

    /// Compares the UTF-8 bytes.
    public static func == (left: CanonicalJSON, right: CanonicalJSON) -> Bool {
        ExactString(left.text) == ExactString(right.text)
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) { hasher.combine(ExactString(text)) }

    private static func write(_ value: JSONValue, to writer: inout JSONWriter) {
        switch value {
        case .object(let object):
            writer.beginObject()
            for member in object.members.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
                writer.name(member.name)
                write(member.value, to: &writer)
            }
            writer.endObject()
        case .array(let elements):
            writer.beginArray()
            for element in elements { write(element, to: &writer) }
            writer.endArray()
        case .number(let number): writer.write(number.normalised)
        case .null, .bool, .string: writer.write(value)
        }
    }
}

extension JSONNumber {
    /// The number in the one form that all its spellings share.
    ///
    /// Digits without zeros at their ends and a power of ten, written out like ECMAScript's numbers: plain from 1e-6 up
    /// to 21 digits, otherwise with an exponent. An exponent of more than 17 digits is left as it is written.
    package var normalised: JSONNumber {
        var digits: [UInt8] = []
        var exponent = 0
        var isNegative = false
        var isFraction = false
        let bytes = Array(text.utf8)
        var position = 0
        scan: while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "."): isFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                let written = String(decoding: bytes[(position + 1)...], as: UTF8.self)
                guard written.utf8.count <= 18, let value = Int(written) else { return self }
                exponent += value
                break scan
            case let digit:
                digits.append(digit)
                if isFraction { exponent -= 1 }
            }
            position += 1
        }
        let zero = UInt8(ascii: "0")
        let significant = digits.drop { $0 == zero }
        guard !significant.isEmpty else { return JSONNumber(validated: "0") }
        let trailing = significant.reversed().prefix { $0 == zero }.count
        exponent += trailing
        let kept = significant.dropLast(trailing)
        return JSONNumber(validated: (isNegative ? "-" : "") + Self.spelling(Array(kept), exponent: exponent))
    }

    private static func spelling(_ digits: [UInt8], exponent: Int) -> String {
        func text(_ part: some Sequence<UInt8>) -> String { String(decoding: Array(part), as: UTF8.self) }
        let point = digits.count + exponent
        if exponent >= 0 && point <= 21 { return text(digits) + String(repeating: "0", count: exponent) }
        if exponent < 0 && point > 0 { return text(digits.prefix(point)) + "." + text(digits.dropFirst(point)) }
        if exponent < 0 && point > -6 { return "0." + String(repeating: "0", count: -point) + text(digits) }
        let fraction = digits.count > 1 ? "." + text(digits.dropFirst()) : ""
        return text(digits.prefix(1)) + fraction + "e\(point - 1)"
    }
}
