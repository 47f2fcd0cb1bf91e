import Foundation
import Synchronization

@testable import SegmentStore

/// One seed's life of a store: sessions that end by closing, by letting go, by a death or by a cut, and what the next
/// one finds.
struct PowerCutRun {
    private let disk: SimulatedDisk
    private let clock = ManualClock()
    private let randomness: Box<SeededGenerator>
    private let habits: PowerCutHabits
    private var generator: SeededGenerator
    private var model: PowerCutModel
    private var valuesMade = 0
    private var bytesMade = 0

    private(set) var cuts = 0
    private(set) var cutsWhileOpening = 0
    private(set) var deaths = 0
    /// What was done, if that is wanted.
    private(set) var log: [String] = []
    private let isLogging: Bool

    /// What happened since a store was last looked at.
    private struct Past {
        var isCut = false
        /// The segments that a close has left.
        var closed: Set<String>?
    }
    private var past = Past()

    /// With a purpose to favour, the seed leads to where that force matters; ignored, it is not carried out.
    init(
        seed: UInt64,
        favouring purpose: ForcePurpose? = nil,
        isIgnored: Bool = false,
        isLogging: Bool = false
    ) throws {
        var generator = SeededGenerator(seed: seed)
        disk = try SimulatedDisk(seed: generator.next(), ignoring: isIgnored ? purpose : nil)
        randomness = Box(SeededGenerator(seed: generator.next()))
        let own = PowerCutHabits(using: &generator)
        let favoured = generator.chance(40) ? ForcePurpose.allCases.randomElement(using: &generator) : nil
        habits = (purpose ?? favoured).flatMap { PowerCutHabits(favouring: $0) } ?? own
        model = PowerCutModel(keys: (0..<habits.keyCount).map(Self.key), mayLose: habits.mayLose)
        self.generator = generator
        self.isLogging = isLogging
    }

    private static func key(_ number: Int) -> [UInt8] {
        Array("key \(number)".utf8) + [UInt8](repeating: 46, count: number % 7 == 3 ? 700 : 0)
    }

    private mutating func note(_ line: String) {
        if isLogging { log.append(line) }
    }

    mutating func run() throws {
        for _ in 0..<Int.random(in: 4...8, using: &generator) { try session() }
        try useWithoutHarm()
    }

    // MARK: A session

    private mutating func session() throws {
        arm()
        let options = options()
        guard let store = try open(options) else {
            if disk.ending == .cut { cutsWhileOpening += 1 }
            return try restart()
        }
        defer { store.abandon() }
        past = Past()
        for _ in 0..<Int.random(in: 0...habits.operations, using: &generator) where disk.ending == nil {
            try attempt { run throws in try run.operate(store, options.durability) }
            disk.tick()
        }
        if disk.ending == nil && generator.chance(habits.closeShare) {
            note("close")
            let returned = try attempt { _ throws in try store.close() }
            if returned {
                model.force()
                past.closed = try segmentNames()
            }
        }
        store.abandon()
        if disk.ending == nil && generator.chance(40) { disk.cut() }
        try restart()
    }

    /// The run ends at some call soon, at one much later, or when the session is over.
    private mutating func arm() {
        guard generator.chance(85) else { return }
        // Many come in calls of one kind, so that the seldom ones have their share.
        var kind: SimulatedDiskState.Kind?
        var longest = [8, 30, 100, 300].randomElement(using: &generator) ?? 30
        if generator.chance(25) {
            kind = [.names, .space, .bytes].randomElement(using: &generator)
            longest = [6, 20, 40].randomElement(using: &generator) ?? 6
        } else if generator.chance(35) {
            kind = ForcePurpose.allCases.randomElement(using: &generator).map { .force($0) }
            longest = [1, 8].randomElement(using: &generator) ?? 1
        }
        let events = Int.random(in: 1...longest, using: &generator)
        let isDeath = generator.chance(habits.deathShare)
        note("\(isDeath ? "death" : "cut") after \(events) events \(kind.map { "of \($0)" } ?? "")")
        disk.arm(isDeath ? .death : .cut, after: events, of: kind)
    }

    private mutating func options() -> StoreOptions {
        let durability = habits.durabilities.randomElement(using: &generator) ?? .everySet
        var options = StoreOptions.stepped(durability, clock: clock.clock)
        options.compression =
            [.none, .none, .lz4(minimumLength: 64), .compactLZ4(minimumLength: 64)].randomElement(using: &generator)
            ?? .none
        options.sizeLimit = habits.sizeLimit
        options.eviction = habits.eviction
        options.files = disk
        options.randomness = { [randomness] in randomness.value.withLock { $0.next() } }
        return options
    }

    /// The store, compared with what it may hold; nil if the power went meanwhile.
    private mutating func open(_ options: StoreOptions) throws -> SegmentStore? {
        note("open \(options.durability)")
        clock.advance(by: 1_000)
        let cameBack = try emptySegmentsThatCameBack()
        let store: SegmentStore
        do {
            store = try SegmentStore(directory: disk.root + "/above/store", options: options)
        } catch {
            if disk.ending == .death { return nil }
            throw PowerCutFailure(description: "the store does not open: \(error)")
        }
        guard disk.ending == nil else {
            store.abandon()
            return nil
        }
        do {
            try look(at: store, cameBack: cameBack)
        } catch {
            store.abandon()
            throw error
        }
        return store
    }

    private mutating func restart() throws {
        guard let ending = disk.ending else { return }
        note("\(ending)")
        if ending == .cut {
            past.isCut = true
            cuts += 1
        } else {
            deaths += 1
        }
        try disk.restart()
    }

    private func segmentNames() throws -> Set<String> {
        let directory = disk.root + "/above/store"
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        return Set(try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".segment") })
    }

    /// An opener that deleted an empty segment and died at once leaves nothing to tell the next one, which closes without
    /// forcing that the name is gone. It may come back, with nothing in it; nobody has closed it.
    private func emptySegmentsThatCameBack() throws -> Int {
        guard let closed = past.closed else { return 0 }
        return try segmentNames().subtracting(closed).count { name in
            let file = try Data(contentsOf: URL(fileURLWithPath: disk.root + "/above/store/" + name))
            return file.dropFirst(Format.recordsStart).allSatisfy { $0 == 0 }
        }
    }

    // MARK: What must hold

    private mutating func look(at store: SegmentStore, cameBack: Int) throws {
        var found: [[UInt8]: Int] = [:]
        for key in model.keys {
            guard let bytes = try store.get(key) else { continue }
            guard let number = PowerCutValue.number(of: bytes) else {
                throw PowerCutFailure(description: "\(bytes.count) bytes are no value that was ever set")
            }
            found[key] = number
        }
        try model.meet(found, afterCut: past.isCut)
        var listed: Set<[UInt8]> = []
        try store.forEachKey { key in key.withUnsafeBytes { _ = listed.insert(Array($0)) } }
        guard listed == Set(found.keys), store.count == found.count else {
            throw PowerCutFailure(description: "keys and gets differ: \(listed.count), \(store.count), \(found.count)")
        }
        try check(store.invariantViolations().first)
        // What was lost or torn was never forced: no entry may name it.
        let findings = try store.verify().findings
        try check(findings.first { $0.loss.hasPrefix("the entry") || $0.loss.hasPrefix("the removal") }?.description)
        // A file whose length was never forced is looked at each time.
        let scanned =
            store.recoveryReport.segmentsScanned
            - store.recoveryReport.findings.count { $0.kind == .shortenedSegment }
        if past.closed != nil && scanned > cameBack {
            throw PowerCutFailure(description: "closed, and yet \(scanned) segments had to be scanned")
        }
    }

    private func check(_ violation: String?) throws {
        if let violation { throw PowerCutFailure(description: violation) }
    }

    /// After all that, the store takes writes, closes and opens.
    private mutating func useWithoutHarm() throws {
        disk.disarm()
        for _ in 0..<2 {
            guard let store = try open(options()) else { return }
            defer { store.abandon() }
            past = Past()
            for number in 0..<3 { try set(store, Self.key(number)) }
            try store.close()
            model.endCall()
        }
        try open(options())?.abandon()
    }

    // MARK: Operations

    /// Runs a call; true if it has returned, and neither a cut nor a death came meanwhile.
    @discardableResult
    private mutating func attempt(_ call: (inout PowerCutRun) throws -> Void) throws -> Bool {
        do {
            try call(&self)
        } catch let failure as PowerCutFailure {
            throw failure
        } catch {
            if disk.ending == .death { return false }
            throw PowerCutFailure(description: "a call failed: \(error)")
        }
        guard disk.ending == nil else { return false }
        model.endCall()
        return true
    }

    private mutating func operate(_ store: SegmentStore, _ durability: StoreOptions.Durability) throws {
        let operation = habits.pool.randomElement(using: &generator) ?? .set
        var isForced = durability == .everySet
        note("\(operation)")
        switch operation {
        case .set: try set(store, randomKey())
        case .batch: try batch(store)
        case .remove:
            let key = randomKey()
            let wasThere = model.current(key) != nil
            model.begin(key, nil)
            let removed = try store.remove(key)
            if removed != wasThere && !(habits.mayLose && !removed) {
                throw PowerCutFailure(description: "remove is wrong of the past")
            }
            // Where there is nothing to remove, nothing is written.
            if !removed { isForced = false }
        case .clear:
            model.beginClear()
            try store.removeAll()
        case .flush:
            try store.flush()
            isForced = true
        case .steps:
            try store.runBackgroundSteps()
            isForced = durability != .never
        case .look:
            let key = randomKey()
            let number = try store.get(key).flatMap { PowerCutValue.number(of: $0) }
            if !model.allows(number, for: key) { throw PowerCutFailure(description: "the running store is wrong") }
            isForced = false
        }
        guard disk.ending == nil, isForced else { return }
        model.endCall()
        model.force()
    }

    private mutating func randomKey() -> [UInt8] {
        Self.key(Int.random(in: 0..<habits.keyCount, using: &generator))
    }

    private mutating func value(atMost limit: Int = .max) -> [UInt8] {
        valuesMade += 1
        var size = min(limit, habits.size(using: &generator))
        // Enough is enough: a seed takes milliseconds.
        if bytesMade > 4 << 20 { size = min(size, 2_000) }
        bytesMade += size
        note("  value \(valuesMade) of \(size) bytes")
        return PowerCutValue.bytes(valuesMade, size: size)
    }

    private mutating func set(_ store: SegmentStore, _ key: [UInt8]) throws {
        let value = value()
        note("  for \(String(decoding: key.prefix(8), as: UTF8.self))")
        model.begin(key, valuesMade)
        try store.set(key, to: value)
    }

    private mutating func batch(_ store: SegmentStore) throws {
        var entries: [BatchEntry] = []
        for _ in 0..<Int.random(in: 1...8, using: &generator) {
            let key = randomKey()
            let value = value(atMost: 200_000)
            model.begin(key, valuesMade)
            entries.append(BatchEntry(key: key, value: value))
        }
        try store.set(entries)
    }
}
