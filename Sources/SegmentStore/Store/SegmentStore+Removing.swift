import Synchronization

extension SegmentStore {
    /// Removes the key's entry; false if it had none.
    ///
    /// - Throws: as `set`.
    @discardableResult
    public func remove(_ key: RawSpan) throws(StoreError) -> Bool {
        try checkWritable()
        try checkSizes(key: key.byteCount)
        var existed = false
        let sequence = try key.withUnsafeBytes { key throws(StoreError) in
            try writeTombstone(key, hash: hash(of: key), existed: &existed)
        }
        if let sequence { try waitUntilForced(sequence) }
        return existed
    }

    /// Writes a tombstone where the key has an entry to hide, if that is the one that is meant; returns its sequence.
    func writeTombstone(
        _ key: UnsafeRawBufferPointer,
        hash: UInt64,
        existed: inout Bool,
        where isMeant: (RecordView) -> Bool = { _ in true }
    ) throws(StoreError) -> UInt64? {
        enum Outcome: Sendable {
            case nothingToRemove
            case noRoom
            case written(Reservation.Ticket, wasLive: Bool)
        }
        let now = options.clock.milliseconds()
        while true {
            var draft = Draft(.delete, key: key, hash: hash, extensions: RecordExtensions(horizon: 0), created: now)
            let outcome = try index.withLock(draft.shard) { () throws(StoreError) -> Outcome in
                try checkWritable()
                let known = index[draft.shard].pointee.probe(hash) { entry, _ in names(key, entry) ? entry : nil }
                // What was evicted a moment ago may still be on the disk, where a death would find it.
                guard known.map({ !$0.isTombstone }) ?? mayHaveLeft(hash, shard: draft.shard) else {
                    return .nothingToRemove
                }
                if let known, let record = segments[known.slot].pointee.record(at: known.offset), !isMeant(record) {
                    return .nothingToRemove
                }
                let wasLive = known.map { $0.isLive && !isExpired($0, now: now) } ?? false
                let horizon = reservation.withLock { $0.highestNumber }
                draft.extensions = RecordExtensions(horizon: horizon).encoded()
                // Where nothing is evicted the main log takes removals for which the other one has no room, for sets would
                // use up what it is given for them.
                guard let ticket = reserve(draft.length) ?? (isFixed ? reserveMain(draft.length) : nil) else {
                    return .noRoom
                }
                defer { publication.end(ticket) }
                fill(draft, ticket)
                try publish(draft, slot: ticket.slot, offset: ticket.offset)
                return .written(ticket, wasLive: wasLive)
            }
            switch outcome {
            case .nothingToRemove:
                return nil
            case .noRoom:
                if isFixed {
                    try makeRoomForRemoval(draft.length)
                } else {
                    let hasRoom = try makeRoom(for: draft.length, need: .removal)
                    // From before the limit: no segment that it makes has room for so long a key.
                    if let limit, !hasRoom, key.count > limit.longestKey { throw fullError }
                }
            case .written(let ticket, let wasLive):
                existed = wasLive
                return ticket.sequence
            }
        }
    }

    private func isExpired(_ entry: IndexEntry, now: UInt64) -> Bool {
        guard let record = segments[entry.slot].pointee.record(at: entry.offset) else { return true }
        return record.expiry != 0 && record.expiry <= now
    }

    /// Removes every entry, and gives the disk space of what was stored back.
    ///
    /// One record does it, so that a death in the middle leaves either everything or nothing.
    ///
    /// - Throws: as `set`.
    public func removeAll() throws(StoreError) {
        try checkWritable()
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        let now = options.clock.milliseconds()
        var draft = Draft(.clear, key: none, hash: 0, extensions: RecordExtensions(horizon: 0), created: now)
        // A segment of its own lets all older ones go; a small one is rather kept.
        let startsAnew = reservation.withLock { $0.tail > Self.smallTail }
        let allShards = Array(0..<Index.shardCount)
        while true {
            do throws(StoreError) {
                if startsAnew { try makeSpare() }
            } catch {
                // Where the disk is too full for another segment, the clear goes into the active one.
                if writesStopped.load(ordering: .relaxed) { throw error }
            }
            let outcome = try index.withLocks(allShards[...]) { () throws(StoreError) -> Cleared? in
                try checkWritable()
                let reserved = reservation.withLock { reservation -> Cleared? in
                    if startsAnew && reservation.tail > Self.smallTail { reservation.takeSpare(in: segments) }
                    draft.extensions = RecordExtensions(horizon: reservation.highestNumber).encoded()
                    let ticket = reservation.reserve(draft.length, in: segments, now: Self.monotonicTime)
                    guard let ticket else { return nil }
                    publication.begin(ticket)
                    // A segment without records may be about to get a large one from a set that comes after this.
                    let ended = segments.inUse.filter { $0 != ticket.slot && $0 != reservation.spare }
                        .map { slot in
                            let end = segments[slot].pointee.recordEnd.load(ordering: .relaxed)
                            return Reservation.Extent(slot: slot, end: end, in: segments)
                        }
                        .filter { $0.end > Format.recordsStart }
                    if ended.contains(where: { $0.slot == reservation.main.slot }) { reservation.main = LogTail() }
                    // The clear is forced before they go, and makes it pointless to force them.
                    reservation.unforced.removeAll { unforced in ended.contains { $0.slot == unforced.slot } }
                    return Cleared(ticket: ticket, segments: ended)
                }
                guard let reserved else { return nil }
                for shard in allShards { ghosts.removeAll(shard: shard) }
                defer { publication.end(reserved.ticket) }
                wake(for: reserved.ticket)
                fill(draft, reserved.ticket)
                clearFloor.store(reserved.ticket.sequence, ordering: .releasing)
                index.removeAll()
                for slot in segments.inUse {
                    segments[slot].pointee.liveBytes.store(0, ordering: .relaxed)
                    segments[slot].pointee.tombstoneBytes.store(0, ordering: .relaxed)
                }
                return reserved
            }
            guard let outcome else {
                _ = try makeRoom(for: draft.length, need: .clear)
                continue
            }
            try waitUntilForced(outcome.ticket.sequence)
            return try drop(outcome.segments, clearedBelow: outcome.ticket.sequence)
        }
    }

    private struct Cleared: Sendable {
        var ticket: Reservation.Ticket
        /// Segments whose records all come before the clear, with their ends.
        var segments: [Reservation.Extent]
    }

    /// An active segment with at most so many bytes of records takes the clear itself.
    private static let smallTail = 64 << 10
}
