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
        if isFixed { candidates = emptiable(candidates) }
        let free = maintenance.withLock { freeSegments($0) }
        if mayEvict, goal == .room, free < Self.reservedSegments, state.isLosing,
            let oldest = oldestOfMany(candidates)
        {
            return victim(oldest, .evict(below: .max, loss: 0, leavesGhosts: false))
        }
        // Emptying what has ended leaves tombstones, maybe more than it wins; with little room left, theirs comes first.
        if limit != nil, free <= leftBySets + 1,
            let victim = oldestUnderTombstones(candidates, among: slots, isLast: false, &state)
        {
            return victim
        }
        let dead = candidates.map { (slot: $0, bytes: segments[$0].pointee.deadBytes) }.filter { $0.bytes > 0 }
        let total = dead.reduce(0) { $0 + $1.bytes }
        let worthIt = dead.filter { isWorthCompacting($0.bytes, of: $0.slot, total: total, goal) }
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

    /// True of a segment whose header alone may know of the last clear.
    private func isAloneWithClear(_ slot: Int, among slots: [Int]) -> Bool {
        let floor = clearFloor.load(ordering: .acquiring)
        guard floor > 0, segments[slot].pointee.header.clearFloor == floor else { return false }
        return !slots.contains { $0 != slot && segments[$0].pointee.header.clearFloor == floor }
    }

    private func victim(_ slot: Int, _ plan: ReclaimState.Plan) -> ReclaimState.Victim {
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
            return total >= 2 * limit.segmentCapacity
                && (isFixed || bytes * 16 >= segments[slot].pointee.header.capacity)
        }
        return isMostlyDead
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

    private func lowestNumber(_ slots: [Int]) -> Int? {
        slots.min { segments[$0].pointee.header.number < segments[$1].pointee.header.number }
    }

    /// Has the segment that all tombstones wait for take no more records, or, if it has none, take another number.
    private func renumber(_ oldest: Int) {
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

    /// True of a segment that one record fills, which is never copied.
    private func isAlone(_ slot: Int) -> Bool {
        let segment = segments[slot]
        return segment.pointee.recordCount.load(ordering: .relaxed) == 1
            && segment.pointee.liveBytes.load(ordering: .relaxed) > nextCapacity / 2
    }

    private func evictionVictim(_ candidates: [Int], _ state: inout ReclaimState) -> ReclaimState.Victim? {
        guard let limit, options.eviction != .none else { return nil }
        if options.eviction == .fifo {
            return lowestNumber(candidates).map { victim($0, .evict(below: .max, loss: 0, leavesGhosts: false)) }
        }
        fillMain(candidates, limit, &state)
        // Each time round, a segment that one record fills is evicted or moved behind the others, read less often.
        for _ in 0...candidates.count * 4 {
            guard let victim = oldest(candidates, limit, state) else { return nil }
            guard isAlone(victim.slot), keepsAlone(victim, &state) else { return victim }
        }
        return oldest(candidates, limit, state)
    }

    /// What was set while there was room for all of it has had longer than others to be read, and no less right to stay: it
    /// joins the main log, all but the newest, once the first entry has to leave.
    private func fillMain(_ candidates: [Int], _ limit: SizeLimit, _ state: inout ReclaimState) {
        guard !state.mainWasFilled else { return }
        state.mainWasFilled = true
        let first = candidates.filter { log(of: $0) == .first }
        var firstBytes = firstLogBytes(first)
        for slot in first where firstBytes > limit.firstLog {
            segments[slot].pointee.log.store(SegmentHeader.Log.main.rawValue, ordering: .relaxed)
            firstBytes -= segments[slot].pointee.header.capacity
        }
    }

    /// So many eviction victims in a row may win no segment before the next comes from the first log, and before half of
    /// the next is given up, whatever it is: callers' waits are bounded.
    private static let fruitlessFromMain = 2
    private static let fruitlessAtAll = 4

    private func oldest(_ candidates: [Int], _ limit: SizeLimit, _ state: ReclaimState) -> ReclaimState.Victim? {
        let ordered = candidates.sorted {
            segments[$0].pointee.order.load(ordering: .relaxed) < segments[$1].pointee.order.load(ordering: .relaxed)
        }
        let first = ordered.filter { log(of: $0) == .first }
        let firstBytes = firstLogBytes(first)
        let main = ordered.first { log(of: $0) == .main }
        // While the main log has room, whoever comes back at all is welcome there.
        let isMainFull = firstBytes <= limit.firstLog + 2 * limit.segmentCapacity
        ghosts.setFloor(isMainFull ? main.map { segments[$0].pointee.order.load(ordering: .relaxed) } ?? 0 : 0)
        // Where nearly all of the main log is wanted, what is new makes way before what is wanted does.
        let isMainWanted = Self.fruitlessFromMain..<Self.fruitlessAtAll ~= state.fruitless
        let isFromFirst = !first.isEmpty && (firstBytes > limit.firstLog || main == nil || isMainWanted)
        guard let slot = isFromFirst ? first.first : main else { return nil }
        let isFruitless = state.fruitless >= Self.fruitlessAtAll
        let level = isFruitless ? levelThatHalves(slot) : 1
        var victim = victim(slot, .evict(below: level, loss: isFromFirst ? 3 : 1, leavesGhosts: isFromFirst))
        // Where nearly all are like that, tombstones are what has old segments given up, and then they need not stay.
        victim.sparesTombstones = !isFruitless || maintenance.withLock { freeSegments($0) } < Self.reservedSegments
        return victim
    }

    /// True if the record that fills the segment stays: it joins the main log, or goes behind what is there, as it lies.
    private func keepsAlone(_ victim: ReclaimState.Victim, _ state: inout ReclaimState) -> Bool {
        guard case .evict(_, let loss, _) = victim.plan else { return false }
        var isKept = false
        forEachRow(of: victim.slot) { row in
            let shard = Index.shard(of: row.keyHash)
            index.withLock(shard) {
                _ = index[shard].pointee.probe(row.keyHash) { entry, cell -> Bool? in
                    guard entry.slot == victim.slot, entry.offset == row.offset else { return nil }
                    var current = IndexEntry(word: cell.pointee.load(ordering: .acquiring))
                    while current.isLive && current.use > 0 {
                        let (done, original) = cell.pointee.compareExchange(
                            expected: current.word,
                            desired: current.withUse(max(0, current.use - loss)).word,
                            ordering: .acquiringAndReleasing
                        )
                        if done {
                            isKept = true
                            break
                        }
                        current = IndexEntry(word: original)
                    }
                    return true
                }
            }
        }
        guard isKept else { return false }
        state.lastOrder = max(state.lastOrder, reservation.withLock { $0.highestNumber }) + 1
        segments[victim.slot].pointee.order.store(state.lastOrder, ordering: .relaxed)
        segments[victim.slot].pointee.log.store(SegmentHeader.Log.main.rawValue, ordering: .relaxed)
        return true
    }

    /// Bytes of the first log: of its sealed segments, and the one that takes new records.
    private func firstLogBytes(_ sealed: [Int]) -> Int {
        sealed.reduce(reservation.withLock { $0.first.capacity }) { $0 + segments[$1].pointee.header.capacity }
    }

    private func log(of slot: Int) -> SegmentHeader.Log? {
        SegmentHeader.Log(rawValue: segments[slot].pointee.log.load(ordering: .relaxed))
    }

    /// So often what is kept must have been read, for at most half of the segment to be kept.
    private func levelThatHalves(_ slot: Int) -> Int {
        var bytes = [0, 0, 0, 0]
        forEachRow(of: slot) { row in
            if let found = entry(naming: row, in: slot) { bytes[found.entry.use] += row.length }
        }
        var sum = 0
        for use in (1...3).reversed() {
            sum += bytes[use]
            if sum * 2 > segments[slot].pointee.header.capacity { return use + 1 }
        }
        return 1
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
