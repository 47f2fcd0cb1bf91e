/// How RESP3 spells what fits on a line.
///
/// Specification: <https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md>
enum RESPScalar {
    /// A number of 64 bits, with a sign or without.
    static func integer(_ text: Span<UInt8>) throws(RESPError) -> Int64 {
        let isNegative = text.count > 0 && text[0] == UInt8(ascii: "-")
        let first = isNegative || (text.count > 0 && text[0] == UInt8(ascii: "+")) ? 1 : 0
        guard text.count > first else { throw .malformedScalar }
        var number: Int64 = 0
        for index in first..<text.count {
            guard let digit = digit(text[index]) else { throw .malformedScalar }
            let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
            // Downwards, because there is one number more below zero.
            let (sum, overflowed) = tens.subtractingReportingOverflow(Int64(digit))
            guard !overflow, !overflowed else { throw .malformedScalar }
            number = sum
        }
        if isNegative { return number }
        guard number != .min else { throw .malformedScalar }
        return -number
    }

    /// A length of bytes or elements; nil for the `-1` by which RESP2 says null.
    static func length(_ text: Span<UInt8>, most limit: Int) throws(RESPError) -> Int? {
        if text.count == 1, text[0] == UInt8(ascii: "?") { throw .streamed }
        let isNull = text.count == 2 && text[0] == UInt8(ascii: "-") && text[1] == UInt8(ascii: "1")
        if isNull { return nil }
        guard text.count > 0, digit(text[0]) != nil else { throw .malformedScalar }
        let length = try integer(text)
        guard length <= limit else { throw .tooLarge }
        return Int(length)
    }

    /// Digits, with a sign or without.
    static func bigNumber(_ text: Span<UInt8>) throws(RESPError) -> [UInt8] {
        var position = 0
        skipSign(text, &position)
        guard skipDigits(text, &position), position == text.count else { throw .malformedScalar }
        return text.array
    }

    /// `inf`, `-inf`, `nan`, or digits with a fraction, an exponent, both or neither.
    static func double(_ text: Span<UInt8>) throws(RESPError) -> Double {
        let spelling = String(decoding: text.array, as: UTF8.self)
        switch spelling {
        case "inf", "+inf": return .infinity
        case "-inf": return -.infinity
        case "nan", "-nan": return .nan
        default: break
        }
        var position = 0
        skipSign(text, &position)
        guard skipDigits(text, &position) else { throw .malformedScalar }
        if position < text.count, text[position] == UInt8(ascii: ".") {
            position += 1
            guard skipDigits(text, &position) else { throw .malformedScalar }
        }
        if position < text.count, text[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            skipSign(text, &position)
            guard skipDigits(text, &position) else { throw .malformedScalar }
        }
        guard position == text.count, let number = Double(spelling) else { throw .malformedScalar }
        return number
    }

    /// `t` or `f`.
    static func boolean(_ text: Span<UInt8>) throws(RESPError) -> Bool {
        guard text.count == 1 else { throw .malformedScalar }
        switch text[0] {
        case UInt8(ascii: "t"): return true
        case UInt8(ascii: "f"): return false
        default: throw .malformedScalar
        }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        let digit = byte &- UInt8(ascii: "0")
        return digit < 10 ? digit : nil
    }

    private static func skipSign(_ text: Span<UInt8>, _ position: inout Int) {
        guard position < text.count else { return }
        if text[position] == UInt8(ascii: "-") || text[position] == UInt8(ascii: "+") { position += 1 }
    }

    /// Goes behind the digits; false if there is none.
    private static func skipDigits(_ text: Span<UInt8>, _ position: inout Int) -> Bool {
        let start = position
        while position < text.count, digit(text[position]) != nil { position += 1 }
        return position > start
    }
}
