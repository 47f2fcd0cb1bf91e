import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Which keys a set or a removal in the window of a reclamation takes for ones that may have left.
@Suite(.inTurnOnOwnThread) struct LeaverFilterTests {
    @Test func nobodyWhoLeftIsMissedAndFewOthersAreMeant() {
        let filter = LeaverFilter()
        var random = SeededGenerator(seed: 12)
        let left = (0..<60_000).map { _ in random.next() }
        for hash in left { filter.insert(hash, shard: Index.shard(of: hash)) }
        #expect(left.allSatisfy { filter.mayContain($0, shard: Index.shard(of: $0)) })
        let others = (0..<60_000).map { _ in random.next() }
        #expect(others.count { filter.mayContain($0, shard: Index.shard(of: $0)) } < 60_000 / 8)
    }

    @Test func aNewWindowBeginsEmptyAndUntoldKeysMeanAll() {
        let filter = LeaverFilter()
        filter.insert(5, shard: 0)
        filter.insertAll(shard: 1)
        #expect(filter.mayContain(5, shard: 0) && !filter.mayContain(6, shard: 0) && filter.mayContain(6, shard: 1))
        for shard in 0..<2 { filter.removeAll(shard: shard) }
        #expect(!filter.mayContain(5, shard: 0) && !filter.mayContain(6, shard: 1))
    }

    /// The window stays open where reclaiming is stopped between two entries.
    @Test func aSetWhileAVictimIsEmptiedLeavesATombstoneOnlyIfItsKeyHadLeft() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var options = StoreOptions.stepped(.never)
        options.compression = .none
        options.sizeLimit = 1 << 20
        let box = StoreBox()
        options.betweenReclaimSteps = { _ in box.step() }
        let store = try SegmentStore(directory: directory.path, options: options)
        box.store = store
        let value = [UInt8](repeating: 1, count: 1_000)
        for number in 0..<20_000 { try store.set("key-\(number)", to: value) }
        // New keys alone were set in the windows; none of them had left, so almost none leaves a tombstone.
        let figures = try store.statistics().reclamation
        #expect(figures.evictions > 18_000)
        #expect(figures.tombstonesLeft < figures.evictions / 50)
        box.store = nil
        try store.close()
    }
}

/// Sets a key of its own each time reclamation has taken a step.
///
/// `@unchecked`: steps run on the thread of the test.
private final class StoreBox: @unchecked Sendable {
    weak var store: SegmentStore?
    private var count = 0

    func step() {
        // What needs room waits for the reclamation that this is a part of.
        guard let store, store.reservation.withLock({ $0.first.hasRoom(for: 200) }) else { return }
        count += 1
        if count % 40 == 0 { try? store.set("step-\(count)", to: [1]) }
    }
}
