import Synchronization

/// Figures of an open store. Counters begin at zero when it is opened.
public struct StoreStatistics: Sendable, Equatable {
    /// Entries that can be got; those that expired unseen are among them.
    public var entries = 0
    /// Reads that gave a value, an entry or `true`.
    public var hits = 0
    /// Reads that gave none; damaged ones are among them.
    public var misses = 0
    /// Sets that were stored.
    public var sets = 0
    /// Bytes of the records that sets and removals appended, headers and keys included.
    public var writtenBytes = 0
    /// Reads that met a damaged record and gave nothing.
    public var damagedReads = 0
    /// Bytes of the records of current entries, headers and keys included.
    public var liveBytes = 0
    /// Bytes of the records of removals that must be kept.
    public var tombstoneBytes = 0
    /// Bytes of records that nothing names any more.
    public var deadBytes = 0
    /// Segments in use.
    public var segments = 0
    /// Bytes that the directory takes on the disk, lock file included.
    public var allocatedBytes = 0
    /// Bytes of records that a power cut could cost.
    public var unforcedBytes = 0
    /// How long the oldest of them has waited; zero where there are none.
    public var unforcedAge = Duration.zero
    /// Flushes that succeeded.
    public var flushes = 0
    /// What winning back room has done and cost.
    public var reclamation = ReclaimFigures()
    /// Keys that are remembered because their entries left unread, and the memory for that.
    public var ghosts = 0
    /// Bytes of that memory.
    public var ghostBytes = 0
    /// What opening found.
    public var recovery = RecoveryReport()

    /// Bytes of all records that were appended over those that sets and removals appended: what keeping room costs.
    /// Footers are apart. One before anything is written.
    public var writeAmplification: Double {
        guard writtenBytes > 0 else { return 1 }
        let copied = reclamation.carriedBytes + reclamation.tombstoneBytesLeft
        return Double(writtenBytes + copied) / Double(writtenBytes)
    }
}

extension SegmentStore {
    /// The store's figures as of now; taking them stops nobody, and waits for a flush that is under way.
    ///
    /// The file system is asked for the size of each segment.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func statistics() throws(StoreError) -> StoreStatistics {
        try checkReadable()
        var statistics = StoreStatistics()
        statistics.entries = count
        statistics.hits = counters.hits.total + segments.readers.hits
        statistics.misses = counters.misses.total + segments.readers.misses
        statistics.damagedReads = counters.damagedReads.total
        statistics.sets = index.setCount
        statistics.writtenBytes = index.writtenBytes
        segments.forEachInUse { slot in
            let segment = segments[slot]
            let live = segment.pointee.liveBytes.load(ordering: .relaxed)
            let tombstones = segment.pointee.tombstoneBytes.load(ordering: .relaxed)
            let end = segment.pointee.recordEnd.load(ordering: .relaxed)
            statistics.segments += 1
            statistics.liveBytes += live
            statistics.tombstoneBytes += tombstones
            statistics.deadBytes += max(0, end - Format.recordsStart - live - tombstones)
            if !isReadOnly {
                statistics.unforcedBytes += max(
                    0,
                    end - max(Format.recordsStart, segment.pointee.forcedEnd.load(ordering: .relaxed))
                )
            }
            if let status = try? files.status(at: segment.pointee.path) {
                statistics.allocatedBytes += status.allocatedBytes
            }
        }
        // Under the lock, for another segment may be given the slot, and with it another path.
        for path in maintenance.withLock({ $0.parked.map { segments[$0].pointee.path } }) {
            if let status = try? files.status(at: path) {
                statistics.allocatedBytes += status.allocatedBytes
            }
        }
        for path in [directory, directory + "/" + DirectoryLock.fileName] {
            if let status = try? files.status(at: path) { statistics.allocatedBytes += status.allocatedBytes }
        }
        if let since = reservation.withLock({ $0.unforcedSince }) {
            statistics.unforcedAge = Self.monotonicTime() - since
        }
        statistics.flushes = flushing.withLock { $0.flushes }
        statistics.reclamation = reclaimFigures.withLock { $0 }
        for shard in 0..<Index.shardCount {
            let figures = index.withLock(shard) { ghosts.figures(shard: shard) }
            statistics.ghosts += figures.count
            statistics.ghostBytes += figures.bytes
        }
        statistics.recovery = recoveryReport
        return statistics
    }
}
