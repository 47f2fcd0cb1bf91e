import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Random operations on entries that end, with a clock that moves whenever it is read, back as well as on.
///
/// What must hold: a read gives the newest value of its key or nothing; never one whose time had come when the clock was
/// read; never again one that was missing before, as long as the store is open; and a value whose time has never come is
/// there, unless it may have left for want of room.
@Suite(.inTurnOnOwnThread) struct ExpiryTests {
    static let operationCount = ModelTests.operationCount / 10

    @Test(arguments: [nil, 1 << 20, 4 << 20]) func whatHasEndedNeverComesBack(limit: Int?) throws {
        let seed = SeededGenerator.seed()
        print("expiry test: limit \(limit ?? 0), seed \(seed), \(Self.operationCount / 3) operations")
        var totals = ExpiryModel.Totals()
        var done = 0
        var round: UInt64 = 0
        // What this is about must have happened.
        while done < Self.operationCount / 3 || (!totals.isComplete(limit: limit) && done < 20 * Self.operationCount) {
            let model = try ExpiryModel(seed: seed &+ round, limit: limit, keyCount: [3_000, 400, 30][Int(round % 3)])
            done += try model.run(operations: 5_000)
            totals.add(model.totals)
            round += 1
        }
        print("expiry test: \(totals)")
        #expect(totals.isComplete(limit: limit))
    }

    /// With older values of the same keys, that never end, beneath them.
    @Test(arguments: [nil, 4 << 20], [false, true])
    func compactingWinsBackTheRoomOfWhatHasEnded(limit: Int?, isReopened: Bool) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let clock = ManualClock()
        var options = StoreOptions.stepped(clock: clock.clock)
        options.compression = .none
        options.sizeLimit = limit
        var store = try SegmentStore(directory: directory.path, options: options)
        let (older, newer) = ([UInt8](repeating: 1, count: 1_000), [UInt8](repeating: 2, count: 1_000))
        let count = limit == nil ? 12_000 : 2_400
        for number in 0..<count / 2 { try store.set("key-\(number)", to: older) }
        let expiry = clock.now + 1_000
        for number in 0..<count { try store.set("key-\(number)", to: newer, options: SetOptions(expiry: expiry)) }
        try store.set("stays", to: older)
        let before = directory.allocatedBytes
        clock.advance(by: 2_000)
        if isReopened {
            store.abandon()
            try directory.removeFooters()
            store = try SegmentStore(directory: directory.path, options: options)
        }
        try store.compact()
        // The tombstones of keys with older values wait until those have gone.
        try store.compact()
        let statistics = try store.statistics()
        #expect(statistics.reclamation.evictions == 0 && statistics.deadBytes < count * 100)
        #expect(store.invariantViolations() == [])
        try store.close()
        #expect(directory.allocatedBytes < before / 4)
        try directory.removeFooters()
        // For a clock that was set back what was set last may be back, and nothing older.
        clock.advance(by: -10_000)
        store = try SegmentStore(directory: directory.path, options: options)
        for number in 0..<count { if let value = try store.get("key-\(number)") { #expect(value == newer) } }
        #expect(try store.get("stays") == older)
        try store.close()
    }

    /// Without a limit the background does it once more has ended than lives, and a segment.
    @Test func theBackgroundWinsBackWhatHasEndedUnread() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let clock = ManualClock()
        var options = StoreOptions.stepped(clock: clock.clock)
        options.compression = .none
        let store = try SegmentStore(directory: directory.path, options: options)
        let value = [UInt8](repeating: 1, count: 4_000)
        // More than a segment of the largest size.
        let count = 40_000
        for number in 0..<count {
            let expiry = number % 10 == 0 ? nil : clock.now + 1_000
            try store.set("key-\(number)", to: value, options: SetOptions(expiry: expiry))
        }
        try store.runBackgroundSteps()
        clock.advance(by: 2_000)
        try store.runBackgroundSteps()
        let statistics = try store.statistics()
        #expect(statistics.reclamation.expired > 10_000 && statistics.reclamation.evictions == 0)
        #expect(statistics.deadBytes <= statistics.liveBytes + store.nextCapacity)
        #expect(statistics.reclamation.reclaimedBytes > 60 << 20)
        for number in 0..<count { #expect(try store.contains(text("key-\(number)").span.bytes) == (number % 10 == 0)) }
        #expect(store.invariantViolations() == [])
        try store.close()
    }
}

/// A clock that moves each time it is read, and knows between which times it has been.
final class WanderingClock: Sendable {
    private struct State: Sendable {
        var now: UInt64 = 1_700_000_000_000
        var generator: SeededGenerator
        var highest: UInt64 = 0
        var earliest: UInt64 = .max
        var latest: UInt64 = 0
    }

    private let state: Mutex<State>

    init(seed: UInt64) { state = Mutex(State(generator: SeededGenerator(seed: seed))) }

    var clock: StoreClock {
        StoreClock { [self] in
            state.withLock { state in
                // Forwards on the whole.
                let step = Int.random(in: state.generator.chance(5) ? -1_000...0 : 0...100, using: &state.generator)
                state.now = UInt64(Int(state.now) + step)
                state.earliest = min(state.earliest, state.now)
                state.latest = max(state.latest, state.now)
                state.highest = max(state.highest, state.now)
                return state.now
            }
        }
    }

    func set(back milliseconds: Int) { state.withLock { $0.now -= UInt64(milliseconds) } }

    var now: UInt64 { state.withLock { $0.now } }
    /// The latest time that was ever read.
    var highest: UInt64 { state.withLock { $0.highest } }

    /// Between which times the body has read the clock; nil: it did not.
    func readings<Result>(_ body: () throws -> Result) rethrows -> (Result, ClosedRange<UInt64>?) {
        state.withLock { ($0.earliest, $0.latest) = (.max, 0) }
        let result = try body()
        let (earliest, latest) = state.withLock { ($0.earliest, $0.latest) }
        return (result, earliest <= latest ? earliest...latest : nil)
    }
}

/// `@unchecked`: the stores of this model have no threads of their own.
private final class ExpiryModel: @unchecked Sendable {
    struct Totals {
        var hitsBeforeEnd = 0
        var missesOfEnded = 0
        /// Reads that gave nothing though the clock said that the entry had not ended: it had been seen to have.
        var missesAfterClockWentBack = 0
        var expired = 0
        var evictions = 0
        var tombstonesLeft = 0
        var reopenings = 0
        var deathsInBetween = 0

        /// True once all has happened that a store with the limit is to go through.
        func isComplete(limit: Int?) -> Bool {
            guard hitsBeforeEnd > 0, missesOfEnded > 0, missesAfterClockWentBack > 0, expired > 0, reopenings > 5 else {
                return false
            }
            // Without a limit little is reclaimed; tombstones then, and deaths in the midst of it, are few.
            guard limit != nil else { return true }
            return tombstonesLeft > 0 && deathsInBetween > 0 && (limit != 1 << 20 || evictions > 0)
        }

        mutating func add(_ other: Totals) {
            hitsBeforeEnd += other.hitsBeforeEnd
            missesOfEnded += other.missesOfEnded
            missesAfterClockWentBack += other.missesAfterClockWentBack
            expired += other.expired
            evictions += other.evictions
            tombstonesLeft += other.tombstonesLeft
            reopenings += other.reopenings
            deathsInBetween += other.deathsInBetween
        }
    }

    /// The newest value of a key.
    private struct Version {
        var bytes: [UInt8]
        var expiry: UInt64?
        var tag: [UInt8]?
        /// A read has given nothing since the store was opened.
        var isMissing = false
        /// It was missing before its time had ever come: it left for want of room, for good.
        var hasLeft = false
    }

    private let seed: UInt64
    private var generator: SeededGenerator
    private let directory: TemporaryDirectory
    private let clock: WanderingClock
    private let limit: Int?
    private let keyCount: Int
    private var versions: [Int: Version] = [:]
    private var store: SegmentStore
    private let death = Mutex<Int>(0)
    private var pending: (key: Int, version: Version?)?
    private(set) var totals = Totals()

    init(seed: UInt64, limit: Int?, keyCount: Int) throws {
        self.seed = seed
        self.limit = limit
        self.keyCount = keyCount
        generator = SeededGenerator(seed: seed)
        directory = try TemporaryDirectory(inMemory: true)
        clock = WanderingClock(seed: generator.next())
        var options = StoreOptions.stepped(clock: clock.clock)
        options.compression = .none
        options.sizeLimit = limit
        store = try SegmentStore(directory: directory.path, options: options)
        try reopen("at first", isDead: false)
    }

    func run(operations: Int) throws -> Int {
        for number in 0..<operations {
            do {
                try step("operation \(number)")
            } catch let error as StoreError where error.code == .closed && death.withLock({ $0 < 0 }) {
                totals.deathsInBetween += 1
                try reopen("operation \(number), dead", isDead: true)
            }
        }
        try reopen("at the end", isDead: false)
        return operations
    }

    private func step(_ place: String) throws {
        switch Int.random(in: 0..<1_000, using: &generator) {
        case 0..<500: try set()
        case 500..<540: try remove(place)
        case 540..<970: try read(Int.random(in: 0..<keyCount, using: &generator), place)
        case 970..<980: try store.runBackgroundSteps()
        // Without a limit hardly anything else reclaims as little as this.
        case 980..<988:
            if limit == nil || generator.chance(30) { try store.compact() } else { try store.runBackgroundSteps() }
        case 988..<991: try iterate(place)
        case 991..<993: clock.set(back: Int.random(in: 0...5_000, using: &generator))
        case 993..<994: try removeTagged()
        case 994..<996: try reopen(place, isDead: false)
        default: try store.flush()
        }
    }

    private func key(_ number: Int) -> [UInt8] { text("key/\(number)") }

    private func set() throws {
        let number = Int.random(in: 0..<keyCount, using: &generator)
        let length =
            generator.chance(2) ? Int.random(in: 0...90_000, using: &generator) : generator.chance(10) ? 0 : 2_000
        let version = Version(
            bytes: generator.bytes(Int.random(in: 0...length, using: &generator)),
            // Some have ended before they are set, and one that never ends is often beneath one that does.
            expiry: generator.chance(50)
                ? clock.now + 2_000 - UInt64.random(in: 0...2_500, using: &generator) : nil,
            tag: generator.chance(10) ? text("tag") : nil
        )
        pending = (number, version)
        try store.set(
            key(number),
            to: version.bytes,
            options: SetOptions(expiry: version.expiry, tag: version.tag)
        )
        pending = nil
        versions[number] = version
    }

    private func remove(_ place: String) throws {
        let number = Int.random(in: 0..<keyCount, using: &generator)
        pending = (number, nil)
        let (removed, _) = try clock.readings { try store.remove(key(number)) }
        pending = nil
        if removed {
            #expect(versions[number] != nil && versions[number]?.isMissing == false, "seed \(seed), \(place)")
        }
        versions[number] = nil
    }

    private func removeTagged() throws {
        try store.removeAll(taggedWith: text("tag"))
        for (number, version) in versions where version.tag != nil { versions[number] = nil }
    }

    private func read(_ number: Int, _ place: String) throws {
        let key = key(number)
        let way = Int.random(in: 0..<4, using: &generator)
        let (found, readings) = try clock.readings { () -> Found in
            switch way {
            case 0: Found(try store.withValue(key) { $0.withUnsafeBytes { Array($0) } })
            case 1: Found(try store.withEntry(key.span.bytes) { _, value in value.withUnsafeBytes { Array($0) } })
            case 2: try store.contains(key.span.bytes) ? .something : .nothing
            default: Found(try store.get(key))
            }
        }
        judge(number, found, readings, place)
    }

    private enum Found: Equatable {
        case nothing
        /// A value that was not looked at.
        case something
        case value([UInt8])

        init(_ value: [UInt8]?) { self = value.map { .value($0) } ?? .nothing }
    }

    private func judge(_ number: Int, _ found: Found, _ readings: ClosedRange<UInt64>?, _ place: String) {
        let place = "seed \(seed), \(place), key \(number)"
        guard var version = versions[number] else {
            #expect(found == .nothing, "\(place): removed or never set")
            return
        }
        if found == .nothing {
            if let expiry = version.expiry, expiry <= clock.highest {
                totals.missesOfEnded += 1
                if expiry > clock.now { totals.missesAfterClockWentBack += 1 }
            } else {
                #expect(limit != nil, "\(place): lost")
                version.hasLeft = true
            }
            version.isMissing = true
            versions[number] = version
            return
        }
        if found != .something { #expect(found == .value(version.bytes), "\(place): another value") }
        #expect(!version.isMissing && !version.hasLeft, "\(place): it was missing before")
        if let expiry = version.expiry {
            totals.hitsBeforeEnd += 1
            // Whatever the clock has said meanwhile: it is read once, or each time it must have said so.
            #expect(expiry > readings?.upperBound ?? .max, "\(place): it had ended")
        }
    }

    private func iterate(_ place: String) throws {
        var seen: [Int] = []
        let (_, readings) = try clock.readings {
            try store.forEachKey { key in
                let name = key.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                seen.append(Int(name.dropFirst(4)) ?? -1)
            }
        }
        #expect(Set(seen).count == seen.count, "seed \(seed), \(place): a key twice")
        for number in seen {
            let version = versions[number]
            #expect(version != nil && version?.isMissing == false, "seed \(seed), \(place): listed key \(number)")
            if let expiry = version?.expiry {
                #expect(expiry > readings?.lowerBound ?? 0, "seed \(seed), \(place): listed key \(number)")
            }
        }
    }

    private func reopen(_ place: String, isDead: Bool) throws {
        totals.reopenings += 1
        if !isDead {
            for number in 0..<keyCount { try read(number, "\(place), before reopening") }
            #expect(store.invariantViolations() == [], "seed \(seed), \(place)")
            count()
            if generator.chance(30) { try store.close() } else { store.abandon() }
        }
        if generator.chance(70) { try directory.removeFooters() }
        if generator.chance(30) { clock.set(back: Int.random(in: 0...5_000, using: &generator)) }
        death.withLock { $0 = Int.random(in: 1...2_000, using: &generator) }
        var options = StoreOptions.stepped(
            [.never, .interval(.seconds(1))].randomElement(using: &generator) ?? .never,
            clock: clock.clock
        )
        options.compression = .none
        options.sizeLimit = limit
        options.betweenReclaimSteps = { [weak self] _ in self?.strike() }
        store = try SegmentStore(directory: directory.path, options: options)
        #expect(store.recoveryReport.damagedRecords == 0 && store.recoveryReport.tornRecords == 0, "seed \(seed)")
        // What had only ended can be back, if the clock says so.
        for number in versions.keys where versions[number]?.hasLeft == false { versions[number]?.isMissing = false }
        try settlePending(place)
        #expect(store.invariantViolations() == [], "seed \(seed), \(place)")
        for number in 0..<keyCount { try read(number, "\(place), reopened") }
    }

    /// A call that died may have had its effect or not.
    private func settlePending(_ place: String) throws {
        guard let pending else { return }
        self.pending = nil
        let got = try store.get(key(pending.key))
        if got == nil {
            // Whichever it was that ended or left, removed it stays away.
            try store.remove(key(pending.key))
            versions[pending.key] = nil
        } else if got == pending.version?.bytes {
            versions[pending.key] = pending.version
        }
    }

    private func strike() {
        let dies = death.withLock { count in
            count -= 1
            return count == 0
        }
        guard dies else { return }
        death.withLock { $0 = -1 }
        store.abandon()
    }

    private func count() {
        let figures = (try? store.statistics().reclamation) ?? ReclaimFigures()
        totals.expired += figures.expired
        totals.evictions += figures.evictions
        totals.tombstonesLeft += figures.tombstonesLeft
    }
}
