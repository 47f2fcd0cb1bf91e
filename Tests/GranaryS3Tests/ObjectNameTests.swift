import Granary
import GranaryTesting
import TestSupport
import Testing

@testable import GranaryS3

/// Names of objects, and the keys in them.
@Suite(.inTurn) struct ObjectNameTests {
    @Test(arguments: [
        ("question", "question"), ("a/b", "a!2Fb"), ("a b", "a!20b"), ("!", "!21"), ("..", "!2E."), (".a.b", "!2Ea.b"),
        ("é", "!C3!A9"), ("e\u{301}", "e!CC!81"), ("100%+~", "100!25!2B!7E"), ("sha256-x", "sha256-x"),
        ("!sha256-x", "!21sha256-x"),
    ])
    func escapesWhatIsNotSafe(_ key: String, _ name: String) {
        #expect(ObjectName(key: key) == .escaped(name))
        #expect(ObjectName(name: name)?.key == key)
    }

    @Test func givesEachKeyBackAndOnlySafeCharacters() {
        var random = SeededGenerator(seed: 1)
        var keys: [String: [UInt8]] = [:]
        for _ in 0..<2_000 {
            let key = random.strangeText(upTo: 30)
            let name = ObjectName(key: key).text
            #expect(name.utf8.count <= 255)
            #expect(!name.hasPrefix("."))
            #expect(name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.!".contains($0)) })
            #expect(keys.updateValue(Array(key.utf8), forKey: name).map { $0 == Array(key.utf8) } ?? true)
            #expect(ObjectName(name: name) == ObjectName(key: key))
            if let found = ObjectName(name: name)?.key { #expect(Array(found.utf8) == Array(key.utf8)) }
        }
    }

    @Test func beginsAsTheNamesOfLongerKeysDo() {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<1_000 {
            let key = random.strangeText(upTo: 20)
            // A beginning may end within a character; prefixes of strings do not.
            let beginning = String(
                key.unicodeScalars.prefix(Int.random(in: 0...key.unicodeScalars.count, using: &random))
            )
            #expect(ObjectName.escape(key).hasPrefix(ObjectName.escape(beginning)))
        }
    }

    @Test func takesADigestOfKeysThatAreTooLong() {
        let short = String(repeating: "k", count: 255)
        #expect(ObjectName(key: short) == .escaped(short))
        let long = short + "k"
        let name = ObjectName(key: long)
        #expect(name == .digest("!sha256-" + SignatureVersion4.hash(long.utf8)))
        #expect(ObjectName(name: name.text) == name)
        #expect(ObjectName(key: String(repeating: "/", count: 86)).key == nil)
    }

    @Test(arguments: [
        "", "a/b", "a b", "!2f", "!41", "!4", "!", "!ZZ", ".", "..", "é", "!FF", "!sha256-", "!sha256-00",
        "!sha256-\(String(repeating: "A", count: 64))", "!sha256-\(String(repeating: "0", count: 65))",
    ])
    func knowsNamesThatNoKeyHas(_ name: String) {
        #expect(ObjectName(name: name) == nil)
    }

    @Test func keepsTheWholeKeyInTheBodyBehindADigest() throws {
        let key = String(repeating: "é/", count: 20_000)
        let name = ObjectName(key: key)
        let stored = StoredValue(CacheValue([1, 2, 3], coding: .json), expiry: 7)
        let body = ObjectBody.encode(stored, key: key, name: name)
        #expect(ObjectBody.decode(body, key: key, name: name) == stored)
        #expect(ObjectBody.key(body) == key)
        #expect(ObjectBody.key(Array(body.prefix(ObjectBody.longestStart))) == key)
        // Another key under the same digest would be refused, and so is every beginning.
        #expect(ObjectBody.decode(body, key: key + "/", name: name) == nil)
        for length in stride(from: 0, to: body.count, by: 997) {
            #expect(ObjectBody.decode(Array(body.prefix(length)), key: key, name: name) == nil)
        }
    }
}
