internal import Granary

/// Values and their codings.
enum Values {
    /// Where programs tend to change their ways: around powers of two, and a few primes.
    private static let lengths =
        [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 127, 240, 241, 255, 256, 257, 1_000, 1_023, 1_024, 1_025]
        + [4_000, 4_095, 4_096, 4_097, 9_973, 65_535, 65_536, 65_537, 131_071]

    static func givesBackExactBytes(_ subject: Subject) async throws {
        var random = SeededGenerator(seed: subject.options.seed)
        let values = lengths.map { ("bytes/\($0)", CacheValue(random.bytes($0))) }
        for (key, value) in values { try await subject.cache.set(key, to: value) }
        for (key, value) in values {
            let found = try await subject.cache.get(key)
            try require(found == value, "\(shown(value)) were set, \(shown(found)) came back")
        }
        let every = CacheValue(Array(0...UInt8.max))
        try await subject.cache.set("every", to: every)
        try require(try await subject.cache.get("every") == every, "the 256 bytes came back changed")
    }

    static func keepsEmptyValues(_ subject: Subject) async throws {
        let value = CacheValue([], coding: .text)
        try await subject.cache.set("empty", to: value)
        let found = try await subject.cache.get("empty")
        try require(found == value, "a value without bytes was set, \(shown(found)) came back")
    }

    static func keepsLargeValues(_ subject: Subject) async throws {
        var random = SeededGenerator(seed: subject.options.seed)
        for length in [1 << 20, subject.options.largestValue] {
            let value = CacheValue(random.bytes(length), coding: .json)
            try await subject.cache.set("large", to: value)
            let found = try await subject.cache.get("large")
            try require(found == value, "\(shown(value)) were set, \(shown(found)) came back")
        }
    }

    static func keepsCodings(_ subject: Subject) async throws {
        for number in 0...UInt8.max {
            let value = CacheValue([number, 1], coding: ValueCoding(rawValue: number))
            try await subject.cache.set("coding/\(number)", to: value)
            let found = try await subject.cache.get("coding/\(number)")
            try require(found == value, "coding \(number) came back as \(shown(found))")
        }
    }

    static func replacesValues(_ subject: Subject) async throws {
        // Longer, shorter, of the same length, and of another coding.
        let values = [
            CacheValue([1, 2, 3]), CacheValue([4, 5, 6, 7, 8]), CacheValue([9]), CacheValue([10]),
            CacheValue([10], coding: .text),
        ]
        for value in values {
            try await subject.cache.set("replaced", to: value)
            let found = try await subject.cache.get("replaced")
            try require(found == value, "\(shown(value)) were set last, \(shown(found)) came back")
        }
    }
}
