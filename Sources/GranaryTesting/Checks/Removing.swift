internal import Granary

/// Entries that are removed.
enum Removing {
    static func removesTheKeyAlone(_ subject: ManagedSubject) async throws {
        for key in ["a", "b", "ab"] { try await subject.cache.set(key, to: CacheValue([1])) }
        try await subject.cache.remove("a")
        try require(try await subject.cache.get("a") == nil, "what was removed is given back")
        for key in ["b", "ab"] {
            try require(try await subject.cache.get(key) != nil, "\(key) went with another key that was removed")
        }
        try await subject.cache.set("a", to: CacheValue([2]))
        let found = try await subject.cache.get("a")
        try require(found == CacheValue([2]), "set again after it was removed, the key has \(shown(found))")
    }

    static func tellsWhetherItRemoved(_ subject: ManagedSubject) async throws {
        try await subject.cache.set("there", to: CacheValue([1]))
        try require(try await subject.cache.remove("there"), "an entry was removed, and said not to have been there")
        try require(try await !subject.cache.remove("there"), "an entry was said to be removed twice")
        try require(try await !subject.cache.remove("never there"), "an entry was said to be removed that never was")
        let options = CacheSetOptions(expiry: .after(subject.time.step))
        try await subject.cache.set("ended", to: CacheValue([1]), options: options)
        try await subject.time.advance(subject.time.step + subject.time.tolerance)
        try require(try await !subject.cache.remove("ended"), "an entry that had ended was said to be removed")
    }

    static func removesEverything(_ subject: ManagedSubject) async throws {
        try await subject.cache.removeAll()
        try await subject.cache.set((0..<100).map { CacheEntry("all/\($0)", CacheValue([1])) })
        try await subject.cache.removeAll()
        for number in 0..<100 {
            try require(try await subject.cache.get("all/\(number)") == nil, "all/\(number) is still there")
        }
        try await subject.cache.set("all/1", to: CacheValue([2]))
        let found = try await subject.cache.get("all/1")
        try require(found == CacheValue([2]), "set again afterwards, a key has \(shown(found))")
    }
}
