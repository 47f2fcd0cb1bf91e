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

    init?() {
        shards = .allocate(capacity: Self.shardCount)
        for number in 0..<Self.shardCount {
            guard let shard = IndexShard() else {
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

    /// Entries that are neither tombstones nor seen expired.
    var liveCount: Int {
        (0..<Self.shardCount).reduce(0) { $0 + shards[$1].liveCount.load(ordering: .relaxed) }
    }

    var setCount: Int {
        (0..<Self.shardCount).reduce(0) { $0 + shards[$1].setCount.load(ordering: .relaxed) }
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
