internal import Granary

/// Figures, flushing and closing.
enum Managing {
    static func countsEntries(_ subject: ManagedSubject) async throws {
        let count = subject.options.entryCount
        try require(try await subject.cache.count() == 0, "a new cache has entries")
        try await subject.cache.set((0..<count).map { CacheEntry("count/\($0)", CacheValue([1])) })
        try await subject.cache.set("count/0", to: CacheValue([2]))
        try await subject.cache.set("one more", to: CacheValue([3]))
        let counted = try await subject.cache.count()
        try require(counted == count + 1, "\(count + 1) entries are counted as \(counted)")
    }

    static func growsInBytes(_ subject: ManagedSubject) async throws {
        var random = SeededGenerator(seed: subject.options.seed)
        let before = try await subject.cache.byteCount()
        try require(before >= 0, "a new cache takes \(before) bytes")
        let (number, length) = (16, 256 << 10)
        for value in 0..<number {
            try await subject.cache.set("grow/\(value)", to: CacheValue(random.bytes(length)))
        }
        let grown = try await subject.cache.byteCount() - before
        // Room may have been made ahead.
        try require(grown > number * length / 2, "\(number * length) bytes were stored, \(grown) are counted")
    }

    static func countsItsCalls(_ subject: ManagedSubject) async throws {
        let before = try await subject.cache.statistics()
        try await subject.cache.set("a", to: CacheValue([1]))
        try await subject.cache.set([CacheEntry("b", CacheValue([2])), CacheEntry("c", CacheValue([3]))])
        _ = try await subject.cache.get("a")
        _ = try await subject.cache.get("absent")
        _ = try await subject.cache.get(["a", "b", "absent", "also absent"])
        let after = try await subject.cache.statistics()
        let figures = [
            ("sets", after.sets - before.sets, 3), ("hits", after.hits - before.hits, 3),
            ("misses", after.misses - before.misses, 3), ("damaged values", after.damaged - before.damaged, 0),
        ]
        for (name, counted, made) in figures {
            try require(counted == made, "\(made) \(name) are counted as \(counted)")
        }
    }

    static func flushesWithoutChange(_ subject: ManagedSubject) async throws {
        try await subject.cache.flush()
        try await subject.cache.set("flushed", to: CacheValue([1], coding: .text))
        try await subject.cache.flush()
        let found = try await subject.cache.get("flushed")
        try require(found == CacheValue([1], coding: .text), "after a flush \(shown(found)) came back")
        try await subject.cache.flush()
    }

    static func endsWithClosing(_ subject: ManagedSubject) async throws {
        let cache = subject.cache
        try await cache.set("a", to: CacheValue([1]))
        try await cache.close()
        try await cache.close()
        let calls: [(String, @Sendable () async throws -> Void)] = [
            ("get", { _ = try await cache.get("a") }),
            ("get of many", { _ = try await cache.get(["a"]) }),
            ("hit", { _ = try await cache.hit("a") }),
            ("hits", { _ = try await cache.hits(["a"]) }),
            ("count", { _ = try await cache.count() }),
            ("byteCount", { _ = try await cache.byteCount() }),
            ("set", { try await cache.set("b", to: CacheValue([2])) }),
            ("set of many", { try await cache.set([CacheEntry("b", CacheValue([2]))]) }),
            ("remove", { try await cache.remove("a") }),
            ("removeAll", { try await cache.removeAll() }),
            ("keys", { for try await _ in cache.keys {} }),
        ]
        for (name, call) in calls {
            do { try await call() } catch { continue }
            throw Broken(reason: "\(name) after closing did not throw")
        }
    }
}
