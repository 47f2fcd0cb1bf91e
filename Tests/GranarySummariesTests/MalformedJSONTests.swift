import TestSupport
import Testing

@testable import GranarySummaries

/// Input that strict JSON refuses, where, and a part of the message.
struct MalformedJSON: Sendable, CustomTestStringConvertible {
    let bytes: [UInt8]
    let offset: Int
    let message: String

    init(_ text: String, at offset: Int, _ message: String) {
        self.init(Array(text.utf8), at: offset, message)
    }

    init(_ bytes: [UInt8], at offset: Int, _ message: String) {
        self.bytes = bytes
        self.offset = offset
        self.message = message
    }

    /// A string value that consists of these bytes.
    init(inString bytes: [UInt8], at offset: Int, _ message: String) {
        self.init([0x22] + bytes + [0x22], at: offset, message)
    }

    var testDescription: String { String(decoding: bytes, as: UTF8.self).debugDescription }
}

/// The error of reading all, after checking that skipping finds the very same one.
func jsonRefusal(of bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) -> JSONError? {
    var readError: JSONError?
    var skipError: JSONError?
    do throws(JSONError) { _ = try JSONValue(json: bytes) } catch { readError = error }
    do throws(JSONError) {
        var reader = try JSONReader(bytes)
        try reader.skipValue()
        try reader.finish()
    } catch { skipError = error }
    #expect(readError == skipError, sourceLocation: sourceLocation)
    return readError
}

@Suite(.inTurn) struct MalformedJSONTests {
    static let malformed: [MalformedJSON] = [
        .init("", at: 0, "expected a value, found the end"),
        .init("  ", at: 2, "expected a value, found the end"),
        .init("[1,]", at: 3, "expected a value, found ']'"),
        .init("[,1]", at: 1, "expected a value, found ','"),
        .init("[1 2]", at: 3, "expected ',' or ']', found '2'"),
        .init("[1}", at: 2, "expected ',' or ']', found '}'"),
        .init("[", at: 1, "expected a value or ']', found the end"),
        .init("{\"a\":1,}", at: 7, "expected a name in quotes, found '}'"),
        .init("{,}", at: 1, "expected a name in quotes, found ','"),
        .init("{a:1}", at: 1, "expected a name in quotes, found 'a'"),
        .init("{'a':1}", at: 1, "expected a name in quotes"),
        .init("{1:1}", at: 1, "expected a name in quotes"),
        .init("{\"a\" 1}", at: 5, "expected ':', found '1'"),
        .init("{\"a\":}", at: 5, "expected a value, found '}'"),
        .init("{\"a\":1 \"b\":2}", at: 7, "expected ',' or '}'"),
        .init("{\"a\":1]", at: 6, "expected ',' or '}', found ']'"),
        .init("]", at: 0, "expected a value, found ']'"),
        .init("1 2", at: 2, "expected the end of the text, found '2'"),
        .init("[] []", at: 3, "expected the end of the text"),
        .init("null\0", at: 4, "expected the end of the text, found byte 0x00"),
        .init("// no\n1", at: 0, "expected a value, found '/'"),
        .init("01", at: 0, "without leading zeros"),
        .init("-012", at: 1, "without leading zeros"),
        .init("[1.]", at: 3, "expected a digit, found ']'"),
        .init("1.e5", at: 2, "expected a digit"),
        .init(".5", at: 0, "expected a value, found '.'"),
        .init("+1", at: 0, "expected a value, found '+'"),
        .init("-", at: 1, "expected a digit, found the end"),
        .init("--1", at: 1, "expected a digit, found '-'"),
        .init("1e", at: 2, "expected a digit"),
        .init("1e+", at: 3, "expected a digit"),
        .init("0x10", at: 1, "expected the end of the text, found 'x'"),
        .init("NaN", at: 0, "expected a value, found 'N'"),
        .init("-Infinity", at: 1, "expected a digit, found 'I'"),
        .init("nan", at: 1, "expected null, found 'a'"),
        .init("nul", at: 3, "expected null, found the end"),
        .init("trux", at: 3, "expected true, found 'x'"),
        .init("falsey", at: 5, "expected the end of the text, found 'y'"),
        .init("True", at: 0, "expected a value, found 'T'"),
        .init("\"a", at: 2, "expected '\"' at the end of a string"),
        .init("\"a\nb\"", at: 2, "control characters to be escaped, found byte 0x0A"),
        .init("\"abc\0\"", at: 4, "control characters to be escaped, found byte 0x00"),
        .init("\"\u{1F}\"", at: 1, "found byte 0x1F"),
        .init("{\"a\tb\":1}", at: 3, "found byte 0x09"),
        .init(#""\x41""#, at: 2, "found 'x'"),
        .init(#""\'""#, at: 2, "behind a backslash"),
        .init(#""\"#, at: 2, "behind a backslash, found the end"),
        .init(#""\u12G4""#, at: 5, "expected four hexadecimal digits behind \\u, found 'G'"),
        .init(#""\u12"#, at: 5, "four hexadecimal digits behind \\u, found the end"),
        .init(#""\U0041""#, at: 2, "found 'U'"),
        .init(#""a\uD800b""#, at: 2, "surrogate pair"),
        .init(#""\uDC00""#, at: 1, "surrogate pair"),
        .init(#""\uDC00\uD800""#, at: 1, "surrogate pair"),
        .init(#""\uD800\uD800""#, at: 1, "surrogate pair"),
        .init(#""\uD83D\u0041""#, at: 1, "surrogate pair"),
        .init(#""\uD83D\n""#, at: 1, "surrogate pair"),
        .init(#"{"\uDFFF":1}"#, at: 2, "surrogate pair"),
        .init(#""\uD83D"#, at: 1, "surrogate pair"),
        .init(inString: [0x80], at: 1, "not UTF-8"),
        .init(inString: [0x61, 0xBF], at: 2, "not UTF-8"),
        .init(inString: [0xC0, 0xAF], at: 1, "not UTF-8"),
        .init(inString: [0xC1, 0xBF], at: 1, "not UTF-8"),
        .init(inString: [0xE0, 0x9F, 0xBF], at: 1, "not UTF-8"),
        .init(inString: [0xF0, 0x8F, 0xBF, 0xBF], at: 1, "not UTF-8"),
        .init(inString: [0xED, 0xA0, 0x80], at: 1, "not UTF-8"),
        .init(inString: [0xED, 0xBF, 0xBF], at: 1, "not UTF-8"),
        .init(inString: [0xF4, 0x90, 0x80, 0x80], at: 1, "not UTF-8"),
        .init(inString: [0xF5, 0x80, 0x80, 0x80], at: 1, "not UTF-8"),
        .init(inString: [0xFF], at: 1, "not UTF-8"),
        .init(inString: [0xC3], at: 1, "not UTF-8"),
        .init(inString: [0xE2, 0x82], at: 1, "not UTF-8"),
        .init(inString: [0xF0, 0x9F, 0x98], at: 1, "not UTF-8"),
        .init(inString: [0xE2, 0x28, 0xA1], at: 1, "not UTF-8"),
        .init(Array("[\"".utf8) + [0xF0, 0x9F], at: 2, "not UTF-8"),
        .init(Array("[".utf8) + [0xE9], at: 1, "expected a value, found byte 0xE9"),
        .init([0, 0, 0, 0], at: 0, "expected a value, found byte 0x00"),
    ]

    @Test(arguments: malformed)
    func malformedJSONIsRefusedWithItsOffset(input: MalformedJSON) throws {
        let error = try #require(jsonRefusal(of: input.bytes))
        #expect(error.offset == input.offset)
        #expect(error.description.hasPrefix("byte offset \(input.offset): "))
        #expect(error.description.contains(input.message), "\(error)")
    }

    static let otherEncodings: [([UInt8], String)] = [
        ([0xFF, 0xFE, 0x5B, 0], "UTF-16"), ([0xFE, 0xFF, 0, 0x5B], "UTF-16"), ([0x5B, 0, 0x5D, 0], "UTF-16"),
        ([0, 0x5B, 0, 0x5D], "UTF-16"), ([0x31, 0], "UTF-16"), ([0xFF, 0xFE, 0, 0], "UTF-32"),
        ([0, 0, 0xFE, 0xFF], "UTF-32"), ([0x5B, 0, 0, 0, 0x5D, 0, 0, 0], "UTF-32"), ([0, 0, 0, 0x5B], "UTF-32"),
    ]

    @Test(arguments: otherEncodings)
    func otherEncodingsAreNamed(bytes: [UInt8], encoding: String) throws {
        let error = try #require(jsonRefusal(of: bytes))
        #expect(error.description == "byte offset 0: the file is \(encoding), save it as UTF-8")
    }

    @Test func everyTruncationIsRefused() throws {
        let bytes = Array(JSONReaderTests.everything.utf8)
        #expect(jsonRefusal(of: bytes) == nil)
        for count in 0..<bytes.count {
            #expect(jsonRefusal(of: Array(bytes[..<count])) != nil, "the first \(count) bytes")
        }
    }

    // MARK: Depth

    @Test(arguments: [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")])
    func aHundredThousandLevelsAreAnError(opening: String, closing: String) throws {
        let closed = String(repeating: opening, count: 100_000) + "1" + String(repeating: closing, count: 100_000)
        let error = try #require(jsonRefusal(of: Array(closed.utf8)))
        #expect(error.reason == .nestingTooDeep(limit: JSONReader.maximumDepth))
        #expect(error.description.contains("expected at most 512 "))
        let unclosed = String(repeating: opening, count: 100_000)
        #expect(jsonRefusal(of: Array(unclosed.utf8))?.reason == error.reason)
    }

    @Test func theDeepestNestingIsReadComparedAndWritten() throws {
        let depth = JSONReader.maximumDepth
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(try JSONValue(json: Array(text.utf8)).description == text)
        #expect(try Set([JSONValue(json: Array(text.utf8)), JSONValue(json: Array(text.utf8))]).count == 1)
        #expect(jsonRefusal(of: Array("[\(text)]".utf8))?.offset == depth)
    }

    @Test func manyContainersBesideOneAnotherAreNotDeep() throws {
        let text = "[" + Array(repeating: "[{}]", count: 2_000).joined(separator: ",") + "]"
        #expect(try JSONValue(json: Array(text.utf8)).description == text)
    }
}
