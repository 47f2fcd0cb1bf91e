import Glibc
import Synchronization

/// Waiting for room where the size limit is reached.
extension SegmentStore {
    /// Runs the body under the maintenance lock until it gives something; where it gives nil, a segment is reclaimed
    /// first, by this thread or the one that is at it. The body is told how many bytes to leave for those who came
    /// before. `patience` is how many moments that win nothing may come in a row.
    ///
    /// - Throws: `.full` if nothing can be reclaimed.
    func withRoom<Result: Sendable>(
        for bytes: Int,
        patience: Int? = nil,
        _ body: (inout Maintenance, _ ahead: Int) throws(StoreError) -> Result?
    ) throws(StoreError) -> Result {
        let patience = patience ?? usualPatience
        var start: Duration?
        var failures = 0
        var number: Int?
        defer { if let number { maintenance.withLock { $0.waiters.removeAll { $0.number == number } } } }
        while true {
            var isFirst = true
            let result = try maintenance.withLock { state throws(StoreError) -> Result? in
                try checkWritable()
                let ahead = state.bytesAhead(of: number)
                // Who does not queue waits for nobody.
                isFirst = bytes == 0 || ahead == 0
                if let result = try body(&state, ahead) { return result }
                if number == nil && bytes > 0 {
                    number = state.nextWaiter
                    state.waiters.append(Maintenance.Waiter(number: state.nextWaiter, bytes: bytes))
                    state.nextWaiter += 1
                }
                return nil
            }
            if let result {
                if let start { noteWait(Self.monotonicTime() - start) }
                return result
            }
            if start == nil { start = Self.monotonicTime() }
            let before = present
            let hasReclaimed = try reclaimOne(ifNeeded: { !present.hasGained(since: before) })
            let waited = present.kept > before.kept ? waitForReaders(since: before) : 0
            if present.hasGained(since: before) {
                failures = 0
            } else {
                // Whoever is first gives up after a while, and then others are.
                if isFirst { failures += max(waited, hasReclaimed ? 10 : 1) }
                let mayWin = mayEvict || hasReclaimed || !isFirst || isHeldByReaders || readersKeepVictims
                guard mayWin, failures < patience else { throw fullError }
                // Readers may hold what was given up; they are given a moment.
                if !hasReclaimed { usleep(Self.moment) }
            }
        }
    }

    /// Waits for what readers keep, the longer the more that is: each of them makes it likelier that they keep the next
    /// victim too. Returns how many moments.
    private func waitForReaders(since before: Present) -> Int {
        var moments = 0
        while moments < 10 * present.kept && !present.hasGained(since: before) {
            usleep(Self.moment)
            moments += 1
        }
        return moments
    }

    /// True if what was given up cannot be used yet because it is being read.
    var isHeldByReaders: Bool { present.kept > 0 }

    /// True if a segment is passed over because it is being read.
    private var readersKeepVictims: Bool {
        isFixed
            && segments.inUse.contains {
                segments[$0].pointee.isSealed.load(ordering: .relaxed) && segments[$0].pointee.deadBytes > 0
                    && segments.seemsRead($0)
            }
    }

    /// What there is of room at one moment.
    struct Present {
        var freeSegments: Int
        /// Bytes that could be had at once under the size limit; less than none: so many are missing.
        var freeBytes: Int
        var allocated: Int
        /// Segments that were given up and cannot be used yet because they are being read.
        var kept: Int
        /// Bytes that the main log's segment has left.
        var mainBytes: Int

        func hasGained(since earlier: Present) -> Bool {
            freeSegments > earlier.freeSegments || allocated < earlier.allocated
        }

        /// True if there is more room than there was by more than so many bytes, for whatever record, or will be once readers
        /// have gone.
        func hasMore(than earlier: Present, by bytes: Int) -> Bool {
            kept > earlier.kept || freeBytes + mainBytes > earlier.freeBytes + earlier.mainBytes + bytes
        }
    }

    var present: Present {
        maintenance.withLock { state in
            // Whether somebody reads one is asked once: it costs a barrier.
            let unread = unreadParked(state)
            let allocated = allocated(state)
            return Present(
                freeSegments: freeSegments(allocated, unread),
                freeBytes: (limit?.room ?? 0) - allocated + self.allocated(unread),
                allocated: allocated,
                kept: state.parked.count - unread.count,
                mainBytes: reservation.withLock { $0.main.room }
            )
        }
    }

    /// Moments in a row in which there is no victim; one that wins nothing counts for ten.
    private var usualPatience: Int {
        // Where nothing is evicted, being full is nothing out of the ordinary; but an eighth of what lies there may be dead
        // everywhere, and then it takes eight victims to win a segment.
        mayEvict ? 1_000 : 80
    }

    /// Of a removal, which makes room: every segment of the store may have to be compacted for one more.
    var patienceOfRemovals: Int { usualPatience + 10 * segments.inUse.count }
    /// Microseconds.
    private static let moment: UInt32 = 1_000

    private func noteWait(_ wait: Duration) {
        reclaimFigures.withLock { figures in
            figures.waits += 1
            figures.waitTime += wait
            figures.longestWait = max(figures.longestWait, wait)
            let microseconds = wait / .microseconds(1)
            for bucket in figures.waitsBelow.indices where microseconds < Double(1 << bucket) {
                figures.waitsBelow[bucket] += 1
            }
        }
    }

    var fullError: StoreError {
        StoreError(
            .full,
            path: directory,
            detail: "the size limit of \(limit?.bytes ?? 0) bytes is reached and nothing may leave; remove entries, "
                + "raise the limit, or end long reads that hold segments"
        )
    }
}
