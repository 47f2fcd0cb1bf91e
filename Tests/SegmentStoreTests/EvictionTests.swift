import TestSupport
import Testing

@testable import SegmentStore

/// What stays where not everything fits.
@Suite(.inTurnOnOwnThread) struct EvictionTests {
    private static let value = [UInt8](repeating: 1, count: 1_000)

    private static func open(_ directory: TemporaryDirectory, limit: Int) throws -> SegmentStore {
        var options = StoreOptions.stepped(.interval(.seconds(1)))
        options.compression = .none
        options.sizeLimit = limit
        return try SegmentStore(directory: directory.path, options: options)
    }

    /// Gets each key, and sets it where it is missing; how many were there.
    private static func replay(_ keys: some Sequence<Int>, on store: SegmentStore) throws -> Int {
        var hits = 0
        for number in keys {
            if try store.get("key-\(number)") != nil { hits += 1 } else { try store.set("key-\(number)", to: value) }
        }
        return hits
    }

    @Test(arguments: [1 << 20, 8 << 20]) func aBatchThatIsRunAgainHitsNearlyAllThatFits(limit: Int) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try Self.open(directory, limit: limit)
        // A third more than all that the limit has room for, so that each key leaves before its turn by recency.
        let keys = limit * 4 / 3 / 1_072
        _ = try Self.replay(0..<keys, on: store)
        let fitting = store.count
        var hits = 0
        for _ in 0..<6 { hits += try Self.replay(0..<keys, on: store) }
        print("hits of six runs: \(Double(hits) / Double(6 * fitting)) of what fits")
        #expect(Double(hits) > 0.7 * Double(6 * fitting))
        try store.close()
    }

    @Test func aScanLeavesWhatIsReadAndWhoIsBackSoonStays() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try Self.open(directory, limit: 8 << 20)
        _ = try Self.replay(0..<6_000, on: store)
        let read = (0..<1_000).map { $0 * 6 }
        #expect(try Self.replay(read, on: store) == 1_000)
        // Three times the limit, each key once.
        _ = try Self.replay(10_000..<34_000, on: store)
        #expect(try Self.replay(read, on: store) > 950)
        // It left after a while in the first log, and is back while there is a ghost of it.
        let before = try store.statistics().reclamation.ghostHits
        #expect(try Self.replay([32_000], on: store) == 0)
        #expect(try store.statistics().reclamation.ghostHits == before + 1)
        _ = try Self.replay(40_000..<44_000, on: store)
        #expect(try Self.replay([32_000], on: store) == 1)
        try store.close()
    }

    /// Reclaiming while callers set keys of ghosts, which go to the log that reclaiming needs room in.
    @Test func ghostsTakeNoRoomThatReclaimingNeeds() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var options = StoreOptions(durability: .never)
        options.compression = .none
        options.sizeLimit = 2 << 20
        let store = try SegmentStore(directory: directory.path, options: options)
        // In turns, so that nearly every set is of a ghost, with the background thread at work beside it.
        let keys = (2 << 20) * 3 / 2 / 1_072
        for _ in 0..<60 { _ = try Self.replay(0..<keys, on: store) }
        #expect(try store.statistics().reclamation.ghostHits > 0)
        #expect(store.invariantViolations() == [])
        try store.close()
    }
}
