import Foundation
import Granary
import GranarySQLite
import GranaryTesting
import TestSupport
import Testing

/// A damaged cache gives what was stored, nothing, or an error.
@Suite(.inTurnOnOwnThread) struct DamageTests {
    private static let roundCount =
        ProcessInfo.processInfo.environment["GRANARY_DAMAGE_ROUNDS"].flatMap { Int($0) } ?? 100

    /// A change to the row of "a" that SQLite cannot notice.
    @Test(arguments: [
        "UPDATE entries SET value = x'0102ff' WHERE key = x'61'",
        "UPDATE entries SET value = x'0102' WHERE key = x'61'",
        "UPDATE entries SET value = x'' WHERE key = x'61'",
        "UPDATE entries SET coding = 1 WHERE key = x'61'",
        "UPDATE entries SET coding = 256 WHERE key = x'61'",
        "UPDATE entries SET coding = -1 WHERE key = x'61'",
        "UPDATE entries SET checksum = checksum + 1 WHERE key = x'61'",
        "UPDATE entries SET expiry = 9000000000000 WHERE key = x'61'",
        "UPDATE entries SET (value, checksum) = (SELECT value, checksum FROM entries WHERE key = x'62') WHERE key = x'61'",
    ])
    func aDamagedEntryIsAMissAndIsCounted(sql: String) async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file)
        try await cache.set("a", to: CacheValue([1, 2, 3]))
        try await cache.set("b", to: CacheValue([4, 5, 6]))
        try directory.run(sql)
        #expect(try await cache.get("a") == nil)
        #expect(try await cache.get(["a", "b"]) == [nil, CacheValue([4, 5, 6])])
        let statistics = try await cache.statistics()
        #expect(statistics.damaged == 2 && statistics.misses == 2 && statistics.hits == 1)
        try await cache.set("a", to: CacheValue([7]))
        #expect(try await cache.get("a") == CacheValue([7]))
    }

    @Test func keysThatAreNoTextAreNotListed() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file)
        try await cache.set("a", to: CacheValue([1]))
        try await cache.set("b", to: CacheValue([1]))
        try directory.run("UPDATE entries SET key = x'61ff' WHERE key = x'61'")
        #expect(try await cache.keys.all() == ["b"])
    }

    /// Bytes of the closed file are overwritten at random places.
    @Test func aDamagedFileGivesWhatWasStoredOrNothingOrAnError() async throws {
        let seed = SeededGenerator.seed()
        print("damage test: seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let directory = try TemporaryDirectory()
        var expected: [String: CacheValue] = [:]
        let original = try await SQLiteCache(file: directory.file)
        for number in 0..<120 {
            let length = number % 10 == 0 ? 9_000 : number * 17 % 1_500
            let coding = ValueCoding(rawValue: UInt8(number))
            expected["key-\(number)"] = CacheValue(generator.bytes(length), coding: coding)
        }
        for (key, value) in expected { try await original.set(key, to: value, options: CacheSetOptions(tag: "tag")) }
        try await original.close()
        let sound = try Data(contentsOf: URL(fileURLWithPath: directory.file))

        var outcomes = (values: 0, misses: 0, errors: 0)
        for round in 0..<Self.roundCount {
            let damaged = try TemporaryDirectory()
            try Self.damage(sound, &generator).write(to: URL(fileURLWithPath: damaged.file))
            let place = Comment("seed \(seed), round \(round)")
            guard let cache = try await opened(damaged.file, place) else {
                outcomes.errors += 1
                continue
            }
            for (key, value) in expected {
                do {
                    let got = try await cache.get(key)
                    #expect(got == nil || got == value, place)
                    if got == nil { outcomes.misses += 1 } else { outcomes.values += 1 }
                } catch {
                    #expect(error is SQLiteCacheError, place)
                    outcomes.errors += 1
                }
            }
            // Whatever else is asked of it ends in an answer or a typed error.
            let calls: [() async throws -> Void] = [
                { try await cache.set("new", to: CacheValue([1])) }, { _ = try await cache.keys.all() },
                { try await cache.remove("key-3") }, { _ = try await cache.count() },
                { try await cache.removeAll(taggedWith: "tag") }, { try await cache.compact() },
                { try await cache.removeAll() }, { try await cache.close() },
            ]
            for call in calls {
                do { try await call() } catch { #expect(error is SQLiteCacheError, place) }
            }
        }
        print("damage test: \(outcomes)")
        #expect(outcomes.values > 0 && outcomes.misses > 0 && outcomes.errors > 0)
    }

    private func opened(_ file: String, _ place: Comment) async throws -> SQLiteCache? {
        do {
            return try await SQLiteCache(file: file)
        } catch {
            #expect(
                [.damaged, .notADatabase, .foreignDatabase, .newerSchema, .inputOutput].contains(error.code),
                "\(place): \(error)"
            )
            return nil
        }
    }

    private static func damage(_ sound: Data, _ generator: inout SeededGenerator) -> Data {
        var bytes = sound
        switch Int.random(in: 0..<4, using: &generator) {
        case 0:
            // One bit.
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1:
            // Some bytes of a page's head, where SQLite's own structure is.
            let page = Int.random(in: 0..<bytes.count / 4_096, using: &generator) * 4_096
            for _ in 0..<8 {
                let offset = page + Int.random(in: 0..<200, using: &generator)
                bytes[offset] = UInt8.random(in: 0...255, using: &generator)
            }
        case 2:
            // A sector of zeros.
            let sector = Int.random(in: 0..<bytes.count / 512, using: &generator) * 512
            bytes.replaceSubrange(sector..<sector + 512, with: Data(count: 512))
        default:
            // The end is missing.
            bytes = bytes.prefix(Int.random(in: 1..<bytes.count, using: &generator))
        }
        return bytes
    }
}
