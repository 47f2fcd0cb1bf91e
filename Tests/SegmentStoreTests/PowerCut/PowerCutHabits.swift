@testable import SegmentStore

/// How often what is done: each seed has habits of its own, so that rare things meet.
struct PowerCutHabits {
    enum Operation: CaseIterable {
        case set, batch, remove, clear, flush, steps, look
    }

    private(set) var keyCount: Int
    private(set) var sizeLimit: Int?
    private(set) var eviction = StoreOptions.Eviction.s3fifo
    /// Under a size limit, which takes no larger values.
    private var mostBytes = 100_000
    /// At most so many in a session.
    private(set) var operations: Int
    let durabilities: [StoreOptions.Durability]
    /// Operations, each as often as it is done.
    let pool: [Operation]
    /// In a hundred values: those that fill a segment soon, and of these those that get one of their own.
    private let largeShare: Int
    private let ownSegmentShare: Int
    /// In a hundred sessions: those that are closed, and those that die.
    let closeShare: Int
    let deathShare: Int

    init(using generator: inout SeededGenerator) {
        keyCount = [3, 12, 30].randomElement(using: &generator) ?? 12
        sizeLimit = generator.chance(30) ? 1 << 20 : nil
        operations = [5, 15, 40].randomElement(using: &generator) ?? 15
        let all: [StoreOptions.Durability] = [.never, .interval(.seconds(1)), .everySet]
        durabilities = generator.chance(60) ? all.filter { _ in generator.chance(50) } : all
        let clears = [0, 2, 10].randomElement(using: &generator) ?? 2
        var pool: [Operation] = [.set, .set]
        for operation in Operation.allCases {
            let most = operation == .set ? 20 : operation == .clear ? clears : 5
            pool += [Operation](repeating: operation, count: Int.random(in: 0...most, using: &generator))
        }
        self.pool = pool
        largeShare = [0, 10, 40].randomElement(using: &generator) ?? 10
        ownSegmentShare = [0, 15, 60].randomElement(using: &generator) ?? 15
        closeShare = [20, 60].randomElement(using: &generator) ?? 60
        deathShare = [10, 40].randomElement(using: &generator) ?? 10
        // Where nothing may leave, a loss cannot pass for that.
        if sizeLimit != nil, generator.chance(50) { keepEverything() }
    }

    /// So little is set that nothing has to leave.
    private mutating func keepEverything() {
        eviction = .none
        mostBytes = 20_000
        keyCount = min(keyCount, 20)
    }

    /// Habits that lead to where the force matters, if it matters seldom.
    init?(favouring purpose: ForcePurpose) {
        let interval = StoreOptions.Durability.interval(.seconds(1))
        switch purpose {
        case .clearBeforeDrop:
            // Large values, so that there are segments to delete; flushed ones, so that something forced can go wrong.
            self.init([.never, interval], [.set, .set, .set, .set, .clear, .flush], large: 60, close: 20, death: 40)
        case .droppedNames:
            self.init([.never, interval, .everySet], [.set, .set, .set, .clear], large: 60, close: 90, death: 10)
        case .foundRecords:
            // What a process that died left is sealed by the next one, whose cut must come just then.
            self.init([interval], [.set], large: 0, close: 0, death: 0)
        case .recordsBeforeFooter:
            // A segment for nearly each value, sealed at once.
            self.init([interval], [.set, .set, .steps], large: 80, own: 70, close: 10, death: 10)
        case .recordsBeforeRetirement:
            // What is replaced soon leaves segments to give up; nothing may leave, or nobody could tell that it was lost.
            self.init([interval], [.set, .set, .set, .set, .set, .steps], large: 60, own: 0, close: 5, death: 10)
            sizeLimit = 1 << 20
            keyCount = 20
            keepEverything()
            operations = 150
        case .retiredSegment:
            // What leaves and is removed then must not come back with the segment that it was in.
            self.init([interval], [.set, .set, .set, .remove, .remove, .flush], large: 90, own: 0, close: 5, death: 10)
            sizeLimit = 1 << 20
            mostBytes = 20_000
            keyCount = 200
            operations = 150
        case .foundNames:
            // One process makes names without forcing them, another one relies on them.
            self.init([.never, .everySet], [.set, .set, .steps], large: 30, close: 5, death: 10)
        default:
            return nil
        }
    }

    private init(
        _ durabilities: [StoreOptions.Durability],
        _ pool: [Operation],
        large: Int,
        own: Int = 20,
        close: Int,
        death: Int
    ) {
        keyCount = 3
        sizeLimit = nil
        operations = 12
        self.durabilities = durabilities
        self.pool = pool
        largeShare = large
        ownSegmentShare = own
        closeShare = close
        deathShare = death
    }

    /// Mostly small.
    func size(using generator: inout SeededGenerator) -> Int {
        let size = anySize(using: &generator)
        guard sizeLimit != nil else { return size }
        return min(size, 1 + size % mostBytes)
    }

    /// Entries may leave.
    var mayLose: Bool { sizeLimit != nil && eviction != .none }

    private func anySize(using generator: inout SeededGenerator) -> Int {
        guard generator.chance(largeShare) else {
            return generator.chance(80)
                ? Int.random(in: 16...400, using: &generator) : Int.random(in: 400...9_000, using: &generator)
        }
        return generator.chance(ownSegmentShare)
            ? Int.random(in: 530_000...700_000, using: &generator) : Int.random(in: 50_000...300_000, using: &generator)
    }
}
