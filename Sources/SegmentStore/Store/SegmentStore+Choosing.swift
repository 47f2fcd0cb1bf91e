import Synchronization

/// Which segment is reclaimed next, and what becomes of what lives in it: what is dead first, then what tombstones wait
/// for, and only then what is wanted least.
extension SegmentStore {
    /// Under the reclaiming lock; the slots are those of all segments in use, and stay theirs.
    func chooseVictim(
        for goal: ReclaimGoal,
        among slots: [Int],
        _ state: inout ReclaimState
    ) -> ReclaimState.Victim? {
        var candidates = sealedSegments(among: slots)
        sweepExpired(candidates)
        if isFixed || goal == .compaction { candidates = candidates.filter(hasRoomToEmpty) }
        if isFixed { candidates = emptiable(candidates) }
        let free = maintenance.withLock { freeSegments($0) }
        if goal == .room, free < leftBySets, state.isLosing,
            let victim = victimOfLosing(candidates, among: slots)
        {
            return victim
        }
        // Emptying what has ended leaves tombstones, maybe more than it wins; with little room left, theirs comes first.
        if limit != nil, free <= leftBySets + 1,
            let victim = oldestUnderTombstones(candidates, among: slots, isLast: false, &state)
        {
            return victim
        }
        let dead = candidates.map { (slot: $0, bytes: segments[$0].pointee.deadBytes) }.filter { $0.bytes > 0 }
        let total = dead.reduce(0) { $0 + $1.bytes }
        let isMostlyDead = limit == nil && isMostlyDead
        let worthIt = dead.filter {
            isMostlyDead || isWorthCompacting($0.bytes, of: $0.slot, total: total, goal)
        }
        if let best = worthIt.max(by: { $0.bytes < $1.bytes }) { return victim(best.slot, .keep) }
        // One without records is room as it is.
        let empty = candidates.first {
            segments[$0].pointee.recordEnd.load(ordering: .relaxed) == Format.recordsStart
                && !isAloneWithClear($0, among: slots)
        }
        if let empty { return victim(empty, .keep) }
        if let victim = oldestUnderTombstones(candidates, among: slots, isLast: isFixed, &state) { return victim }
        guard goal == .room, limit != nil else { return nil }
        if let victim = evictionVictim(candidates, &state) { return victim }
        // Where nothing may leave, little is better than nothing.
        return dead.max { $0.bytes < $1.bytes }.map { victim($0.slot, .keep) }
    }

    /// Those that give room at once, where nothing may leave: to empty what is being read takes room, and gives none until
    /// that has ended. All of them where none of those has anything dead, and there is room for another one after that.
    private func emptiable(_ candidates: [Int]) -> [Int] {
        let unread = candidates.filter { !segments.seemsRead($0, besidePins: 1) }
        let isOfUse = unread.contains { segments[$0].pointee.deadBytes > 0 }
        return isOfUse || maintenance.withLock({ freeSegments($0) }) < 2 ? unread : candidates
    }

    /// False of a segment that was filled without this limit, and for whose records there is no room: begun, it would be in
    /// the way of all others for good.
    private func hasRoomToEmpty(_ slot: Int) -> Bool {
        let segment = segments[slot]
        guard let limit, segment.pointee.header.capacity > limit.segmentCapacity else { return true }
        let free = present.freeBytes
        let kept = segment.pointee.namedBytes
        // Where the limit is exceeded anyway, this is how it comes to hold.
        guard kept > 0, free >= 0 else { return true }
        // Where nothing may leave, only what sets cannot take meanwhile is sure to be there to the end.
        let sure = isFixed ? min(free, leftBySets * limit.segmentCost) : free
        guard kept <= sure else { return false }
        // As they come: what follows a record with a segment of its own begins another one.
        var (taken, rest) = (Need.lastRemoval.rawValue * limit.segmentCost, 0)
        forEachRow(of: slot) { row in
            guard entry(naming: row, in: slot) != nil else { return }
            let needed = Format.recordsStart + row.length + Footer.length(rowCount: 1)
            if needed > limit.segmentCapacity {
                taken += SizeLimit.cost(ofCapacity: Format.wholePages(needed))
                rest = 0
            } else {
                if row.length + Format.footerRowLength > rest {
                    taken += limit.segmentCost
                    rest = limit.segmentCapacity - Format.recordsStart - Footer.length(rowCount: 0)
                }
                rest -= row.length + Format.footerRowLength
            }
        }
        return taken <= sure
    }

    /// The oldest segment, which tombstones wait for: it goes where that may be. Where nothing may leave it goes behind
    /// them, if there is nothing that wins room at once.
    private func victimOfLosing(_ candidates: [Int], among slots: [Int]) -> ReclaimState.Victim? {
        if mayEvict {
            return oldestOfMany(candidates).map { victim($0, .evict(below: .max, loss: 0, leavesGhosts: false)) }
        }
        let most = candidates.sorted { segments[$0].pointee.deadBytes > segments[$1].pointee.deadBytes }.prefix(4)
        if let winning = most.first(where: winsDespiteTombstones) { return victim(winning, .keep) }
        guard let oldest = oldestOfMany(slots), candidates.contains(oldest) else { return nil }
        return victim(oldest, .keep)
    }

    /// True if the dead records of the segment take more than the tombstones that what has ended in it may leave.
    private func winsDespiteTombstones(_ slot: Int) -> Bool {
        let horizonLength = RecordExtensions(horizon: 0).encoded().count
        var left = 0
        forEachRow(of: slot) { row in
            guard let found = entry(naming: row, in: slot), found.entry.isExpired, found.entry.shadows else { return }
            // A tombstone has no value, but a horizon.
            left += row.length + horizonLength
        }
        return segments[slot].pointee.deadBytes - left > leastWin
    }

    /// True of a segment whose header alone may know of the last clear.
    private func isAloneWithClear(_ slot: Int, among slots: [Int]) -> Bool {
        let floor = clearFloor.load(ordering: .acquiring)
        guard floor > 0, segments[slot].pointee.header.clearFloor == floor else { return false }
        return !slots.contains { $0 != slot && segments[$0].pointee.header.clearFloor == floor }
    }

    func victim(_ slot: Int, _ plan: ReclaimState.Plan) -> ReclaimState.Victim {
        ReclaimState.Victim(slot: slot, number: segments[slot].pointee.header.number, plan: plan)
    }

    /// Those of the segments that take no more records, in the order in which they began or joined their log.
    func sealedSegments(among slots: [Int]) -> [Int] {
        let busy = reservation.withLock { [$0.first.slot, $0.main.slot, $0.spare] + $0.unsealed }
        let kept = maintenance.withLock { [$0.continuable, $0.emptyClosed].compactMap { $0 } }
        return slots.filter { slot in
            segments[slot].pointee.isSealed.load(ordering: .acquiring) && !busy.contains(slot) && !kept.contains(slot)
                && segments[slot].pointee.readableCount == segments[slot].pointee.header.capacity
        }.sorted {
            segments[$0].pointee.order.load(ordering: .relaxed) < segments[$1].pointee.order.load(ordering: .relaxed)
        }
    }

    private func isWorthCompacting(_ bytes: Int, of slot: Int, total: Int, _ goal: ReclaimGoal) -> Bool {
        if goal == .compaction { return bytes > segments[slot].pointee.header.capacity / 16 }
        if let limit {
            // As long as the dead bytes fill segments, what lives has room. Of very many segments they could fill two and be
            // next to nothing in each; then what is wanted least costs less to lose than the rest costs to copy.
            let isSpreadThin = limit.room / limit.segmentCost > 64
            return total >= 2 * limit.segmentCapacity
                && (isFixed || bytes * (isSpreadThin ? 16 : 32) >= segments[slot].pointee.header.capacity)
        }
        return false
    }

    /// True of a store without a limit once more of it is dead than lives.
    var isMostlyDead: Bool {
        var (live, dead) = (0, 0)
        for slot in segments.inUse {
            let segment = segments[slot]
            live += segment.pointee.liveBytes.load(ordering: .relaxed)
            if segment.pointee.isSealed.load(ordering: .relaxed) { dead += segment.pointee.deadBytes }
        }
        return dead > live + nextCapacity
    }

    /// The segment with the lowest number of those with more than one record, if tombstones take more than a twentieth: they
    /// go once none of those is left that is as old as they are.
    ///
    /// Only if it can be emptied, and only once for each segment that was filled since: a store from which as much is
    /// removed as is set has always so many. More often where this is the last room there is.
    private func oldestUnderTombstones(
        _ candidates: [Int],
        among slots: [Int],
        isLast: Bool,
        _ state: inout ReclaimState
    ) -> ReclaimState.Victim? {
        guard isUnderTombstones else { return nil }
        let made = reservation.withLock { $0.highestNumber }
        guard made >= state.nextForTombstones || isLast else { return nil }
        guard let oldest = oldestOfMany(slots) else { return nil }
        // Emptying one may make one more.
        state.nextForTombstones = made + 2
        guard candidates.contains(oldest) else {
            renumber(oldest)
            return nil
        }
        return victim(oldest, .keep)
    }

    private func oldestOfMany(_ slots: [Int]) -> Int? { lowestNumber(slots.filter { onlyKeyHash(in: $0) == nil }) }

    func lowestNumber(_ slots: [Int]) -> Int? {
        slots.min { segments[$0].pointee.header.number < segments[$1].pointee.header.number }
    }

    /// Has the segment that all tombstones wait for take no more records, or, if it has none, take another number.
    private func renumber(_ oldest: Int) {
        // Kept for small records, which may never come.
        maintenance.withLock { state in
            if state.continuable == oldest { state.continuable = nil }
            if state.emptyClosed == oldest { state.emptyClosed = nil }
        }
        reservation.withLock { reservation in
            if reservation.main.slot == oldest {
                reservation.leave(reservation.main, in: segments)
                reservation.main = LogTail()
            } else if reservation.first.slot == oldest {
                reservation.leave(reservation.first, in: segments)
                reservation.first = LogTail()
            }
        }
        // Given up like any other; a failure costs nothing but its room.
        try? maintenance.withLock { state throws(StoreError) in
            let isSpare = reservation.withLock { reservation in
                guard reservation.spare == oldest else { return false }
                reservation.spare = -1
                return true
            }
            if isSpare { try retire(oldest, &state) }
        }
    }

    var isUnderTombstones: Bool {
        var (all, tombstones) = (0, 0)
        for slot in segments.inUse {
            let segment = segments[slot]
            all += segment.pointee.recordEnd.load(ordering: .relaxed) - Format.recordsStart
            tombstones += segment.pointee.tombstoneBytes.load(ordering: .relaxed)
        }
        return tombstones * 20 > all && tombstones > (limit?.segmentCapacity ?? options.sizes.smallestSegment) / 4
    }

    /// Counts what has ended as dead, without reading anything but footers: only segments in which something has.
    func sweepExpired(_ candidates: [Int]) {
        let now = options.clock.milliseconds()
        for slot in candidates where segments[slot].pointee.soonestExpiry.load(ordering: .relaxed) <= now {
            var next = UInt64.max
            forEachRow(of: slot) { row in
                guard row.kind == .put, row.expiry != 0 else { return }
                if row.expiry > now { return next = min(next, row.expiry) }
                let shard = index.shard(for: row.keyHash)
                index.withLock(Index.shard(of: row.keyHash)) {
                    guard let found = entry(naming: row, in: slot) else { return }
                    markExpired(found.entry, found.cell, shard, length: row.length)
                }
            }
            segments[slot].pointee.soonestExpiry.store(next, ordering: .relaxed)
        }
    }
}
