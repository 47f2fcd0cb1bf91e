internal import Granary

/// Entries that end.
enum Ends {
    private static let value = CacheValue([1, 2, 3])

    private static func set(_ key: String, _ expiry: CacheExpiry?, _ subject: Subject) async throws {
        try await subject.cache.set(key, to: value, options: CacheSetOptions(expiry: expiry))
    }

    static func endsAfterItsTime(_ subject: Subject) async throws {
        try await ends(subject) { step in .after(step) }
    }

    static func endsAtItsMoment(_ subject: Subject) async throws {
        try await ends(subject) { step in .at(milliseconds: subject.moment(after: step)) }
    }

    private static func ends(_ subject: Subject, _ expiry: (Duration) -> CacheExpiry) async throws {
        let time = subject.time
        let step = try await subject.timeToLook { step in
            try await set("soon", expiry(step), subject)
            return try await subject.cache.get("soon") == value
        }
        try await set("later", expiry(step * 100), subject)
        if time.tolerance == .zero {
            // One millisecond before, and at the moment itself.
            try await time.advance(step - .milliseconds(1))
            try require(try await subject.cache.get("soon") == value, "an entry was gone a millisecond before its end")
            try await time.advance(.milliseconds(1))
        } else {
            try await time.advance(step + time.tolerance)
        }
        let found = try await subject.cache.get("soon")
        try require(found == nil, "\(shown(found)) came back after the end")
        let many = try await subject.cache.get(["later", "soon"])
        try require(many == [value, nil], "a get of many gave \(many.map { shown($0) }) after one's end")
        try require(try await subject.cache.hit("soon") == nil, "hit told of an entry after its end")
        let hits = try await subject.cache.hits(["soon", "later"]).map { $0?.value }
        try require(hits == [nil, value], "hits gave \(hits.map { shown($0) }) after one's end")
        try require(try await subject.cache.get("later") == value, "an entry was gone long before its end")
    }

    static func neverGivesWhatHasEnded(_ subject: Subject) async throws {
        let expiries: [CacheExpiry] = [
            .after(.seconds(-5)), .after(.zero), .at(milliseconds: 0), .at(milliseconds: 1),
            .at(milliseconds: subject.now - 5_000),
        ]
        for (number, expiry) in expiries.enumerated() {
            // Also where there was something: the key has nothing afterwards.
            try await set("past/\(number % 2)", nil, subject)
            try await set("past/\(number % 2)", expiry, subject)
            let found = try await subject.cache.get("past/\(number % 2)")
            try require(found == nil, "\(shown(found)) came back of an entry that was set with the end \(expiry)")
        }
    }

    static func keepsWhatHasNoEnd(_ subject: Subject) async throws {
        try await set("for good", nil, subject)
        try await set("as good as", .at(milliseconds: .max), subject)
        try await set("longest", .after(.seconds(Int64.max)), subject)
        try await subject.time.advance(subject.time.step)
        for key in ["for good", "as good as", "longest"] {
            let found = try await subject.cache.get(key)
            try require(found == value, "\(key): \(shown(found)) came back after some time")
        }
    }

    static func replacesEnds(_ subject: Subject) async throws {
        let time = subject.time
        try await set("longer", .after(time.step), subject)
        try await set("longer", nil, subject)
        try await set("shorter", nil, subject)
        try await set("shorter", .after(time.step), subject)
        try await time.advance(time.step + time.tolerance)
        try require(try await subject.cache.get("longer") == value, "an entry ended with the one that it replaced")
        let shorter = try await subject.cache.get("shorter")
        try require(shorter == nil, "an entry lasted as long as the one that it replaced")
    }
}
