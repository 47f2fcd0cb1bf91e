import TestSupport
import Testing

@testable import SegmentStore

/// What keeping room costs: bytes of all records appended over those that sets appended, where nothing has to leave.
@Suite(.inTurnOnOwnThread) struct WriteAmplificationTests {
    /// How much of the limit lives, and what overwriting keys at random may cost then.
    struct Case: Sendable, CustomTestStringConvertible {
        var limit: Int
        var liveShare: Double
        var bound: Double
        var testDescription: String { "\(limit >> 20) MiB, \(liveShare) live" }
    }

    @Test(
        arguments: [16 << 20, 64 << 20].flatMap { limit in
            [Case(limit: limit, liveShare: 0.65, bound: 2.2), Case(limit: limit, liveShare: 0.5, bound: 1.5)]
        }
    )
    func overwritesAtRandomCostLittle(_ run: Case) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let seed = SeededGenerator.seed()
        var random = SeededGenerator(seed: seed)
        var options = StoreOptions(durability: .never)
        options.compression = .none
        options.sizeLimit = run.limit
        let store = try SegmentStore(directory: directory.path, options: options)
        let value = [UInt8](repeating: 7, count: 1_000)
        let record = 56 + 16 + 1_000
        let keys = Int(Double(run.limit) * run.liveShare) / record
        func set(_ number: Int) throws {
            let key = withUnsafeBytes(of: (UInt64(number), UInt64(number))) { Array($0) }
            try store.set(key, to: value)
        }
        for number in 0..<keys { try set(number) }
        // The first round finds segments of one age, which is not what there is later on.
        for _ in 0..<3 * keys { try set(Int.random(in: 0..<keys, using: &random)) }
        let before = try store.statistics()
        for _ in 0..<6 * keys { try set(Int.random(in: 0..<keys, using: &random)) }
        let after = try store.statistics()
        let written = after.writtenBytes - before.writtenBytes
        let carried = after.reclamation.carriedBytes - before.reclamation.carriedBytes
        let amplification = Double(written + carried) / Double(written)
        print("\(run.testDescription): write amplification \(amplification), seed \(seed)")
        #expect(after.reclamation.evictions == 0)
        #expect(after.entries == keys)
        #expect(amplification <= run.bound)
        try store.close()
    }

    @Test func insertsAloneCostNothing() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var options = StoreOptions(durability: .never)
        options.compression = .none
        options.sizeLimit = 64 << 20
        let store = try SegmentStore(directory: directory.path, options: options)
        let value = [UInt8](repeating: 7, count: 1_000)
        // As many as are never evicted: four fifths of the limit.
        for number in 0..<(64 << 20) * 4 / 5 / 1_072 { try store.set("key-\(number)", to: value) }
        let statistics = try store.statistics()
        #expect(statistics.reclamation.evictions == 0)
        #expect(statistics.writeAmplification <= 1.02)
        try store.close()
    }
}
