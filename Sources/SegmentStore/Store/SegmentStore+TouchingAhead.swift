import Synchronization

extension SegmentStore {
    /// Faults in the pages that the next records go to, while sets come fast; at most 1 MiB ahead of the tail.
    ///
    /// The set that first touches a page of a new file pays more for that than for everything else it does.
    func touchAhead() {
        let (slot, tail, capacity, isDue) = reservation.withLock { reservation in
            (reservation.active, reservation.tail, reservation.capacity, reservation.touchMark == .max)
        }
        guard slot >= 0, isDue else { return }
        let now = Self.monotonicTime()
        let elapsed = lastTouch.withLock { last in
            defer { last = now }
            return now - last
        }
        reservation.withLock { reservation in
            if reservation.active == slot { reservation.touchMark = reservation.tail + Self.touchStep }
        }
        guard elapsed < Self.slowestTouchedStep, segments.pin(slot, stripe: 0) else { return }
        defer { segments.unpin(slot, stripe: 0) }
        let start = (tail + Self.pageSize - 1) & ~(Self.pageSize - 1)
        let end = min(capacity, start + Self.touchLead)
        if end > start { files.populate(segments[slot].pointee.base, offset: start, count: end - start) }
    }

    private static let touchLead = 1 << 20
    private static let touchStep = 1 << 18
    /// A writer that takes longer for a step would gain nothing: the kernel has written such pages back by then.
    private static let slowestTouchedStep = Duration.milliseconds(250)
}
