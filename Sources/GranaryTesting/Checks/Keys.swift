internal import Granary

/// Keys and what tells them apart.
enum Keys {
    static func hasNothingUnderOtherKeys(_ subject: Subject) async throws {
        try require(try await subject.cache.get("absent") == nil, "a new cache has a value under a key")
        try await subject.cache.set("present", to: CacheValue([1]))
        for key in ["absent", "presen", "present2", "resent"] {
            let found = try await subject.cache.get(key)
            try require(found == nil, "\(shown(found)) under the key \(key), which was not set")
        }
    }

    static func tellsKeysApartByBytes(_ subject: Subject) async throws {
        // Composed and decomposed spellings, which Swift calls equal; letters that look alike; cases; zero bytes.
        let keys = [
            "\u{E9}", "e\u{301}", "\u{212B}", "\u{C5}", "A\u{30A}", "\u{D55C}", "\u{1112}\u{1161}\u{11AB}", "case",
            "Case",
            "\u{430}", "a", "zero", "zero\0", "1", "01", "\u{FF}",
        ]
        try await keepsApart(keys, subject)
    }

    static func keepsOddKeys(_ subject: Subject) async throws {
        let long = String(repeating: "k", count: max(1, subject.options.longestKey - 1))
        let keys = [
            " ", "  ", " leading", "trailing ", "tab\t", "new\nline", "carriage\rreturn", "nul\0nul", "\0", "\u{7F}",
            "/",
            "//", "a/", "/a", "a//b", ".", "..", "../up", "a/./b", "a/../b", "%", "%2F", "%00", "a+b", "a b", "?",
            "#frag",
            "a?b=c&d", "*", "[a]", "{a}", "\\", "back\\slash", "'", "\"", "'; DROP TABLE entries; --", "$1", "🌾", "穀倉",
            "\u{200B}", "\u{FEFF}", "\u{10FFFF}", "-", "--", ":", "a:b", "key=value", "<xml>", "&amp;", "~", long + "1",
            long + "2",
        ]
        try await keepsApart(keys, subject)
    }

    private static func keepsApart(_ keys: [String], _ subject: Subject) async throws {
        for (number, key) in keys.enumerated() { try await subject.cache.set(key, to: CacheValue([UInt8(number)])) }
        for (number, key) in keys.enumerated() {
            let found = try await subject.cache.get(key)
            try require(
                found == CacheValue([UInt8(number)]),
                "\(key.debugDescription): \(shown(found)) came back, which was not set under this key last"
            )
        }
    }

    static func refusesOrKeepsTheEmptyKey(_ subject: Subject) async throws {
        do {
            try await subject.cache.set("", to: CacheValue([1]))
        } catch {
            // Refused: then there is nothing, whether asking for it is refused as well or not.
            let found = try? await subject.cache.get("")
            try require(found == nil, "the empty key was refused, and has \(shown(found ?? nil))")
            return
        }
        let found = try await subject.cache.get("")
        try require(found == CacheValue([1]), "the empty key was accepted, and has \(shown(found))")
    }
}
