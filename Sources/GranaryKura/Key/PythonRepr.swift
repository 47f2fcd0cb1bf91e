/// Writes values as Python's `repr` does, byte for byte.
struct PythonRepr {
    private(set) var bytes: [UInt8] = []
    /// The Unicode version of the Python that is followed.
    let unicodeVersion: UnicodeVersion

    private static let hexadecimalDigits = Array("0123456789abcdef".utf8)

    init(unicodeVersion: UnicodeVersion) { self.unicodeVersion = unicodeVersion }

    /// A tuple with so many elements, each written by the body, which gets its number.
    mutating func tuple(count: Int, element: (inout PythonRepr, Int) -> Void) {
        bytes.append(UInt8(ascii: "("))
        for number in 0..<count {
            if number > 0 { append(", ") }
            element(&self, number)
        }
        append(count == 1 ? ",)" : ")")
    }

    /// A text, in double quotes only if it has single quotes and no double ones.
    mutating func text(_ text: String) {
        let holdsSingle = text.utf8.contains(UInt8(ascii: "'"))
        let holdsDouble = text.utf8.contains(UInt8(ascii: "\""))
        let quote = UInt8(ascii: holdsSingle && !holdsDouble ? "\"" : "'")
        bytes.append(quote)
        for scalar in text.unicodeScalars { append(scalar, quote: quote) }
        bytes.append(quote)
    }

    mutating func integer(_ number: Int) { append(String(number)) }

    mutating func none() { append("None") }

    /// A number with the fewest digits that read back as the same one, which is what Swift writes too; only where the
    /// exponent begins differs.
    mutating func real(_ number: Double) {
        if number.isNaN { return append("nan") }
        if number.sign == .minus { bytes.append(UInt8(ascii: "-")) }
        if number.isInfinite { return append("inf") }
        let (digits, point) = Self.digits(of: number.magnitude)
        // The bounds of CPython's float_repr_style "short".
        if point > 16 || point <= -4 {
            appendExponentForm(digits, exponent: point - 1)
        } else if point <= 0 {
            append("0.")
            bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: -point))
            bytes.append(contentsOf: digits)
        } else {
            bytes.append(contentsOf: digits.prefix(point))
            bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(0, point - digits.count)))
            bytes.append(UInt8(ascii: "."))
            bytes.append(contentsOf: digits.count > point ? digits[point...] : [UInt8(ascii: "0")])
        }
    }

    private mutating func appendExponentForm(_ digits: [UInt8], exponent: Int) {
        bytes.append(digits[0])
        if digits.count > 1 {
            bytes.append(UInt8(ascii: "."))
            bytes.append(contentsOf: digits[1...])
        }
        append(exponent < 0 ? "e-" : "e+")
        if abs(exponent) < 10 { bytes.append(UInt8(ascii: "0")) }
        append(String(abs(exponent)))
    }

    /// The significant digits, and where the decimal point stands in them: behind the first for 1.5, before it for 0.15.
    private static func digits(of number: Double) -> (digits: [UInt8], point: Int) {
        let parts = number.description.split(separator: "e")
        var digits: [UInt8] = []
        var point: Int?
        for byte in parts[0].utf8 {
            if byte == UInt8(ascii: ".") { point = digits.count } else { digits.append(byte) }
        }
        var place = (point ?? digits.count) + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        while digits.count > 1, digits[0] == UInt8(ascii: "0") {
            digits.removeFirst()
            place -= 1
        }
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return digits == [UInt8(ascii: "0")] ? (digits, 1) : (digits, place)
    }

    // MARK: Escapes

    private mutating func append(_ scalar: Unicode.Scalar, quote: UInt8) {
        switch scalar {
        case "\\": append("\\\\")
        case "\t": append("\\t")
        case "\n": append("\\n")
        case "\r": append("\\r")
        case " "..<"\u{7F}":
            if UInt8(ascii: scalar) == quote { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(UInt8(ascii: scalar))
        default:
            if Self.isPrintable(scalar, in: unicodeVersion) {
                // Every scalar has a form in UTF-8.
                if let encoded = UTF8.encode(scalar) { bytes.append(contentsOf: encoded) }
            } else {
                appendEscape(scalar.value)
            }
        }
    }

    private mutating func appendEscape(_ value: UInt32) {
        let (letter, count) = value <= 0xFF ? ("x", 2) : value <= 0xFFFF ? ("u", 4) : ("U", 8)
        append("\\\(letter)")
        for place in (0..<count).reversed() {
            bytes.append(Self.hexadecimalDigits[Int(value >> UInt32(4 * place) & 15)])
        }
    }

    /// What Python's `str.isprintable` says of the scalar: it is neither a separator, the space apart, nor of the category
    /// "other", in that version of Unicode.
    static func isPrintable(_ scalar: Unicode.Scalar, in version: UnicodeVersion) -> Bool {
        if scalar.isASCII { return (0x20...0x7E).contains(scalar.value) }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned: return false
        case .lineSeparator, .paragraphSeparator, .spaceSeparator: return false
        default:
            guard let age = scalar.properties.age else { return false }
            return UnicodeVersion(age.major, age.minor) <= version
        }
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
