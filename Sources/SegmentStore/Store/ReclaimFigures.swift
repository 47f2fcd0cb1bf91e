/// What winning back room has done and cost since the store was opened.
public struct ReclaimFigures: Sendable, Equatable {
    /// Entries that left for want of room, though nobody had removed them.
    public var evictions = 0
    /// Entries that ended and were taken out.
    public var expired = 0
    /// Tombstones that were left in the place of entries that went, so that nothing older comes back for them.
    public var tombstonesLeft = 0
    /// The bytes of their records.
    public var tombstoneBytesLeft = 0
    /// Records that were copied to keep them, and their bytes.
    public var carried = 0
    /// The bytes of those.
    public var carriedBytes = 0
    /// Bytes of the segments that were given up.
    public var reclaimedBytes = 0
    /// Time spent on it, by whatever thread.
    public var time = Duration.zero
    /// Sets that had to wait for room.
    public var waits = 0
    /// The longest of these waits.
    public var longestWait = Duration.zero
    /// All of them together.
    public var waitTime = Duration.zero
    /// Waits that took less than 1, 2, 4, 8 … microseconds; 32 of them.
    public var waitsBelow = [Int](repeating: 0, count: 32)
    /// Sets of keys that had left a while ago, whose entries went to the main log at once.
    public var ghostHits = 0
}
