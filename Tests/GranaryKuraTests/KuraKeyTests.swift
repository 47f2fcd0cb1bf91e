import Foundation
import GranarySummaries
import TestSupport
import Testing

@testable import GranaryKura

@Suite(.inTurn) struct KuraKeyTests {
    private func conversation(_ messages: [(String, String)]) -> Conversation {
        Conversation(chatID: "any", messages: messages.map { Message(role: $0, content: $1) })
    }

    private func key(_ messages: [(String, String)], temperature: KuraTemperature = 0.2) -> String {
        KuraKey.key(
            for: conversation(messages),
            promptMD5: KuraKey.md5(of: "p"),
            temperature: temperature,
            model: "openai/gpt-4o-mini"
        )
    }

    @Test func isWhatKuraComputes() {
        #expect(key([("user", "hi")]) == "89d28933b12b8baa3d20887ffab80005")
        #expect(key([]) == "c6219eb0f0b10e77de356e73bc62c1d7")
        #expect(key([("user", "it's"), ("assistant", "say \"x\"")]) == "73ebcefaf0f7a8c7bcd303102df59d39")
    }

    @Test func tellsZeroFromZeroPointZero() {
        #expect(key([], temperature: 0) != key([], temperature: 0.0))
        #expect(KuraTemperature("0") == .integer(0) && KuraTemperature("0.0") == .real(0))
        #expect(KuraTemperature("2e-1") == .real(0.2) && KuraTemperature("-1") == .integer(-1))
        for text in ["", "x", "nan", "infinity", "0x10", "+1", " 1", "1e999", "99999999999999999999"] {
            #expect(KuraTemperature(text) == nil, "\(text)")
        }
    }

    @Test func tellsComposedFromDecomposedText() {
        #expect(key([("user", "\u{E9}")]) != key([("user", "e\u{301}")]))
    }

    @Test func identityAndTimesAreNotInIt() {
        let plain = conversation([("user", "hi")])
        var other = plain
        other.chatID = "other"
        other.metadata = ["team": "support"]
        other.messages[0].createdAt = "2026-01-02T03:04:05Z"
        let keys = KuraKeys()
        let key = keys.key(for: plain, model: "openai/gpt-4o-mini", temperature: 0.2)
        #expect(keys.key(for: other, model: "openai/gpt-4o-mini", temperature: 0.2) == key)
        #expect(key == "kura/" + KuraKey.key(for: plain, temperature: 0.2, model: "openai/gpt-4o-mini"))
    }

    @Test func aPromptIsNamedByItsMD5() {
        #expect(KuraKey.md5(of: "") == "d41d8cd98f00b204e9800998ecf8427e")
        #expect(KuraKeys(promptMD5: "D41D8CD98F00B204E9800998ECF8427E")?.promptMD5 == KuraKey.md5(of: ""))
        for text in ["", "d41d8cd9", String(repeating: "g", count: 32), String(repeating: "a", count: 33)] {
            #expect(KuraKeys(promptMD5: text) == nil)
        }
    }

    @Test(arguments: [
        ("13.0", "\\U0001fae0"), ("14.0", "🫠"), ("15.1.0", "🫠"),  // a face that Unicode 14 brought
    ])
    func escapesWhatTheUnicodeVersionLacks(version: String, shown: String) throws {
        var repr = PythonRepr(unicodeVersion: try #require(UnicodeVersion(version)))
        repr.text("🫠")
        #expect(String(decoding: repr.bytes, as: UTF8.self) == "'\(shown)'")
    }

    @Test func aVersionIsTwoOrThreeNumbers() {
        #expect(UnicodeVersion("14.0.0") == .python3_11 && UnicodeVersion("13.0") == .python3_10)
        for text in ["", "14", "14.", ".0", "14.x", "-14.0", "1.2.3.4"] {
            #expect(UnicodeVersion(text) == nil, "\(text)")
        }
        #expect(UnicodeVersion.python3_12 < .python3_13 && !(UnicodeVersion(9, 0) > UnicodeVersion(10, 0)))
    }
}

/// Against Python itself, with whatever Unicode version it has.
@Suite(.inTurn) struct PythonKeyTests {
    @Test(arguments: [1, 2, 3])
    func agreesOnThousandsOfConversations(seed: Int) throws {
        let lines = try Python.lines("keys.py", "\(seed)", "2000").map { try JSONValue(json: Array($0.utf8)) }
        let version = try #require(lines.first?["unicode"]?.string.flatMap { UnicodeVersion($0) })
        #expect(lines.count == 2_001)
        var differing: [JSONValue] = []
        for line in lines.dropFirst() {
            let messages = try #require(line["messages"]?.elements).map { message in
                Message(role: message.elements?[0].string ?? "", content: message.elements?[1].string ?? "")
            }
            let key = KuraKey.key(
                for: Conversation(chatID: "", messages: messages),
                schema: try #require(line["schema"]?.string),
                promptMD5: KuraKey.md5(of: try #require(line["prompt"]?.string)),
                temperature: try #require(line["temperature"]?.string.flatMap { KuraTemperature($0) }),
                model: try #require(line["model"]?.string),
                unicodeVersion: version
            )
            if key != line["key"]?.string { differing.append(line) }
        }
        #expect(differing.isEmpty, "\(differing.count), the first \(differing.first ?? .null)")
    }

    @Test func agreesOnWhichCodePointsArePrintable() throws {
        let header = try JSONValue(json: Array(try #require(try Python.lines("keys.py", "1", "0").first).utf8))
        let version = try #require(header["unicode"]?.string.flatMap { UnicodeVersion($0) })
        var printable = IndexSet()
        for line in try Python.lines("keys.py", "printable") {
            let ends = line.split(separator: " ").compactMap { Int($0) }
            printable.insert(integersIn: ends[0]...ends[1])
        }
        #expect(printable.count > 130_000)
        var differing: [UInt32] = []
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let isPrintable = PythonRepr.isPrintable(scalar, in: version)
            if isPrintable != printable.contains(Int(value)) { differing.append(value) }
        }
        #expect(differing.isEmpty, "\(differing.prefix(20)) of Unicode \(version)")
    }
}

extension JSONValue {
    fileprivate var string: String? {
        guard case .string(let string) = self else { return nil }
        return string
    }
    fileprivate var elements: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }
}
