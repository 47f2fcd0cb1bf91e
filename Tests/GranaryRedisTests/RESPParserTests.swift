import TestSupport
import Testing

@testable import GranaryRedis

@Suite("RESP", .inTurn)
struct RESPParserTests {
    static let replies: [(String, String)] = [
        ("_\r\n", "null"), ("$-1\r\n", "null"), ("*-1\r\n", "null"),
        (":0\r\n", "integer(0)"), (":+7\r\n", "integer(7)"),
        (":-9223372036854775808\r\n", "integer(-9223372036854775808)"),
        (":9223372036854775807\r\n", "integer(9223372036854775807)"),
        (",3\r\n", "double(3.0)"), (",-0.5\r\n", "double(-0.5)"), (",1e3\r\n", "double(1000.0)"),
        (",1.5E-2\r\n", "double(0.015)"), (",inf\r\n", "double(inf)"), (",-inf\r\n", "double(-inf)"),
        (",nan\r\n", "double(nan)"), ("#t\r\n", "boolean(true)"), ("#f\r\n", "boolean(false)"),
        ("(-34928903284092385093248509\r\n", "bigNumber(-34928903284092385093248509)"),
        ("$0\r\n\r\n", "bytes()"), ("$5\r\na\r\nbc\r\n", "bytes(a\r\nbc)"), ("+OK\r\n", "text(OK)"),
        ("+\r\n", "text()"),
        ("-ERR no\r\n", "error(ERR no)"), ("!6\r\nERR\r\nx\r\n", "error(ERR\r\nx)"),
        ("=5\r\ntxt:a\r\n", "verbatim(txt:a)"),
        ("*0\r\n", "array[]"), ("*2\r\n:1\r\n*1\r\n_\r\n", "array[integer(1), array[null]]"),
        ("~1\r\n+a\r\n", "set[text(a)]"), ("%1\r\n+a\r\n%0\r\n", "map[text(a), map[]]"),
        (">2\r\n+message\r\n$1\r\nx\r\n", "push[text(message), bytes(x)]"),
        ("|1\r\n+ttl\r\n:1\r\n+OK\r\n", "text(OK)"), ("|0\r\n+OK\r\n", "text(OK)"),
        ("*2\r\n|1\r\n+a\r\n*1\r\n_\r\n:1\r\n:2\r\n", "array[integer(1), integer(2)]"),
    ]

    @Test("Every type is read as the specification has it", arguments: replies)
    func types(_ bytes: String, _ expected: String) throws {
        var parser = RESPParser()
        var found: [RESPValue] = []
        try parser.parse(Array(bytes.utf8).span, into: &found)
        #expect(found.map(spelling) == [expected])
    }

    @Test("Replies that are split anywhere read the same")
    func splits() throws {
        let bytes = Self.replies.flatMap { Array($0.0.utf8) }
        let expected = Self.replies.map(\.1)
        for split in 0...bytes.count {
            var parser = RESPParser()
            var found: [RESPValue] = []
            try parser.parse(Array(bytes[..<split]).span, into: &found)
            try parser.parse(Array(bytes[split...]).span, into: &found)
            #expect(found.map(spelling) == expected, "split at \(split)")
        }
        var parser = RESPParser()
        var found: [RESPValue] = []
        for byte in bytes { try parser.parse([byte].span, into: &found) }
        #expect(found.map(spelling) == expected)
    }

    @Test(
        "What is no RESP3 is refused, in one piece and byte by byte, and nothing is read behind it",
        arguments: [
            ("HTTP/1.1 400 Bad Request\r\n", RESPError.unknownType(UInt8(ascii: "H"))),
            ("\r\n", .malformedLine), ("+a\n", .malformedLine), ("+a\rb\r\n", .malformedLine), ("+\n", .malformedLine),
            (":\r\n", .malformedScalar), (":1a\r\n", .malformedScalar), (":--1\r\n", .malformedScalar),
            (":9223372036854775808\r\n", .malformedScalar), (":-9223372036854775809\r\n", .malformedScalar),
            (",1.\r\n", .malformedScalar), (",.5\r\n", .malformedScalar), (",0x1p3\r\n", .malformedScalar),
            (",infinity\r\n", .malformedScalar), (",1e\r\n", .malformedScalar), ("#true\r\n", .malformedScalar),
            ("(12a\r\n", .malformedScalar), ("_x\r\n", .malformedScalar), ("$-2\r\n", .malformedScalar),
            ("$+1\r\na\r\n", .malformedScalar), ("!-1\r\n", .malformedScalar), ("%-1\r\n", .malformedScalar),
            ("$\r\n", .malformedScalar), ("$1\r\nab\r\n", .malformedBytes), ("$1\r\na\n\n", .malformedBytes),
            ("=3\r\ntxt\r\n", .malformedBytes), ("=4\r\ntxt-\r\n", .malformedBytes),
            ("$536870913\r\n", .tooLarge), ("$99999999999999999999\r\n", .malformedScalar), ("*1048577\r\n", .tooLarge),
            ("$?\r\n", .streamed), ("*?\r\n", .streamed), ("%?\r\n", .streamed), ("*1\r\n>1\r\n", .misplacedPush),
            (String(repeating: "*1\r\n", count: 17), .tooDeep),
            ("+" + String(repeating: "a", count: 1 << 16), .lineTooLong),
        ]
    )
    func refusals(_ text: String, _ expected: RESPError) {
        let bytes = Array(text.utf8) + Array("x".utf8)
        for size in [bytes.count, 1] {
            var parser = RESPParser()
            var found: RESPError?
            var replies: [RESPValue] = []
            var position = 0
            while position < bytes.count, found == nil {
                do throws(RESPError) {
                    try parser.parse(Array(bytes[position..<position + size]).span, into: &replies)
                } catch {
                    found = error
                }
                position += size
            }
            #expect(found == expected, "in pieces of \(size)")
            #expect(throws: expected) { try parser.parse(Array("+OK\r\n".utf8).span, into: &replies) }
            #expect(replies.isEmpty)
        }
    }

    @Test("Replies before what is refused are read")
    func repliesBeforeRefusal() {
        var parser = RESPParser()
        var found: [RESPValue] = []
        #expect(throws: RESPError.malformedScalar) {
            try parser.parse(Array("+OK\r\n*1\r\n_\r\n:x\r\n+OK\r\n".utf8).span, into: &found)
        }
        #expect(found.map(spelling) == ["text(OK)", "array[null]"])
    }

    @Test("The longest line and the deepest aggregate are read")
    func limits() throws {
        var parser = RESPParser()
        var found: [RESPValue] = []
        let line = "+" + String(repeating: "a", count: (1 << 16) - 1) + "\r\n"
        try parser.parse(Array(line.utf8).span, into: &found)
        try parser.parse(Array((String(repeating: "*1\r\n", count: 16) + ":1\r\n").utf8).span, into: &found)
        #expect(found.count == 2)
    }

    @Test("Commands are arrays of strings of bytes, and read back as such")
    func commands() throws {
        var command = RESPCommand("SET", [Array("k\r\n".utf8), [0, 255], bytes(70_000, seed: 1)])
        command.append("PING", [])
        #expect(command.replyCount == 2)
        #expect(command.bytes.starts(with: Array("*4\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$2\r\n".utf8)))
        var parser = RESPParser()
        var replies: [RESPValue] = []
        try parser.parse(command.bytes.span, into: &replies)
        let found = replies.map { value in
            guard case .array(let elements) = value else { return [[UInt8]]() }
            return elements.map { if case .bytes(let bytes) = $0 { bytes } else { [] } }
        }
        let set = [Array("SET".utf8), Array("k\r\n".utf8), [0, 255], bytes(70_000, seed: 1)]
        #expect(found == [set, [Array("PING".utf8)]])
    }

    @Test(
        "Lengths of every number of digits are spelt out",
        arguments: [0, 1, 9, 10, 11, 99, 100, 101, 999, 1_000, 65_535]
    )
    func lengths(_ count: Int) {
        let argument = bytes(count, seed: 2)
        let expected = Array("*2\r\n$4\r\nECHO\r\n$\(count)\r\n".utf8) + argument + Array("\r\n".utf8)
        #expect(RESPCommand("ECHO", [argument]).bytes == expected)
    }

    /// The value in words.
    private func spelling(_ value: RESPValue) -> String {
        func text(_ bytes: [UInt8]) -> String { "(\(String(decoding: bytes, as: UTF8.self)))" }
        func list(_ elements: [RESPValue]) -> String { "[\(elements.map(spelling).joined(separator: ", "))]" }
        return switch value {
        case .null: "null"
        case .integer(let number): "integer(\(number))"
        case .double(let number): "double(\(number))"
        case .boolean(let isTrue): "boolean(\(isTrue))"
        case .bigNumber(let digits): "bigNumber" + text(digits)
        case .bytes(let bytes): "bytes" + text(bytes)
        case .text(let bytes): "text" + text(bytes)
        case .error(let bytes): "error" + text(bytes)
        case .verbatim(let bytes): "verbatim" + text(bytes)
        case .array(let elements): "array" + list(elements)
        case .set(let elements): "set" + list(elements)
        case .map(let elements): "map" + list(elements)
        case .push(let elements): "push" + list(elements)
        }
    }
}
