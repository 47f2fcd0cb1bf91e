internal import Granary

/// Values with their ends.
enum Hits {
    static func hitsAsItGets(_ subject: Subject) async throws {
        let options = CacheSetOptions(expiry: .after(subject.time.step * 100))
        try await subject.cache.set("a", to: CacheValue([1], coding: .json))
        try await subject.cache.set("b", to: CacheValue([2, 2], coding: .text), options: options)
        let keys = ["a", "absent", "b", "a"]
        let hits = try await subject.cache.hits(keys)
        try require(hits.count == keys.count, "\(keys.count) keys were asked for, \(hits.count) hits came back")
        for (key, amongMany) in zip(keys, hits) {
            let value = try await subject.cache.get(key)
            let hit = try await subject.cache.hit(key)
            try require(hit?.value == value, "\(key): the hit has \(shown(hit?.value)), get gives \(shown(value))")
            try require(
                amongMany?.value == value,
                "\(key): the hit among many has \(shown(amongMany?.value)), get gives \(shown(value))"
            )
        }
    }

    static func tellsEndsRightly(_ subject: Subject) async throws {
        let time = subject.time
        let step = UInt64(clamping: (time.step * 100).wholeMilliseconds)
        let start = subject.now
        try await subject.cache.set("never", to: CacheValue([1]))
        try await subject.cache.set(
            "at",
            to: CacheValue([2]),
            options: CacheSetOptions(expiry: .at(milliseconds: start + step))
        )
        try await subject.cache.set(
            "after",
            to: CacheValue([3]),
            options: CacheSetOptions(expiry: .after(time.step * 100))
        )
        let slack = UInt64(clamping: time.tolerance.wholeMilliseconds)
        let end = start + step
        let latest = subject.now + step + slack
        for (key, range) in [("never", nil), ("at", end...end), ("after", (end - slack)...latest)] {
            for hit in [try await subject.cache.hit(key), try await subject.cache.hits([key])[0]] {
                guard let hit else { throw Broken(reason: "\(key): there is no hit") }
                switch (hit.end, range) {
                case (.unknown, _), (.never, nil): break
                case (.at(let end), let range?) where range.contains(end): break
                default:
                    let expected = range.map { "\($0) ms since 1970" } ?? "never"
                    throw Broken(reason: "\(key): the hit ends \(hit.end), the entry \(expected)")
                }
            }
        }
    }
}
