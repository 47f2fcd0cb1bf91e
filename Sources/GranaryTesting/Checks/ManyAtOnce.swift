internal import Granary

/// Many keys and entries in one call.
enum ManyAtOnce {
    static func getsManyAsOneByOne(_ subject: Subject) async throws {
        for number in 0..<40 where number % 3 != 0 {
            try await subject.cache.set("get/\(number)", to: CacheValue([UInt8(number)], coding: .json))
        }
        // Backwards, with keys that are not there, and one twice.
        let keys = (0..<40).reversed().map { "get/\($0)" } + ["get/1"]
        let found = try await subject.cache.get(keys)
        try require(found.count == keys.count, "\(keys.count) keys were asked for, \(found.count) answers came back")
        for (key, value) in zip(keys, found) {
            let single = try await subject.cache.get(key)
            try require(value == single, "\(key): \(shown(value)) among many, \(shown(single)) alone")
        }
        try require(try await subject.cache.get([String]()).isEmpty, "no key was asked for, and there is an answer")
    }

    static func setsManyAsOneByOne(_ subject: Subject) async throws {
        let step = try await subject.timeToLook { step in
            let entries = (0..<40).map { number in
                CacheEntry(
                    "set/\(number)",
                    CacheValue([UInt8](repeating: UInt8(number), count: number * 50), coding: ValueCoding(rawValue: 7)),
                    options: CacheSetOptions(expiry: number == 20 ? .after(step) : nil)
                )
            }
            try await subject.cache.set(entries)
            try await subject.cache.set([CacheEntry]())
            var isThere = true
            for entry in entries {
                let found = try await subject.cache.get(entry.key)
                if found == nil, entry.options.expiry != nil { isThere = false; continue }
                try require(found == entry.value, "\(entry.key): \(shown(found)) came back, not \(shown(entry.value))")
            }
            return isThere
        }
        try await subject.time.advance(step + subject.time.tolerance)
        let ended = try await subject.cache.get("set/20")
        try require(ended == nil, "an entry set among many did not end with its time")
        try require(try await subject.cache.get("set/21") != nil, "an entry without an end went with one that had one")
    }

    static func countsTheLaterOfTwo(_ subject: Subject) async throws {
        try await subject.cache.set([
            CacheEntry("twice", CacheValue([1])), CacheEntry("once", CacheValue([2])),
            CacheEntry("twice", CacheValue([3, 3])),
        ])
        let found = try await subject.cache.get("twice")
        try require(found == CacheValue([3, 3]), "\(shown(found)) came back, not the later one")
        try require(try await subject.cache.get("once") == CacheValue([2]), "the entry between the two is not there")
    }
}
