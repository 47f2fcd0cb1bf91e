import Synchronization

/// Decides what becomes of one entry of a victim, and does it.
struct Settler {
    let store: SegmentStore
    let victim: ReclaimState.Victim
    /// What lies outside the victim.
    let others: Others
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
            if leavesGhosts { store.ghosts.prefetch(row.keyHash, shard: shard) }
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
        if leavesTraceless(record, row, found) {
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
            if !others.mayHold(row.keyHash, upTo: horizon) {
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
        if victim.sparesTombstones, isCheaperCarried(record, row, found) {
            return carry(record, body, row, found, use: 0)
        }
        let outcome = forget(record, row, found, shard: shard)
        if case .settled = outcome { noteEviction(row, shard: shard) }
        return outcome
    }

    private var fate: ReclaimState.Plan {
        evictsEverything ? .evict(below: .max, loss: 0, leavesGhosts: false) : victim.plan
    }

    private var leavesGhosts: Bool {
        if case .evict(_, _, leavesGhosts: true) = fate { true } else { false }
    }

    /// True of an entry that leaves for want of room and hides nothing: whether its record is whole no longer matters, and
    /// need not be found out.
    private func leavesTraceless(_ record: RecordView, _ row: FooterRow, _ found: Found) -> Bool {
        guard case .evict(let level, _, _) = fate, record.expiry == 0 else { return false }
        let entry = found.entry
        return entry.isLive && entry.use < level && !hidesOlder(row, found)
    }

    /// True if an older record of the key may lie outside the victim, or this one once more.
    private func hidesOlder(_ row: FooterRow, _ found: Found) -> Bool {
        found.entry.shadows && others.mayHold(row.keyHash, before: row.sequence)
    }

    private func noteEviction(_ row: FooterRow, shard: Int) {
        if leavesGhosts {
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
        guard hidesOlder(row, found) else {
            drop(found, row, shard: shard)
            return .settled
        }
        let draft = tombstone(of: record, row)
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

    /// True where a tombstone would take no less: with it, emptying a segment could take more than the segment holds.
    private func isCheaperCarried(_ record: RecordView, _ row: FooterRow, _ found: Found) -> Bool {
        hidesOlder(row, found) && tombstone(of: record, row).length >= record.length
    }

    private func tombstone(of record: RecordView, _ row: FooterRow) -> Draft {
        Draft(
            .delete,
            key: record.key,
            hash: row.keyHash,
            extensions: RecordExtensions(horizon: store.reservation.withLock { $0.highestNumber }),
            created: UInt64(record.created) * 1_000
        )
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
            shadows: hidesOlder(row, found),
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
            others.oldest <= RecordExtensions(decoding: record.extensions)?.horizon ?? .max
        else { return .settled }
        guard let ticket = reserve(record.length, keeping: record.sequence) else {
            return .needsRoom(record.length)
        }
        defer { store.publication.end(ticket) }
        copy(record, body, ticket)
        return .settled
    }
}
