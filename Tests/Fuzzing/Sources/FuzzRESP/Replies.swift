@testable import RESP

/// Replies as a server writes them.
enum Replies {
    /// One of each kind, and some of what servers say.
    static var seeds: [[UInt8]] {
        [
            "_\r\n$-1\r\n*-1\r\n", ":0\r\n:-9223372036854775808\r\n:+12\r\n", ",1.5\r\n,-inf\r\n,nan\r\n,1e-10\r\n",
            "#t\r\n#f\r\n", "(-3492890328409238509324850943850943825024385\r\n", "$5\r\nhello\r\n$0\r\n\r\n",
            "+OK\r\n", "-ERR unknown command\r\n!5\r\nOOM x\r\n", "=7\r\ntxt:abc\r\n", "*3\r\n:1\r\n$1\r\na\r\n_\r\n",
            "~2\r\n+a\r\n+b\r\n", "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n", ">2\r\n+invalidate\r\n*1\r\n$3\r\nfoo\r\n",
            "|1\r\n+ttl\r\n:3600\r\n*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n", "*?\r\n:1\r\n.\r\n",
            "$?\r\n;4\r\nabcd\r\n;0\r\n",
            "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n_\r\n",
            "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:9\r\n"
                + "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n+OK\r\n",
            "$536870912\r\nabc", "*1048576\r\n:1\r\n",
        ].map { [0, 0] + Array($0.utf8) }
    }

    /// Writes the reply down in one way only, whichever way it came.
    static func write(_ value: RESPValue, to bytes: inout [UInt8]) {
        switch value {
        case .null: line("_", "", &bytes)
        case .integer(let number): line(":", "\(number)", &bytes)
        case .double(let number): line(",", number.isNaN ? "nan" : "\(number)", &bytes)
        case .boolean(let isTrue): line("#", isTrue ? "t" : "f", &bytes)
        case .bigNumber(let digits): line("(", digits, &bytes)
        case .text(let text): line("+", text, &bytes)
        case .bytes(let content): body("$", content, &bytes)
        case .error(let text): body("!", text, &bytes)
        case .verbatim(let text): body("=", text, &bytes)
        case .array(let elements): all("*", elements, elements.count, &bytes)
        case .set(let elements): all("~", elements, elements.count, &bytes)
        case .map(let elements): all("%", elements, elements.count / 2, &bytes)
        case .push(let elements): all(">", elements, elements.count, &bytes)
        }
    }

    private static func line(_ type: Unicode.Scalar, _ text: String, _ bytes: inout [UInt8]) {
        line(type, Array(text.utf8), &bytes)
    }

    private static func line(_ type: Unicode.Scalar, _ text: [UInt8], _ bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: type))
        bytes += text
        bytes += [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
    }

    private static func body(_ type: Unicode.Scalar, _ content: [UInt8], _ bytes: inout [UInt8]) {
        line(type, "\(content.count)", &bytes)
        bytes += content
        bytes += [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
    }

    private static func all(_ type: Unicode.Scalar, _ elements: [RESPValue], _ count: Int, _ bytes: inout [UInt8]) {
        line(type, "\(count)", &bytes)
        for element in elements { write(element, to: &bytes) }
    }
}
