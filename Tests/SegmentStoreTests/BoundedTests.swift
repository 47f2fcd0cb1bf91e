import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Random operations on a store with a size limit: an entry may leave, and never comes back with an old value.
@Suite(.inTurnOnOwnThread) struct BoundedTests {
    static let operationCount =
        ProcessInfo.processInfo.environment["GRANARY_MODEL_OPERATIONS"].flatMap { Int($0) } ?? 200_000

    @Test func nothingComesBackFromTheDeadAndNothingLiveIsLost() throws {
        let seed = SeededGenerator.seed()
        print("bounded model test: seed \(seed), \(Self.operationCount) operations")
        var done = 0
        var round: UInt64 = 0
        var totals = BoundedModel.Totals()
        // What this is about must have happened; a few rounds may all draw no limit, or too few keys for one.
        while done < Self.operationCount || (!totals.isComplete && done < 20 * Self.operationCount) {
            var model = try BoundedModel(seed: seed &+ round)
            let left = Self.operationCount - done
            do {
                done += try model.run(operations: left > 0 ? min(10_000, left) : 10_000)
            } catch {
                Issue.record("seed \(seed &+ round): \(error)")
                return
            }
            totals.add(model.totals)
            round += 1
        }
        print("bounded model test: \(totals)")
        #expect(totals.isComplete)
    }
}

private struct BoundedModel {
    struct Totals {
        var evictions = 0
        var carried = 0
        var reopenings = 0
        /// Sets and removals between two steps of reclamation, and deaths there.
        var changesInBetween = 0
        var deathsInBetween = 0
        /// Keys that left while an older version of them lay in another segment.
        var deadVersions = 0

        var isComplete: Bool {
            evictions > 0 && carried > 0 && reopenings > 0 && deadVersions > 0 && changesInBetween > 0
                && deathsInBetween > 0
        }

        mutating func add(_ other: Totals) {
            evictions += other.evictions
            carried += other.carried
            reopenings += other.reopenings
            deadVersions += other.deadVersions
            changesInBetween += other.changesInBetween
            deathsInBetween += other.deathsInBetween
        }
    }

    struct Value {
        var bytes: [UInt8]
        var expiry: UInt64?
        var tag: [UInt8]?
    }

    let seed: UInt64
    var generator: SeededGenerator
    let directory: TemporaryDirectory
    let clock = ManualClock()
    let limit: Int?
    let eviction: StoreOptions.Eviction
    let keyCount: Int
    /// What each key must give, or may give no longer once it has been missed.
    var expected: [[UInt8]: Value] = [:]
    /// What was missed since the store was opened, and not changed since.
    private var left: [[UInt8]: Value] = [:]
    /// What of that may be back in a store just opened: it lay in a segment that was not given up yet.
    private var mayBeBack: [[UInt8]: Value] = [:]
    var store: SegmentStore
    var totals = Totals()
    private let interference: Interference
    /// What a call that died was to change.
    private var pending: (key: [UInt8], value: Value?)?

    init(seed: UInt64) throws {
        self.seed = seed
        generator = SeededGenerator(seed: seed)
        keyCount = [40, 800, 6_000].randomElement(using: &generator) ?? 800
        limit = [nil, 1 << 20, 1 << 20, 4 << 20].randomElement(using: &generator) ?? nil
        eviction = limit == nil ? .none : [.s3fifo, .s3fifo, .fifo].randomElement(using: &generator) ?? .s3fifo
        directory = try TemporaryDirectory()
        interference = Interference(seed: generator.next(), keyCount: keyCount)
        store = try SegmentStore(
            directory: directory.path,
            options: Self.options(&generator, clock, limit, eviction, interference)
        )
        interference.look(at: store)
    }

    static func options(
        _ generator: inout SeededGenerator,
        _ clock: ManualClock,
        _ limit: Int?,
        _ eviction: StoreOptions.Eviction,
        _ interference: Interference
    ) -> StoreOptions {
        var options = StoreOptions.stepped(
            [.never, .interval(.seconds(1)), .everySet].randomElement(using: &generator) ?? .never,
            clock: clock.clock
        )
        options.compression = .none
        options.sizeLimit = limit
        options.eviction = eviction
        options.betweenReclaimSteps = { interference.strike(after: $0) }
        return options
    }

    mutating func run(operations: Int) throws -> Int {
        for number in 0..<operations {
            try step(number)
            clock.advance(by: Int.random(in: 0...20, using: &generator))
        }
        try reopen(operations, isClosed: false)
        count()
        return operations
    }

    private mutating func step(_ number: Int) throws {
        do {
            try change(number)
        } catch let error as StoreError where error.code == .closed && interference.hasKilled {
            return try revive(number)
        }
        settle()
        if interference.hasKilled { try revive(number) }
        if number % 50 == 0 { checkSize("operation \(number)") }
    }

    private mutating func change(_ number: Int) throws {
        switch Int.random(in: 0..<10_000, using: &generator) {
        case 0..<4_500: try set()
        case 4_500..<5_300: try remove(number)
        case 5_300..<9_900: try check(randomKey(), "operation \(number)")
        case 9_900..<9_902: try clear()
        case 9_902..<9_908: try reopen(number, isClosed: generator.chance(50))
        case 9_908..<9_960: try store.runBackgroundSteps()
        case 9_960..<9_965: try store.compact()
        case 9_965..<9_970: try removeTagged()
        default: try store.flush()
        }
    }

    /// Takes in what was changed between steps of reclamation.
    private mutating func settle() {
        for (key, value) in interference.takeChanges() {
            totals.changesInBetween += 1
            change(key, to: value.map { Value(bytes: $0) })
        }
    }

    private mutating func change(_ key: [UInt8], to value: Value?) {
        expected[key] = value
        left[key] = nil
    }

    /// The store died between two steps, in the middle of a call that may have had its effect or not.
    private mutating func revive(_ number: Int) throws {
        settle()
        totals.deathsInBetween += 1
        try open(number)
    }

    private mutating func randomKey() -> [UInt8] {
        // Some are wanted more than others.
        let most = generator.chance(50) ? keyCount / 10 : keyCount
        let number = Int.random(in: 0..<most, using: &generator)
        return Array("key/\(number)".utf8) + [UInt8](repeating: 46, count: number % 13 == 3 ? 200 : 0)
    }

    private mutating func set() throws {
        let size =
            switch Int.random(in: 0..<1_000, using: &generator) {
            case 0..<100: 0
            case 100..<960: Int.random(in: 1...3_000, using: &generator)
            case 960..<995: Int.random(in: 3_000...40_000, using: &generator)
            default: Int.random(in: 40_000...110_000, using: &generator)
            }
        let key = randomKey()
        var bytes = generator.bytes(size)
        // After a death in this call its value is told from the one before by its bytes.
        if [expected[key]?.bytes, left[key]?.bytes].contains(bytes) { bytes = generator.bytes(size + 1) }
        let value = Value(
            bytes: bytes,
            expiry: generator.chance(10) ? clock.now + UInt64.random(in: 0...5_000, using: &generator) : nil,
            tag: generator.chance(5) ? Array("tag \(Int.random(in: 0..<3, using: &generator))".utf8) : nil
        )
        pending = (key, value)
        try store.set(key, to: value.bytes, options: SetOptions(expiry: value.expiry, tag: value.tag))
        pending = nil
        // What was changed in between came before: while the set waited for room.
        settle()
        change(key, to: value)
    }

    private mutating func remove(_ number: Int) throws {
        let key = randomKey()
        pending = (key, nil)
        let removed = try store.remove(key)
        pending = nil
        settle()
        if removed { #expect(live(key) != nil, "seed \(seed), operation \(number): removed what was not there") }
        change(key, to: nil)
    }

    private mutating func removeTagged() throws {
        let tag = Array("tag \(Int.random(in: 0..<3, using: &generator))".utf8)
        interference.rests = true
        defer { interference.rests = false }
        try store.removeAll(taggedWith: tag)
        for (key, value) in expected where value.tag == tag { change(key, to: nil) }
        left = left.filter { $0.value.tag != tag }
    }

    private mutating func clear() throws {
        interference.rests = true
        defer { interference.rests = false }
        try store.removeAll()
        (expected, left) = ([:], [:])
    }

    private func live(_ key: [UInt8]) -> Value? { expected[key].flatMap { isLive($0) ? $0 : nil } }

    private func isLive(_ value: Value) -> Bool { value.expiry.map { $0 > clock.now } ?? true }

    private mutating func check(_ key: [UInt8], _ place: String) throws {
        let got = try store.get(key)
        let wanted = live(key)?.bytes
        if got == wanted { return }
        guard got == nil else {
            if let value = mayBeBack[key], isLive(value), got == value.bytes { return change(key, to: value) }
            Issue.record("seed \(seed), \(place): an old value of \(String(decoding: key, as: UTF8.self))")
            return
        }
        #expect(eviction != .none, "seed \(seed), \(place): lost \(String(decoding: key, as: UTF8.self))")
        // It left, and stays away until it is set again, or the store dies before the segment is given up.
        left[key] = expected.removeValue(forKey: key)
    }

    private mutating func checkEverything(_ place: String) throws {
        for key in expected.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) { try check(key, place) }
        for number in 0..<keyCount { try check(Array("key/\(number)".utf8), place) }
        #expect(store.invariantViolations() == [], "seed \(seed), \(place)")
        #expect(try store.verify().findings == [], "seed \(seed), \(place)")
    }

    private func checkSize(_ place: String) {
        guard let limit else { return }
        let bytes = directory.allocatedBytes
        #expect(bytes <= limit, "seed \(seed), \(place): \(bytes) bytes of \(limit)")
    }

    private mutating func count() {
        let figures = (try? store.statistics().reclamation) ?? ReclaimFigures()
        totals.evictions += figures.evictions
        totals.carried += figures.carried
        totals.deadVersions += figures.tombstonesLeft
    }

    /// Every death leaves no footers: all that is known comes from the records.
    private mutating func reopen(_ number: Int, isClosed: Bool) throws {
        // What has left must stay away: the store says now what it has.
        try checkEverything("operation \(number), before reopening")
        count()
        totals.reopenings += 1
        if isClosed { try store.close() } else { store.abandon() }
        checkSize("operation \(number), closed")
        try open(number)
    }

    private mutating func open(_ number: Int) throws {
        try directory.removeFooters()
        store = try SegmentStore(
            directory: directory.path,
            options: Self.options(&generator, clock, limit, eviction, interference)
        )
        interference.look(at: store)
        if let pending {
            // Either it had its effect or not.
            let got = try store.get(pending.key)
            if got == pending.value?.bytes { change(pending.key, to: pending.value) }
            self.pending = nil
        }
        (mayBeBack, left) = (left, [:])
        defer { mayBeBack = [:] }
        #expect(store.recoveryReport.damagedRecords == 0 && store.recoveryReport.tornRecords == 0, "seed \(seed)")
        try checkEverything("operation \(number), reopened")
        checkSize("operation \(number), reopened")
    }
}

/// Sets, removals and deaths between the steps of reclamation.
///
/// `@unchecked`: the stores of this model have no threads of their own.
private final class Interference: @unchecked Sendable {
    private var generator: SeededGenerator
    private let keyCount: Int
    private weak var store: SegmentStore?
    private var changes: [([UInt8], [UInt8]?)] = []
    private(set) var hasKilled = false
    var rests = false
    /// Keys that were there when they were last looked at.
    private var watched: [[UInt8]] = []

    init(seed: UInt64, keyCount: Int) {
        generator = SeededGenerator(seed: seed)
        self.keyCount = keyCount
    }

    func look(at store: SegmentStore) {
        self.store = store
        hasKilled = false
        watched = []
    }

    func takeChanges() -> [([UInt8], [UInt8]?)] {
        defer { changes = [] }
        return changes
    }

    func strike(after step: ReclaimStep) {
        guard let store, !rests, !hasKilled else { return }
        if step == .emptied, generator.chance(20) { return strikeLast(store) }
        if Int.random(in: 0..<1_000, using: &generator) == 0 { return die(store) }
        guard hasRoom(in: store) else { return }
        // Not at the next step always, or the last one before the victim is given up would hardly see any.
        if let gone = watched.firstIndex(where: { !isIndexed($0, in: store) }), generator.chance(5) {
            // It has left, and its record is still there.
            let key = watched.remove(at: gone)
            change(key, in: store)
            if generator.chance(20) { return die(store) }
        } else if generator.chance(10) {
            change(randomKey(), in: store)
        }
        if watched.count < 20 {
            let key = randomKey()
            if isIndexed(key, in: store) { watched.append(key) }
        }
    }

    /// Everything has left the victim, whose records are there until the next step: the last moment for them to come back.
    private func strikeLast(_ store: SegmentStore) {
        for key in watched where !isIndexed(key, in: store) && hasRoom(in: store) { change(key, in: store) }
        watched.removeAll { !isIndexed($0, in: store) }
        if generator.chance(20) { die(store) }
    }

    /// What needs room waits for the reclamation that this is a part of.
    private func hasRoom(in store: SegmentStore) -> Bool {
        store.reservation.withLock {
            $0.first.hasRoom(for: 2_000) && ($0.mainIsKept || $0.main.hasRoom(for: 2_000))
        }
    }

    private func die(_ store: SegmentStore) {
        hasKilled = true
        store.abandon()
    }

    private func change(_ key: [UInt8], in store: SegmentStore) {
        if generator.chance(50) {
            guard (try? store.remove(key)) != nil else { return }
            changes.append((key, nil))
        } else {
            let value = generator.bytes(Int.random(in: 0...1_000, using: &generator))
            guard (try? store.set(key, to: value)) != nil else { return }
            changes.append((key, value))
        }
    }

    private func randomKey() -> [UInt8] { Array("key/\(Int.random(in: 0..<keyCount, using: &generator))".utf8) }

    /// Without being a read, which would keep it.
    private func isIndexed(_ key: [UInt8], in store: SegmentStore) -> Bool {
        key.withUnsafeBytes { key in
            let hash = store.hash(of: key)
            return store.index.shard(for: hash).pointee.probe(hash) { entry, _ in
                entry.isLive && store.names(key, entry) ? true : nil
            } ?? false
        }
    }
}
