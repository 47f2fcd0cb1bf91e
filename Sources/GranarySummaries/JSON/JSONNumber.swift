/// A JSON number, kept as the text in which it was written.
///
/// `1.0`, `1e400` and `12345678901234567890` are read and written again byte for byte; no digit goes through a
/// `Double`. Two numbers are equal when their texts are: `1` and `1.0` differ.
public struct JSONNumber: Sendable, Hashable, CustomStringConvertible {
    /// The number as written, for instance `-1.50e+3`; always valid JSON and so always ASCII.
    public let text: String

    /// The number with this text, or nil where the text is not a JSON number (`01`, `.5`, `+1`, `NaN`, ` 1`).
    public init?(_ text: String) {
        var reader = JSONReader(textWithoutMark: Array(text.utf8))
        guard (try? reader.scanNumber()) != nil, reader.offset == reader.bytes.count else { return nil }
        self.text = text
    }

    /// The number of a whole value, in decimal digits.
    public init(_ value: some BinaryInteger) {
        text = String(value)
    }

    /// The shortest text that reads back as this value, or nil for infinities and NaN, which JSON cannot write.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        text = value.description
    }

    /// A number whose text the reader has already checked.
    init(validated text: String) {
        self.text = text
    }

    /// The whole value, or nil where the text has a fraction or an exponent or does not fit in an `Int`.
    public var intValue: Int? {
        Int(text)
    }

    /// The nearest `Double`, or nil where the number is too large for one.
    public var doubleValue: Double? {
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }

    /// The number as written.
    public var description: String {
        text
    }
}
