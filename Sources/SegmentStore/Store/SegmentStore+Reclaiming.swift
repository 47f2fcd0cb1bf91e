import Glibc
import Synchronization

/// What reclamation knows from one victim to the next.
struct ReclaimState: Sendable {
    /// A victim that could not be emptied to its end: it comes before any other, for the window is open.
    var unfinished: Victim?
    /// Eviction victims in a row that won no segment.
    var fruitless = 0
    /// A victim was emptied for its dead records, and took as much room as it gave: what had ended in it left tombstones.
    /// The oldest segment is the one that leaves none. Where nothing may leave, it is so until something is won.
    var isLosing = false
    /// What came before the first eviction is where it belongs.
    var mainWasFilled = false
    /// The segment number from which on the oldest segment may be emptied for the sake of tombstones again.
    var nextForTombstones: UInt64 = 0
    /// What joins the main log next comes behind all that is in it.
    var lastOrder: UInt64 = 0

    /// A segment to be emptied, and what becomes of its entries.
    struct Victim: Sendable {
        var slot: Int
        /// Tells whether the slot is still that segment's.
        var number: UInt64
        var plan: Plan
        /// What would leave a tombstone that takes no less than itself stays.
        var sparesTombstones = true
    }

    enum Plan: Sendable, Equatable {
        /// All that lives is carried.
        case keep
        /// What was read at least so often is carried, as if it had been read so much less often; the rest leaves.
        case evict(below: Int, loss: Int, leavesGhosts: Bool)
    }
}

/// Winning back the room of what nothing names any more, and of what is wanted least.
///
/// One victim at a time: its entries leave the index or move to the main log, one by one under their shards' locks; then
/// everything is forced, the segment's header says that it is given up, and that is forced. From the first eviction to
/// there, the window, older records of what was evicted may lie on the disk: removals and sets in that time leave marks.
extension SegmentStore {
    /// Segments that only reclamation may take: emptying a victim can fill one and begin another.
    static let reservedSegments = 2

    /// Wins back what can be won without waiting for anybody, until there is a segment to spare. For the background.
    func reclaimAhead() {
        // What wins nothing time after time is left to those who need the room, and who give up.
        var fruitless = 0
        // Who closes the store waits for this, while others may go on setting.
        while !background.isStopping, fruitless <= segments.inUse.count, isReclamationDue {
            // Not under the locks that callers wait for.
            segments.prepareForRetiring()
            let before = present
            guard let won = try? reclaimOne(), won else { return }
            let after = present
            // What readers hold comes back by itself; emptying more for its sake would evict what need not go.
            if limit != nil && after.kept > before.kept { return }
            fruitless = after.hasGained(since: before) ? 0 : fruitless + 1
        }
    }

    private var isReclamationDue: Bool {
        guard let limit else {
            segments.withAllInUse { sweepExpired(sealedSegments(among: $0)) }
            return isMostlyDead || isUnderTombstones
        }
        // Where nothing may leave, less and less would be won by it; whoever needs that waits for it.
        if isFixed && deadBytesToWin(limit) < 2 * limit.segmentCapacity { return false }
        let ahead = mayEvict ? limit.segmentsAhead : 0
        return maintenance.withLock { freeSegments($0) } <= leftBySets + ahead
    }

    /// Dead bytes of segments that can be emptied at once where nothing may leave.
    private func deadBytesToWin(_ limit: SizeLimit) -> Int {
        segments.inUse.reduce(0) { sum, slot in
            let segment = segments[slot]
            guard segment.pointee.isSealed.load(ordering: .acquiring), !segments.seemsRead(slot),
                segment.pointee.namedBytes == 0 || segment.pointee.header.capacity <= limit.segmentCapacity
            else { return sum }
            return sum + segment.pointee.deadBytes
        }
    }

    /// Less is no gain where nothing may leave: what is carried whole leaves a little more or less behind it.
    var leastWin: Int { isFixed ? nextCapacity / 16 : 0 }

    /// Empties one segment and gives it up; false if there is nothing to win.
    ///
    /// Whoever had to wait for another one that was at it may find that there is no need any more, and then nothing is
    /// done.
    ///
    /// - Throws: as `set`.
    func reclaimOne(
        _ goal: ReclaimGoal = .room,
        ifNeeded isNeeded: () -> Bool = { true }
    ) throws(StoreError) -> Bool {
        try reclaiming.withLock { state throws(StoreError) in
            try checkWritable()
            guard isNeeded() else { return true }
            try sealFull()
            let started = Self.monotonicTime()
            defer { reclaimFigures.withLock { $0.time += Self.monotonicTime() - started } }
            let before = reclaimFigures.withLock { $0 }
            let presentBefore = present
            let emptied = try segments.withAllInUse { slots throws(StoreError) -> ReclaimState.Victim? in
                if let known = state.unfinished, !isSame(known) { state.unfinished = nil }
                if state.unfinished == nil { state.unfinished = chooseVictim(for: goal, among: slots, &state) }
                guard var victim = state.unfinished else { return nil }
                // One that was begun for want of room may still have entries, which are not in anybody's way now.
                if goal == .compaction { victim.plan = .keep }
                return try empty(victim, for: goal, among: slots) ? victim : nil
            }
            guard let victim = emptied else { return false }
            try giveUp(victim)
            state.unfinished = nil
            let after = reclaimFigures.withLock { $0 }
            if before.evictions == 0 && after.evictions > 0 { options.onFirstEviction?() }
            let carried = after.carriedBytes - before.carriedBytes
            let leftTombstones = after.tombstoneBytesLeft > before.tombstoneBytesLeft
            let isStillLosing = leftTombstones || (isFixed && state.isLosing)
            let hasWon = present.hasMore(than: presentBefore, by: leastWin)
            state.isLosing = victim.plan == .keep && isStillLosing && !hasWon
            if case .evict = victim.plan { state.fruitless = carried * 2 > nextCapacity ? state.fruitless + 1 : 0 }
            return true
        }
    }

    /// True unless a clear has deleted the segment since.
    private func isSame(_ victim: ReclaimState.Victim) -> Bool {
        segments.isInUse(victim.slot) && segments[victim.slot].pointee.number.load(ordering: .relaxed) == victim.number
    }

    enum ReclaimGoal {
        /// A segment for new records.
        case room
        /// As small a directory as can be, without evicting anything.
        case compaction
    }

    // MARK: Giving up

    /// Calls the body with what a sealed segment holds, from its footer; false if the segment has left.
    @discardableResult
    func forEachRow<Failure>(
        of slot: Int,
        announcing announce: (FooterRow) -> Void = { _ in },
        _ body: (FooterRow) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
        // A clear or a close may come meanwhile, and would take the rows away with the mapping.
        let stripe = Stripe.current
        guard segments.pin(slot, stripe: stripe) else { return false }
        defer { segments.unpin(slot, stripe: stripe) }
        let segment = segments[slot]
        let rows = SegmentLoader(
            path: segment.pointee.path,
            header: segment.pointee.header,
            isWhole: true,
            besideWriter: false,
            boot: files.bootIdentity
        ).load(mapped: segment.pointee.base, count: segment.pointee.readableCount).rows
        try rows.forEach(announcing: announce, body)
        return true
    }

    /// Gives an emptied segment up: first on the disk, then in memory.
    private func giveUp(_ victim: ReclaimState.Victim) throws(StoreError) {
        // Whatever the durability: an unforced overwrite must not take down the forced value that it replaced, nor a segment
        // come back after the tombstones that it made superfluous have gone.
        try force(below: reservation.withLock { $0.nextSequence }, for: .recordsBeforeRetirement)
        options.betweenReclaimSteps?(.emptied)
        try maintenance.withLock { state throws(StoreError) in
            try checkWritable()
            if isSame(victim) { try retire(victim.slot, &state) }
            let isKept = keepsMain(state)
            reservation.withLock { $0.mainIsKept = isKept }
        }
        reclaimWindow.store(false, ordering: .releasing)
        options.betweenReclaimSteps?(.givenUp)
    }

    func retire(_ slot: Int, _ state: inout Maintenance) throws(StoreError) {
        let segment = segments[slot]
        let path = segment.pointee.path
        do throws(SystemError) {
            try SegmentFile.retire(path: path, files: files)
        } catch {
            // A file that somebody deleted is as good as given up.
            if error.number != ENOENT { throw failure(error, path: path, doing: "giving the segment up") }
        }
        // Nothing in it needs to last, and another segment in its place has not been forced.
        reservation.withLock { $0.unforced.removeAll { $0.slot == slot } }
        reclaimFigures.withLock { $0.reclaimedBytes += segment.pointee.header.capacity }
        guard segments.park(slot) else { return }
        capacityMade.wrappingSubtract(segment.pointee.header.capacity, ordering: .relaxed)
        state.parked.append(slot)
        let isWanted = limit.map { allocated(state) <= $0.room } ?? (state.parked.count <= Self.reservedSegments)
        if segment.pointee.header.capacity != nextCapacity || !isWanted { try discard(slot, &state) }
    }

    /// Deletes the file of a segment that was given up.
    func discard(_ slot: Int, _ state: inout Maintenance) throws(StoreError) {
        let path = segments[slot].pointee.path
        do throws(SystemError) {
            try files.unlink(path)
        } catch {
            if error.number != ENOENT {
                throw StoreError(error, path: path, doing: "deleting a segment that was given up")
            }
        }
        // Not before: a file that stays goes on counting.
        state.parked.removeAll { $0 == slot }
        namesAreUnforced.store(true, ordering: .releasing)
        segments.discard(slot)
    }
}
