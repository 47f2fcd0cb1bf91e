import Foundation
import TestSupport
import Testing

@testable import SegmentStore

/// Random operations against a dictionary, with reopening, killing's likeness (no close) and readers in the mix.
@Suite(.inTurnOnOwnThread) struct ModelTests {
    static let operationCount =
        ProcessInfo.processInfo.environment["GRANARY_MODEL_OPERATIONS"].flatMap { Int($0) } ?? 200_000

    @Test func behavesLikeADictionary() throws {
        let seed = SeededGenerator.seed()
        print("model test: seed \(seed), \(Self.operationCount) operations")
        var done = 0
        var round: UInt64 = 0
        while done < Self.operationCount {
            var model = try StoreModel(seed: seed &+ round)
            done += try model.run(operations: min(20_000, Self.operationCount - done))
            round += 1
        }
    }
}

private struct StoreModel {
    struct Value {
        var bytes: [UInt8]
        var expiry: UInt64?
        var tag: [UInt8]?
        var callerByte: UInt8
    }

    let seed: UInt64
    var generator: SeededGenerator
    let directory: TemporaryDirectory
    let clock = ManualClock()
    var expected: [[UInt8]: Value] = [:]
    var store: SegmentStore
    let keyCount: Int

    init(seed: UInt64) throws {
        self.seed = seed
        generator = SeededGenerator(seed: seed)
        keyCount = [5, 60, 2_000].randomElement(using: &generator) ?? 60
        directory = try TemporaryDirectory()
        store = try SegmentStore(directory: directory.path, options: Self.options(&generator, clock))
    }

    static func options(_ generator: inout SeededGenerator, _ clock: ManualClock) -> StoreOptions {
        var options = StoreOptions.stepped(
            [.never, .interval(.seconds(1)), .everySet].randomElement(using: &generator) ?? .never,
            clock: clock.clock
        )
        options.compression =
            [.none, .lz4(minimumLength: 1), .lz4(minimumLength: 4_096), .compactLZ4(minimumLength: 1)]
            .randomElement(using: &generator) ?? .none
        return options
    }

    mutating func run(operations: Int) throws -> Int {
        for number in 0..<operations {
            try step(number)
            clock.advance(by: Int.random(in: 0...20, using: &generator))
        }
        try checkEverything("at the end")
        return operations
    }

    private mutating func step(_ number: Int) throws {
        switch Int.random(in: 0..<10_000, using: &generator) {
        case 0..<4_500: try set()
        case 4_500..<5_500: try remove()
        case 5_500..<9_600: try get(number)
        case 9_600..<9_700: try batch()
        case 9_700..<9_800: try iterate(number)
        case 9_800..<9_803: try clear()
        case 9_803..<9_812: try reopen(number)
        case 9_812..<9_816: try look(number)
        case 9_816..<9_840: try store.runBackgroundSteps()
        case 9_840..<9_860: try store.flush()
        default: try checkOne(randomKey(), number)
        }
    }

    private mutating func randomKey() -> [UInt8] {
        let number = Int.random(in: 0..<keyCount, using: &generator)
        // Keys of many lengths, the longest allowed among them, with shared prefixes.
        let name = Array("key/\(number % 3)/\(number)".utf8)
        let length = number % 17 == 0 ? 1 + number * 31 % 900 : number == 3 ? 65_535 - name.count : 0
        return name + [UInt8](repeating: UInt8(number & 255), count: length)
    }

    private mutating func randomValue() -> Value {
        let size =
            switch Int.random(in: 0..<1_000, using: &generator) {
            case 0..<100: 0
            case 100..<900: Int.random(in: 1...1_500, using: &generator)
            case 900..<997: Int.random(in: 1...20_000, using: &generator)
            default: Int.random(in: 500_000...1_400_000, using: &generator)
            }
        let bytes =
            generator.chance(50)
            ? generator.bytes(size) : [UInt8](repeating: UInt8.random(in: 0...255, using: &generator), count: size)
        return Value(
            bytes: bytes,
            expiry: generator.chance(15) ? clock.now + UInt64.random(in: 0...2_000, using: &generator) : nil,
            tag: generator.chance(10) ? generator.bytes(Int.random(in: 1...255, using: &generator)) : nil,
            callerByte: UInt8.random(in: 0...255, using: &generator)
        )
    }

    private func setOptions(_ value: Value) -> SetOptions {
        SetOptions(expiry: value.expiry, tag: value.tag, callerByte: value.callerByte)
    }

    private mutating func set() throws {
        let key = randomKey()
        let value = randomValue()
        try store.set(key, to: value.bytes, options: setOptions(value))
        expected[key] = value
    }

    private mutating func batch() throws {
        var entries: [BatchEntry] = []
        for _ in 0..<Int.random(in: 1...200, using: &generator) {
            let key = randomKey()
            var value = randomValue()
            if value.bytes.count > 100_000 { value.bytes = [] }
            entries.append(BatchEntry(key: key, value: value.bytes, options: setOptions(value)))
            expected[key] = value
        }
        try store.set(entries)
    }

    private func live(_ key: [UInt8]) -> Value? {
        guard let value = expected[key], value.expiry.map({ $0 > clock.now }) ?? true else { return nil }
        return value
    }

    private mutating func remove() throws {
        let key = randomKey()
        let removed = try store.remove(key)
        #expect(removed == (live(key) != nil), "seed \(seed)")
        expected[key] = nil
    }

    private mutating func get(_ number: Int) throws { try checkOne(randomKey(), number) }

    private mutating func clear() throws {
        try store.removeAll()
        expected = [:]
    }

    private func checkOne(_ key: [UInt8], _ number: Int) throws {
        try check(store, key, "operation \(number)")
    }

    private func check(_ store: SegmentStore, _ key: [UInt8], _ place: String) throws {
        let value = live(key)
        let got = try store.get(key)
        #expect(got == value?.bytes, "seed \(seed), \(place), key of \(key.count) bytes")
        let entry = try store.entry(key)
        #expect(entry?.valueLength == value?.bytes.count, "seed \(seed), \(place)")
        #expect(entry?.tag == value?.tag && entry?.expiry == value?.expiry, "seed \(seed), \(place)")
        if let value { #expect(entry?.callerByte == value.callerByte, "seed \(seed), \(place)") }
    }

    private mutating func iterate(_ number: Int) throws {
        let prefix = Array("key/\(Int.random(in: 0..<3, using: &generator))".utf8)
        var seen: [[UInt8]] = []
        try store.forEachKey(hasPrefix: prefix) { key in key.withUnsafeBytes { seen.append(Array($0)) } }
        let wanted = expected.keys.filter { $0.starts(with: prefix) && live($0) != nil }
        #expect(Set(seen) == Set(wanted) && seen.count == wanted.count, "seed \(seed), operation \(number)")
    }

    private mutating func reopen(_ number: Int) throws {
        // Half of the time the store is let go as a killed process lets go of it: without a word.
        if generator.chance(50) { try store.close() } else { store.abandon() }
        store = try SegmentStore(directory: directory.path, options: Self.options(&generator, clock))
        #expect(store.recoveryReport.damagedRecords == 0 && store.recoveryReport.tornRecords == 0, "seed \(seed)")
        try checkEverything("operation \(number), reopened")
    }

    /// A read-only view beside the writer says the same.
    private mutating func look(_ number: Int) throws {
        let reader = try SegmentStore(
            directory: directory.path,
            options: StoreOptions(access: .readOnly, clock: clock.clock)
        )
        for _ in 0..<50 { try check(reader, randomKey(), "operation \(number), read-only") }
        try set()
        try reader.refresh()
        for _ in 0..<50 { try check(reader, randomKey(), "operation \(number), refreshed") }
    }

    private func checkEverything(_ place: String) throws {
        for key in expected.keys { try check(store, key, place) }
        #expect(store.invariantViolations() == [], "seed \(seed), \(place)")
        #expect(try store.verify().findings == [], "seed \(seed), \(place)")
        let liveCount = expected.values.filter { $0.expiry.map { $0 > clock.now } ?? true }.count
        #expect(store.count == liveCount, "seed \(seed), \(place)")
    }
}
