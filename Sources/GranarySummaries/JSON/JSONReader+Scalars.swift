// Strings, numbers and literals. A scan checks its bytes and moves past them; only then is text made of them, so
// that skipping and reading are held to one and the same rule.
extension JSONReader {
    /// Where a string's contents lie, between the quotes, and whether they contain an escape.
    struct ScannedString {
        let contents: Range<Int>
        let hasEscapes: Bool
    }

    // MARK: Strings

    /// Checks the string whose opening quote the reader stands at, and moves past it.
    mutating func scanString() throws(JSONError) -> ScannedString {
        let start = offset + 1
        var index = start
        var hasEscapes = false
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                offset = index + 1
                return ScannedString(contents: start..<index, hasEscapes: hasEscapes)
            } else if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                index = try escape(at: index).end
            } else if byte < 0x20 {
                throw JSONError(reason: .controlCharacter(byte), offset: index)
            } else if byte < 0x80 {
                index += 1
            } else {
                index += try lengthOfUTF8Sequence(at: index)
            }
        }
        throw unexpected(at: index, expected: "'\"' at the end of a string")
    }

    /// The text of a string that a scan has checked.
    func text(of string: ScannedString) throws(JSONError) -> String {
        let contents = string.contents
        guard string.hasEscapes else { return String(decoding: bytes[contents], as: UTF8.self) }
        var text: [UInt8] = []
        text.reserveCapacity(contents.count)
        var index = contents.lowerBound
        while index < contents.upperBound {
            let run = index
            while index < contents.upperBound, bytes[index] != UInt8(ascii: "\\") { index += 1 }
            text.append(contentsOf: bytes[run..<index])
            if index < contents.upperBound {
                let (scalar, end) = try escape(at: index)
                text.append(contentsOf: scalar.utf8)
                index = end
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The character that the escape at `index`, a backslash, stands for, and where the escape ends.
    private func escape(at index: Int) throws(JSONError) -> (scalar: Unicode.Scalar, end: Int) {
        let expected = "one of \" \\ / b f n r t u behind a backslash"
        guard index + 1 < bytes.count else { throw unexpected(at: index + 1, expected: expected) }
        let scalar: Unicode.Scalar
        switch bytes[index + 1] {
        case UInt8(ascii: "\""): scalar = "\""
        case UInt8(ascii: "\\"): scalar = "\\"
        case UInt8(ascii: "/"): scalar = "/"
        case UInt8(ascii: "b"): scalar = "\u{8}"
        case UInt8(ascii: "f"): scalar = "\u{C}"
        case UInt8(ascii: "n"): scalar = "\n"
        case UInt8(ascii: "r"): scalar = "\r"
        case UInt8(ascii: "t"): scalar = "\t"
        case UInt8(ascii: "u"): return try unicodeEscape(at: index)
        default: throw unexpected(at: index + 1, expected: expected)
        }
        return (scalar, index + 2)
    }

    /// As `escape(at:)`, for `\uXXXX` and for the two of them that make up a surrogate pair.
    private func unicodeEscape(at index: Int) throws(JSONError) -> (scalar: Unicode.Scalar, end: Int) {
        let first = try codeUnit(at: index + 2)
        // A code unit outside the surrogates is a scalar by itself.
        if let scalar = Unicode.Scalar(first) { return (scalar, index + 6) }
        let second = index + 6
        guard first < 0xDC00, second + 1 < bytes.count, bytes[second] == UInt8(ascii: "\\"),
            bytes[second + 1] == UInt8(ascii: "u")
        else { throw JSONError(reason: .loneSurrogate, offset: index) }
        let low = try codeUnit(at: second + 2)
        guard (0xDC00...0xDFFF).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (low - 0xDC00))
        else { throw JSONError(reason: .loneSurrogate, offset: index) }
        return (scalar, second + 6)
    }

    private func codeUnit(at index: Int) throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        for position in index..<index + 4 {
            guard position < bytes.count, let digit = Self.hexadecimalValue(of: bytes[position]) else {
                throw unexpected(at: position, expected: "four hexadecimal digits behind \\u")
            }
            unit = unit << 4 | digit
        }
        return unit
    }

    private static func hexadecimalValue(of byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// The length of the multi-byte character at `index`, in bytes, by the table of well-formed sequences in the
    /// Unicode standard (3.9, table 3-7): the second byte's range rules out overlong forms, surrogates and
    /// everything above U+10FFFF.
    private func lengthOfUTF8Sequence(at index: Int) throws(JSONError) -> Int {
        let length: Int
        let second: ClosedRange<UInt8>
        switch bytes[index] {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw JSONError(reason: .invalidUTF8, offset: index)
        }
        guard index + length <= bytes.count, second.contains(bytes[index + 1]),
            length < 3 || bytes[index + 2] & 0xC0 == 0x80, length < 4 || bytes[index + 3] & 0xC0 == 0x80
        else { throw JSONError(reason: .invalidUTF8, offset: index) }
        return length
    }

    // MARK: Numbers and literals

    /// Checks the number at whose first byte the reader stands, and moves past it.
    mutating func scanNumber() throws(JSONError) -> Range<Int> {
        let start = offset
        if hasByte(UInt8(ascii: "-")) { offset += 1 }
        if hasByte(UInt8(ascii: "0")) {
            offset += 1
            guard !hasDigit else { throw JSONError(reason: .leadingZero, offset: offset - 1) }
        } else {
            try scanDigits()
        }
        if hasByte(UInt8(ascii: ".")) {
            offset += 1
            try scanDigits()
        }
        if hasByte(UInt8(ascii: "e")) || hasByte(UInt8(ascii: "E")) {
            offset += 1
            if hasByte(UInt8(ascii: "+")) || hasByte(UInt8(ascii: "-")) { offset += 1 }
            try scanDigits()
        }
        return start..<offset
    }

    /// Checks that the reader stands at this literal, and moves past it.
    mutating func scan(literal: String) throws(JSONError) {
        for byte in literal.utf8 {
            guard hasByte(byte) else { throw unexpected(expected: literal) }
            offset += 1
        }
    }

    private mutating func scanDigits() throws(JSONError) {
        guard hasDigit else { throw unexpected(expected: "a digit") }
        while hasDigit { offset += 1 }
    }

    private var hasDigit: Bool {
        offset < bytes.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset])
    }

    private func hasByte(_ byte: UInt8) -> Bool {
        offset < bytes.count && bytes[offset] == byte
    }
}
