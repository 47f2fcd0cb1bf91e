import CLinux
import Glibc
import Synchronization

/// What becomes of a victim's entries: each is carried to the main log or forgotten, under its shard's lock.
extension SegmentStore {
    /// Makes the index name nothing in the victim any more; false if there is no room for what is to be carried, and then
    /// the victim stays one.
    func empty(_ victim: ReclaimState.Victim, among slots: [Int]) throws(StoreError) -> Bool {
        // The segments that are left when the victim is gone: a tombstone has nothing to hide if they are all younger.
        let oldestOther =
            slots.filter { $0 != victim.slot }.map { segments[$0].pointee.header.number }.min() ?? .max
        var settler = Settler(store: self, victim: victim, oldestOther: oldestOther)
        if case .evict(_, _, leavesGhosts: true) = victim.plan {
            ghosts.begin(segment: segments[victim.slot].pointee.header.number, entries: count)
        }
        openWindow()
        startWritingBack()
        var isEmptied = true
        var seenBytes = 0
        try forEachRow(of: victim.slot) { row in
            fetch(row, of: victim)
        } _: { row throws(StoreError) in
            settler.evictsEverything = false
            seenBytes += row.length
            if seenBytes >= Self.writingStep {
                startWritingBack()
                seenBytes = 0
            }
            while isEmptied {
                switch try settler.settle(row) {
                case .settled:
                    settler.usesFirstLog = false
                    options.betweenReclaimSteps?()
                    return
                case .needsRoom(let length):
                    let hasMainRoom = try makeMainRoom(for: length)
                    // After deaths in the middle of reclamation no segment may be left to begin.
                    settler.usesFirstLog = hasMainRoom ? false : try hasFirstRoom(for: length)
                    isEmptied = hasMainRoom || settler.usesFirstLog
                    // Opened with a smaller limit, there may be room for nothing: an entry is not worth the whole store.
                    if !isEmptied && mayEvict && !settler.evictsEverything {
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
        let segment = segments[slot]
        guard
            segment.pointee.liveBytes.load(ordering: .relaxed) != 0
                || segment.pointee.tombstoneBytes.load(ordering: .relaxed) != 0
        else { return }
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

    /// Gives the main log a segment with room for the record; false if there is none to be had.
    private func makeMainRoom(for length: Int) throws(StoreError) -> Bool {
        try maintenance.withLock { state throws(StoreError) in
            try checkWritable()
            return try makeMainRoom(for: length, leaving: 0, &state)
        }
    }

    /// True if what new records have takes one of the length, without a segment that reclamation would lack.
    private func hasFirstRoom(for length: Int) throws(StoreError) -> Bool {
        try maintenance.withLock { state throws(StoreError) in
            try checkWritable()
            return try makeRoom(for: length, leaving: .max, &state) ?? false
        }
    }

    /// Gives the main log room for a removal, of what sets may not have.
    func makeRoomForRemoval(_ length: Int) throws(StoreError) {
        if try makeMainRoom(forRemoval: length, leaving: .removal, patience: nil) { return }
        // With little to win back, it is removals that make something.
        if try makeMainRoom(forRemoval: length, leaving: .lastRemoval, patience: patienceOfRemovals) { return }
        // What is kept for emptying a victim is of no use to one that does not fit into it; removals make that smaller.
        let hasRoom = reservation.withLock { reservation in
            guard reservation.main.hasRoom(for: length) else { return false }
            reservation.mainIsKept = false
            return true
        }
        if !hasRoom { throw fullError }
    }

    /// False if there is no room, and none to be won back.
    private func makeMainRoom(forRemoval length: Int, leaving need: Need, patience: Int?) throws(StoreError) -> Bool {
        do throws(StoreError) {
            return try withRoom(for: 0, patience: patience) { state, _ throws(StoreError) -> Bool? in
                let isKept = keepsMain(state)
                reservation.withLock { $0.mainIsKept = isKept }
                // What is kept is for emptying a victim, which makes the room.
                if isKept { return nil }
                return try makeMainRoom(for: length, leaving: need.rawValue, &state) ? true : nil
            }
        } catch {
            guard error.code == .full else { throw error }
            return false
        }
    }

    private func makeMainRoom(
        for length: Int,
        leaving reserved: Int,
        _ state: inout Maintenance
    ) throws(StoreError) -> Bool {
        if reservation.withLock({ $0.main.hasRoom(for: length) }) { return true }
        return try beginMain(for: length, leaving: reserved, &state)
    }

    /// Gives the main log a segment, unless then fewer than so many would be left.
    func beginMain(
        for length: Int,
        leaving reserved: Int,
        _ state: inout Maintenance
    ) throws(StoreError) -> Bool {
        let needed = Format.recordsStart + length + Footer.length(rowCount: 1)
        guard let slot = try takeSegment(.main, atLeast: needed, leaving: reserved, &state) else { return false }
        let isKept = keepsMain(state)
        reservation.withLock { reservation in
            reservation.activateMain(slot, in: segments)
            reservation.mainIsKept = isKept
        }
        return true
    }

    /// True while reclamation needs what room the main log has. Where nothing is evicted removals may have it, but for what
    /// it takes to empty one victim.
    func keepsMain(_ state: Maintenance) -> Bool {
        freeSegments(state) < (mayEvict ? Self.reservedSegments : Need.lastRemoval.rawValue)
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

/// Decides what becomes of one entry of a victim, and does it.
private struct Settler {
    let store: SegmentStore
    let victim: ReclaimState.Victim
    /// The lowest number of all segments but the victim.
    let oldestOther: UInt64
    /// Nothing can be carried.
    var evictsEverything = false
    /// The main log has no room, and what new records have is used.
    var usesFirstLog = false

    enum Outcome: Sendable {
        /// Nothing names the record any more.
        case settled
        /// The main log has no room for so many bytes.
        case needsRoom(Int)
    }

    private var segments: SegmentTable { store.segments }

    func settle(_ row: FooterRow) throws(StoreError) -> Outcome {
        if row.kind == .clear {
            // A lock of writers, so that closing waits.
            return try store.index.withLock(0) { () throws(StoreError) -> Outcome in
                try store.checkWritable()
                return settleClear(row)
            }
        }
        guard row.kind != .void else { return .settled }
        let shard = Index.shard(of: row.keyHash)
        return try store.index.withLock(shard) { () throws(StoreError) -> Outcome in
            try store.checkWritable()
            guard let found = store.entry(naming: row, in: victim.slot) else { return .settled }
            return try settle(row, found, shard: shard)
        }
    }

    private typealias Found = SegmentStore.NamingEntry

    private func settle(_ row: FooterRow, _ found: Found, shard: Int) throws(StoreError) -> Outcome {
        let segment = segments[victim.slot]
        guard let record = segment.pointee.record(at: row.offset), record.length == row.length, record.layoutHolds
        else {
            return damaged(nil, row, found, shard: shard)
        }
        if leavesTraceless(record, found) {
            drop(found, row, shard: shard)
            noteEviction(row, shard: shard)
            return .settled
        }
        let body = record.bodyHash
        guard record.checksumHolds(salt: segment.pointee.salt, body: body), record.isUnderstood else {
            return damaged(record, row, found, shard: shard)
        }
        if found.entry.isTombstone {
            let horizon = RecordExtensions(decoding: record.extensions)?.horizon ?? .max
            if oldestOther > horizon {
                drop(found, row, shard: shard)
                return .settled
            }
            return carry(record, body, row, found, use: 0)
        }
        let now = store.options.clock.milliseconds()
        if found.entry.isExpired || (record.expiry != 0 && record.expiry <= now) {
            store.markExpired(found.entry, found.cell, store.index[shard], length: row.length)
            let outcome = forget(record, row, found, shard: shard)
            if case .settled = outcome { store.reclaimFigures.withLock { $0.expired += 1 } }
            return outcome
        }
        guard case .evict(let level, let loss, _) = fate else {
            return carry(record, body, row, found, use: found.entry.use)
        }
        if found.entry.use >= level {
            return carry(record, body, row, found, use: max(0, found.entry.use - loss))
        }
        let outcome = forget(record, row, found, shard: shard)
        if case .settled = outcome { noteEviction(row, shard: shard) }
        return outcome
    }

    private var fate: ReclaimState.Plan {
        evictsEverything ? .evict(below: .max, loss: 0, leavesGhosts: false) : victim.plan
    }

    /// True of an entry that leaves for want of room and hides nothing: whether its record is whole no longer matters, and
    /// need not be found out.
    private func leavesTraceless(_ record: RecordView, _ found: Found) -> Bool {
        guard case .evict(let level, _, _) = fate, record.expiry == 0 else { return false }
        let entry = found.entry
        return entry.isLive && !entry.shadows && entry.use < level
    }

    private func noteEviction(_ row: FooterRow, shard: Int) {
        if case .evict(_, _, leavesGhosts: true) = fate {
            let entries = store.index[shard].pointee.liveCount.load(ordering: .relaxed)
            store.ghosts.insert(row.keyHash, shard: shard, entries: entries)
        }
        store.reclaimFigures.withLock { $0.evictions += 1 }
    }

    private func reserve(_ length: Int, keeping sequence: UInt64) -> Reservation.Ticket? {
        usesFirstLog
            ? store.reserve(length, keeping: sequence) : store.reserveMain(length, keeping: sequence)
    }

    // MARK: Leaving

    /// Takes the entry out of the index.
    private func drop(_ found: Found, _ row: FooterRow, shard: Int) {
        store.leavers.insert(row.keyHash, shard: shard)
        let old = store.index[shard].pointee.remove(at: found.cell)
        store.account(old, length: row.length, sign: -1, shard: shard)
    }

    /// A record that cannot be read is lost. What it replaced must not come back for it, if its key can still be told.
    private func damaged(_ record: RecordView?, _ row: FooterRow, _ found: Found, shard: Int) -> Outcome {
        if let record, !found.entry.isTombstone, store.hash(of: record.key) == row.keyHash {
            let outcome = forget(record, row, found, shard: shard)
            guard case .settled = outcome else { return outcome }
        } else {
            drop(found, row, shard: shard)
        }
        store.counters.damagedReads.increment(stripe: Stripe.current)
        return .settled
    }

    /// Takes the entry out, and leaves a tombstone of its sequence where something older may lie on the disk.
    private func forget(
        _ record: RecordView,
        _ row: FooterRow,
        _ found: Found,
        shard: Int
    ) -> Outcome {
        // Looked at now: a reader's mark may have come, a writer's cannot.
        guard found.entry.shadows else {
            drop(found, row, shard: shard)
            return .settled
        }
        let horizon = store.reservation.withLock { $0.highestNumber }
        let draft = Draft(
            .delete,
            key: record.key,
            hash: row.keyHash,
            extensions: RecordExtensions(horizon: horizon),
            created: UInt64(record.created) * 1_000
        )
        guard let ticket = reserve(draft.length, keeping: row.sequence) else {
            return .needsRoom(draft.length)
        }
        defer { store.publication.end(ticket) }
        store.fill(draft, ticket)
        let entry = IndexEntry(
            slot: ticket.slot,
            offset: ticket.offset,
            hash: row.keyHash,
            shadows: true,
            isTombstone: true
        )
        store.replace(found.cell, by: entry, length: draft.length, shard: shard)
        store.reclaimFigures.withLock { figures in
            figures.tombstonesLeft += 1
            figures.tombstoneBytesLeft += draft.length
        }
        return .settled
    }

    // MARK: Staying

    /// Copies the record into the main log, with its sequence.
    private func carry(_ record: RecordView, _ body: UInt64, _ row: FooterRow, _ found: Found, use: Int) -> Outcome {
        guard let ticket = reserve(record.length, keeping: record.sequence) else {
            return .needsRoom(record.length)
        }
        defer { store.publication.end(ticket) }
        copy(record, body, ticket)
        segments[ticket.slot].pointee.noteExpiry(record.expiry)
        let moved = IndexEntry(
            slot: ticket.slot,
            offset: ticket.offset,
            hash: row.keyHash,
            shadows: found.entry.shadows,
            isTombstone: found.entry.isTombstone
        ).withUse(use)
        // A reader may mark the entry as ended up to the last moment; no writer can touch it.
        var current = found.cell.pointee.load(ordering: .acquiring)
        while true {
            let isExpired = IndexEntry(word: current).isExpired
            let (done, original) = found.cell.pointee.compareExchange(
                expected: current,
                desired: (isExpired ? moved.expired : moved).word,
                ordering: .acquiringAndReleasing
            )
            if done { break }
            current = original
        }
        store.accountBytes(IndexEntry(word: current), length: row.length, sign: -1)
        store.accountBytes(IndexEntry(word: current).isExpired ? moved.expired : moved, length: row.length, sign: 1)
        store.reclaimFigures.withLock { figures in
            figures.carried += 1
            figures.carriedBytes += row.length
        }
        return .settled
    }

    /// Makes the record whole in its new place; `body` is the hash of what is copied.
    private func copy(_ record: RecordView, _ body: UInt64, _ ticket: Reservation.Ticket) {
        let target = segments[ticket.slot]
        let writer = RecordWriter(base: target.pointee.base + ticket.offset)
        writer.copyBody(of: record)
        writer.finish(body: body, frame: ticket.frame, sequence: record.sequence, salt: target.pointee.salt)
    }

    /// The record of the last clear goes on saying what is dead as long as a segment is left that is as old.
    private func settleClear(_ row: FooterRow) -> Outcome {
        let record = segments[victim.slot].pointee.record(at: row.offset)
        guard row.sequence == store.clearFloor.load(ordering: .acquiring), let record, record.length == row.length,
            record.layoutHolds
        else { return .settled }
        let body = record.bodyHash
        guard record.checksumHolds(salt: segments[victim.slot].pointee.salt, body: body),
            oldestOther <= RecordExtensions(decoding: record.extensions)?.horizon ?? .max
        else { return .settled }
        guard let ticket = reserve(record.length, keeping: record.sequence) else {
            return .needsRoom(record.length)
        }
        defer { store.publication.end(ticket) }
        copy(record, body, ticket)
        return .settled
    }
}
