import Synchronization

/// The in-memory index: where the newest record of each key lies. It stores no key.
///
/// `@unchecked`: shards are initialised before the index is shared, hold atomics and what their lock guards, and live
/// until the index does not.
final class Index: @unchecked Sendable {
    /// Enough that writers rarely meet, few enough that the shards' partly used pages don't count.
    static let shardCount = 32
    private static let shardShift: UInt64 = 59

    private let shards: UnsafeMutablePointer<IndexShard>
    private let primary: IndexArena
    private let overflow: IndexArena

    /// An empty index, each shard of which can have so many buckets; nil where the system refuses the memory.
    init?(buckets: Int) {
        guard let primary = IndexArena(rows: buckets), let overflow = IndexArena(rows: buckets) else { return nil }
        self.primary = primary
        self.overflow = overflow
        shards = .allocate(capacity: Self.shardCount)
        for number in 0..<Self.shardCount {
            guard let shard = IndexShard(number, primary: primary, overflow: overflow) else {
                shards.deinitialize(count: number)
                shards.deallocate()
                return nil
            }
            (shards + number).initialize(to: shard)
        }
    }

    deinit {
        shards.deinitialize(count: Self.shardCount)
        shards.deallocate()
    }

    /// The shard of a key's hash; its bits are none of those that choose a bucket or stand in an entry.
    @inline(__always)
    static func shard(of hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash >> shardShift)
    }

    @inline(__always)
    subscript(shard: Int) -> UnsafeMutablePointer<IndexShard> {
        shards + shard
    }

    @inline(__always)
    func shard(for hash: UInt64) -> UnsafeMutablePointer<IndexShard> {
        shards + Self.shard(of: hash)
    }

    /// Entries that are neither tombstones nor seen expired; shards are looked at one after the other, so that entries
    /// that come and go meanwhile may be counted or not.
    var liveCount: Int {
        max(0, (0..<Self.shardCount).reduce(0) { $0 + shards[$1].liveCount.load(ordering: .relaxed) })
    }

    var setCount: Int {
        (0..<Self.shardCount).reduce(0) { $0 + shards[$1].setCount.load(ordering: .relaxed) }
    }

    /// Bytes of the records that sets and removals have written.
    var writtenBytes: Int {
        (0..<Self.shardCount).reduce(0) { $0 + shards[$1].writtenBytes.load(ordering: .relaxed) }
    }

    /// Forgets every entry and gives the memory back. Under all shards' locks.
    func removeAll() {
        for shard in 0..<Self.shardCount { shards[shard].removeAll() }
        primary.empty()
        overflow.empty()
    }

    /// Makes the table as large as it will be for so many entries; before the first one.
    func reserve(_ count: Int) {
        for shard in 0..<Self.shardCount { shards[shard].reserve(count / Self.shardCount + 1) }
    }

    /// Puts memory that no longer grows into huge pages. Needs no lock: a count that is old by now is only too low.
    func collapseFullBlocks() {
        primary.collapse(below: (0..<Self.shardCount).reduce(Int.max) { min($0, shards[$1].bucketCount) })
        overflow.collapse(
            below: (0..<Self.shardCount).reduce(Int.max) { min($0, shards[$1].overflowCount.load(ordering: .relaxed)) }
        )
    }

    /// Runs the body under the writer locks of the given shards, which are in ascending order.
    func withLocks<Result: Sendable, Failure: Error>(
        _ numbers: ArraySlice<Int>,
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let first = numbers.first else { return try body() }
        return try withLock(first) { () throws(Failure) in try withLocks(numbers.dropFirst(), body) }
    }

    /// Runs the body under the writer lock of one shard.
    @inline(__always)
    func withLock<Result: Sendable, Failure: Error>(
        _ shard: Int,
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try shards[shard].writer.withLock { _ throws(Failure) in try body() }
    }
}
