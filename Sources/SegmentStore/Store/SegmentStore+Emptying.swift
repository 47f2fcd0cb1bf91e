import CLinux
import Glibc
import Synchronization

/// What becomes of a victim's entries: each is carried to the main log or forgotten, under its shard's lock.
extension SegmentStore {
    /// Makes the index name nothing in the victim any more; false if there is no room for what is to be carried, and then
    /// the victim stays one.
    func empty(
        _ victim: ReclaimState.Victim,
        for goal: ReclaimGoal,
        among slots: [Int]
    ) throws(StoreError) -> Bool {
        var settler = Settler(store: self, victim: victim, others: Others(slots.filter { $0 != victim.slot }, of: self))
        if case .evict(_, _, leavesGhosts: true) = victim.plan {
            ghosts.begin(segment: segments[victim.slot].pointee.header.number, entries: count)
        }
        openWindow()
        startWritingBack()
        var isEmptied = true
        var hasExceeded = false
        var seenBytes = 0
        try forEachRow(of: victim.slot) { row in
            fetch(row, of: victim)
        } _: { row throws(StoreError) in
            // What is beyond the limit is for tombstones alone.
            settler.evictsEverything = hasExceeded
            seenBytes += row.length
            if seenBytes >= Self.writingStep {
                startWritingBack()
                seenBytes = 0
            }
            while isEmptied {
                switch try settler.settle(row) {
                case .settled:
                    settler.usesFirstLog = false
                    options.betweenReclaimSteps?(.settled)
                    return
                case .needsRoom(let length):
                    // One that was filled without this limit can leave more tombstones than there are segments kept.
                    let mayExceed = settler.evictsEverything && holdsMoreThanIsKept(victim.slot)
                    let hasMainRoom = try makeMainRoom(for: length, mayExceed: mayExceed)
                    hasExceeded = hasExceeded || mayExceed
                    // After deaths in the middle of reclamation no segment may be left to begin.
                    settler.usesFirstLog = hasMainRoom ? false : try hasFirstRoom(for: length)
                    isEmptied = hasMainRoom || settler.usesFirstLog
                    // Opened with a smaller limit, there may be room for nothing: an entry is not worth the whole store.
                    if !isEmptied && mayEvict && goal == .room && !settler.evictsEverything {
                        settler.evictsEverything = true
                        isEmptied = true
                    }
                }
            }
        }
        if isEmptied { dropNameless(in: victim.slot) }
        return isEmptied
    }

    /// Has the processor fetch what settling the row will look at; most of the time is spent in waiting for that.
    private func fetch(_ row: FooterRow, of victim: ReclaimState.Victim) {
        index.shard(for: row.keyHash).pointee.prefetch(row.keyHash)
        granary_prefetch_line(segments[victim.slot].pointee.base + row.offset)
    }

    /// From here on sets and removals of keys that have left the victim leave marks; it is open already if the victim could
    /// not be emptied to its end before.
    private func openWindow() {
        guard !reclaimWindow.load(ordering: .acquiring) else { return }
        for shard in 0..<Index.shardCount { index.withLock(shard) { leavers.removeAll(shard: shard) } }
        reclaimWindow.store(true, ordering: .sequentiallyConsistent)
    }

    /// True if an entry of the key may have left a victim that is not given up yet. Under the shard's lock.
    @inline(__always)
    func mayHaveLeft(_ hash: UInt64, shard: Int) -> Bool {
        reclaimWindow.load(ordering: .acquiring) && leavers.mayContain(hash, shard: shard)
    }

    /// Takes out what still names the victim: records that are damaged, where its footer is too and no row tells of them.
    private func dropNameless(in slot: Int) {
        guard segments[slot].pointee.namedBytes != 0 else { return }
        for shard in 0..<Index.shardCount {
            index.withLock(shard) {
                guard phase.load(ordering: .relaxed) == Phase.open else { return }
                leavers.insertAll(shard: shard)
                var cells: [UnsafeMutablePointer<Atomic<UInt64>>] = []
                index[shard].pointee.forEach { entry, cell in if entry.slot == slot { cells.append(cell) } }
                for cell in cells {
                    let entry = index[shard].pointee.remove(at: cell)
                    account(entry, length: recordLength(entry), sign: -1, shard: shard)
                    counters.damagedReads.increment(stripe: Stripe.current)
                }
            }
        }
    }

    private func holdsMoreThanIsKept(_ slot: Int) -> Bool {
        segments[slot].pointee.header.capacity > (limit?.segmentCapacity ?? .max)
            && segments[slot].pointee.recordCount.load(ordering: .relaxed) > 1
    }

    /// An entry and where it stands.
    struct NamingEntry {
        var entry: IndexEntry
        var cell: UnsafeMutablePointer<Atomic<UInt64>>
    }

    /// The entry that names the row's record; nil: nothing does any more.
    func entry(naming row: FooterRow, in slot: Int) -> NamingEntry? {
        index.shard(for: row.keyHash).pointee.probe(row.keyHash) { entry, cell in
            entry.slot == slot && entry.offset == row.offset ? NamingEntry(entry: entry, cell: cell) : nil
        }
    }

    /// Marks an entry as ended, whose bytes are dead from now on.
    @inline(never)
    func markExpired(
        _ entry: IndexEntry,
        _ cell: UnsafeMutablePointer<Atomic<UInt64>>,
        _ shard: UnsafeMutablePointer<IndexShard>,
        length: Int
    ) {
        var current = cell.pointee.load(ordering: .acquiring)
        while IndexEntry(word: current).isSameRecord(as: entry), IndexEntry(word: current).isLive {
            let (marked, original) = cell.pointee.compareExchange(
                expected: current,
                desired: IndexEntry(word: current).expired.word,
                ordering: .acquiringAndReleasing
            )
            if marked {
                shard.pointee.liveCount.wrappingSubtract(1, ordering: .relaxed)
                segments[entry.slot].pointee.liveBytes.wrappingSubtract(length, ordering: .relaxed)
                return
            }
            current = original
        }
    }
}
