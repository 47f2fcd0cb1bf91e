import Foundation
import Granary
import GranarySQLite
import GranaryTesting
import TestSupport
import Testing

/// Random operations against a dictionary, with steps of the clock and reopening in the mix.
@Suite(.inTurnOnOwnThread) struct ModelTests {
    private static let operationCount =
        ProcessInfo.processInfo.environment["GRANARY_MODEL_OPERATIONS"].flatMap { Int($0) } ?? 12_000

    @Test(arguments: [nil, 1 << 20, 2 << 20]) func behavesLikeADictionary(sizeLimit: Int?) async throws {
        let seed = SeededGenerator.seed()
        print("model test: seed \(seed), limit \(sizeLimit ?? 0), \(Self.operationCount) operations")
        var model = try await CacheModel(seed: seed, sizeLimit: sizeLimit)
        try await model.run(operations: Self.operationCount)
    }
}

private struct CacheModel {
    struct Stored {
        var value: CacheValue
        var expiry: UInt64?
        var tag: String?
        /// Rises with every set.
        var age: Int
    }

    let seed: UInt64
    let sizeLimit: Int?
    let directory: TemporaryDirectory
    let clock = ManualClock()
    var generator: SeededGenerator
    var cache: SQLiteCache
    var expected: [String: Stored] = [:]
    var setCount = 0
    var evicted = 0
    var place: Comment { "seed \(seed), limit \(sizeLimit ?? 0), set \(setCount)" }

    init(seed: UInt64, sizeLimit: Int?) async throws {
        self.seed = seed
        self.sizeLimit = sizeLimit
        generator = SeededGenerator(seed: seed)
        directory = try TemporaryDirectory()
        cache = try await SQLiteCache(
            file: directory.file,
            options: SQLiteCacheOptions(sizeLimit: sizeLimit, clock: clock.clock)
        )
    }

    mutating func run(operations: Int) async throws {
        for _ in 0..<operations {
            try await step()
            clock.advance(by: UInt64.random(in: 0...20, using: &generator))
        }
        try await checkEverything()
        if sizeLimit != nil { #expect(evicted > 0, "nothing left for want of room: \(place)") }
        try await cache.close()
        #expect(try directory.text("PRAGMA integrity_check") == "ok", place)
    }

    private mutating func step() async throws {
        switch Int.random(in: 0..<1_000, using: &generator) {
        case 0..<450: try await set()
        case 450..<550: try await remove()
        case 550..<900: try await get()
        case 900..<960: try await getMany()
        case 960..<975: try await setMany()
        case 975..<985: try await list()
        case 985..<988: try await removeTag()
        // Under a limit there is to be time to reach it.
        case 988..<990: if sizeLimit == nil || generator.chance(10) { try await clear() }
        case 990..<993: try await compact()
        case 993..<995: try await cache.flush()
        case 995..<998: try await reopen()
        default: try await checkEverything()
        }
    }

    private mutating func key() -> String {
        let number = Int.random(in: 0..<1_500, using: &generator)
        // Spellings that Swift calls equal are two keys; the model keeps them apart by their number.
        let accent = number % 2 == 0 ? "\u{E9}" : "e\u{301}"
        return "key/\(number % 3)/\(number)\(accent)" + String(repeating: "k", count: number % 97 == 0 ? number : 0)
    }

    private mutating func entry() -> CacheEntry {
        let size =
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<10: 0
            case 10..<90: Int.random(in: 1...2_500, using: &generator)
            case 90..<99: Int.random(in: 1...20_000, using: &generator)
            default: Int.random(in: 50_000...200_000, using: &generator)
            }
        let byte = UInt8.random(in: .min ... .max, using: &generator)
        let value = CacheValue([UInt8](repeating: byte, count: size), coding: ValueCoding(rawValue: byte))
        let milliseconds = Int.random(in: -10...4_000, using: &generator)
        return CacheEntry(
            key(),
            value,
            options: CacheSetOptions(
                expiry: generator.chance(20) ? .after(.milliseconds(milliseconds)) : nil,
                tag: generator.chance(30) ? "tag-\(byte % 4)" : nil
            )
        )
    }

    private mutating func note(_ entry: CacheEntry) {
        setCount += 1
        expected[entry.key] = Stored(
            value: entry.value,
            expiry: entry.options.expiry?.milliseconds(now: clock.now),
            tag: entry.options.tag,
            age: setCount
        )
    }

    private mutating func set() async throws {
        let entry = entry()
        try await cache.set(entry.key, to: entry.value, options: entry.options)
        note(entry)
        try await settle()
    }

    private mutating func setMany() async throws {
        let entries = (0..<Int.random(in: 1...40, using: &generator)).map { _ in entry() }
        try await cache.set(entries)
        for entry in entries { note(entry) }
        try await settle()
    }

    /// With a limit: what left must be what was stored before all that stayed.
    private mutating func settle() async throws {
        guard sizeLimit != nil else { return }
        #expect(directory.fileSize <= sizeLimit ?? 0, place)
        guard cache.evictionCount > 0 else { return }
        let kept = Set(try await cache.keys.all().map { Array($0.utf8) })
        let live = expected.filter { isLive($0.value) }
        let gone = live.filter { !kept.contains(Array($0.key.utf8)) }
        let oldest = live.filter { kept.contains(Array($0.key.utf8)) }.map(\.value.age).min() ?? .max
        #expect(gone.allSatisfy { $0.value.age < oldest }, place)
        evicted += gone.count
        for key in gone.keys { expected[key] = nil }
    }

    private func isLive(_ stored: Stored) -> Bool { stored.expiry.map { $0 > clock.now } ?? true }

    private func live(_ key: String) -> Stored? { expected[key].flatMap { isLive($0) ? $0 : nil } }

    private mutating func get() async throws {
        let key = key()
        #expect(try await cache.get(key) == live(key)?.value, place)
    }

    private mutating func getMany() async throws {
        let keys = (0..<Int.random(in: 0...30, using: &generator)).map { _ in key() }
        #expect(try await cache.get(keys) == keys.map { live($0)?.value }, place)
    }

    private mutating func remove() async throws {
        let key = key()
        #expect(try await cache.remove(key) == (live(key) != nil), place)
        expected[key] = nil
    }

    private mutating func removeTag() async throws {
        let tag = "tag-\(Int.random(in: 0..<4, using: &generator))"
        let tagged = expected.filter { $0.value.tag == tag }
        #expect(try await cache.removeAll(taggedWith: tag) == tagged.count { isLive($0.value) }, place)
        for key in tagged.keys { expected[key] = nil }
    }

    private mutating func list() async throws {
        let prefix = "key/\(Int.random(in: 0..<4, using: &generator))"
        let wanted = expected.filter { $0.key.hasPrefix(prefix) && isLive($0.value) }.keys
        #expect(try await cache.keys(hasPrefix: prefix).all().sorted() == wanted.sorted(), place)
    }

    private mutating func clear() async throws {
        try await cache.removeAll()
        expected = [:]
        #expect(try await cache.count() == 0, place)
    }

    private mutating func compact() async throws {
        try await cache.compact()
        #expect(try await cache.count() == expected.values.count(where: isLive), place)
    }

    private mutating func reopen() async throws {
        // Half of the time the cache is let go as a killed process lets go of it: without a word.
        if generator.chance(50) { try await cache.close() }
        cache = try await SQLiteCache(
            file: directory.file,
            options: SQLiteCacheOptions(sizeLimit: sizeLimit, clock: clock.clock)
        )
        try await checkEverything()
    }

    private func checkEverything() async throws {
        for key in expected.keys { #expect(try await cache.get(key) == live(key)?.value, place) }
        let listed = try await cache.keys.all()
        #expect(listed.sorted() == expected.filter { isLive($0.value) }.keys.sorted(), place)
        #expect(try await cache.count() >= listed.count, place)
        #expect(try await cache.statistics().damaged == 0, place)
    }
}
