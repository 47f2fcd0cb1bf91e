internal import Granary

/// Keys that are listed.
enum Listing {
    static func listsKeysWithAPrefix(_ subject: ManagedSubject) async throws {
        let count = subject.options.entryCount
        let spellings = ["list/\u{E9}", "list/e\u{301}", "list/%2F", "list/*", "list/ ", "list/🌾"]
        var wanted = Set((0..<count).map { Array("list/\($0)".utf8) })
        wanted.formUnion(spellings.map { Array($0.utf8) })
        let others = ["list", "lis/t", "List/1", "other", "list-1"]
        try await subject.cache.set((0..<count).map { CacheEntry("list/\($0)", CacheValue([1])) })
        try await subject.cache.set((spellings + others).map { CacheEntry($0, CacheValue([1])) })
        try compare(try await subject.keys("list/"), wanted)
        try compare(try await subject.keys(), wanted.union(others.map { Array($0.utf8) }))
        try compare(try await subject.keys("list/\u{E9}"), [Array("list/\u{E9}".utf8)])
        try compare(try await subject.keys("no such"), [])
    }

    private static func compare(_ listed: [String], _ wanted: Set<[UInt8]>) throws {
        let listed = listed.map { Array($0.utf8) }
        let unique = Set(listed)
        let (missing, unwanted) = (wanted.subtracting(unique), unique.subtracting(wanted))
        func name(_ key: [UInt8]) -> String { String(decoding: key, as: UTF8.self).debugDescription }
        if let key = missing.first {
            throw Broken(reason: "\(missing.count) keys are not listed, such as \(name(key))")
        }
        if let key = unwanted.first { throw Broken(reason: "\(name(key)) is listed and should not be") }
        try require(unique.count == listed.count, "\(listed.count - unique.count) keys are listed more than once")
    }

    static func listsEachKeyOnceDuringSets(_ subject: ManagedSubject) async throws {
        let count = subject.options.entryCount
        let throughout = (0..<count).map { "live/\($0)" }
        try await subject.cache.set(throughout.map { CacheEntry($0, CacheValue([1])) })
        var listed: [String: Int] = [:]
        var seen = 0
        for try await key in subject.cache.keys(hasPrefix: "live/") {
            listed[key, default: 0] += 1
            seen += 1
            guard seen % max(1, count / 8) == 1 else { continue }
            // Replaces what was listed and what was not, and adds keys around them.
            try await subject.cache.set(throughout.map { CacheEntry($0, CacheValue([2, 2])) })
            try await subject.cache.set(
                (0..<20).map { CacheEntry("live/\($0 % 2 == 0 ? "!" : "~")\(seen)-\($0)", CacheValue([3])) }
            )
        }
        for key in throughout {
            let times = listed[key] ?? 0
            try require(times == 1, "\(key), which lived throughout, is listed \(times) times")
        }
        for (key, times) in listed where times > 1 { throw Broken(reason: "\(key) is listed \(times) times") }
    }

    static func neverListsWhatHasEnded(_ subject: ManagedSubject) async throws {
        let options = CacheSetOptions(expiry: .after(subject.time.step))
        try await subject.cache.set("ends", to: CacheValue([1]), options: options)
        try await subject.cache.set("stays", to: CacheValue([1]))
        try await subject.time.advance(subject.time.step + subject.time.tolerance)
        let keys = try await subject.keys()
        try require(!keys.contains("ends"), "an entry that has ended is listed")
        try require(keys.contains("stays"), "an entry is not listed after another one has ended")
    }
}
