import Synchronization

/// What touching ahead knows from one look to the next; the touching thread's own.
struct TouchState: Sendable {
    /// Up to where pages of the active segment, and of the one made ahead, have been touched.
    var active = Touched()
    var spare = Touched()
    /// The tail at the last look, and when that was, on the monotonic clock.
    var tail = 0
    var time = Duration.zero

    struct Touched: Sendable {
        var slot = -1
        var end = 0
        /// Huge pages were asked for.
        var prefersHugePages = false
    }
}

extension SegmentStore {
    /// Faults in the pages that the next records go to, while sets come fast; returns when to look again, nil: when
    /// woken.
    ///
    /// The set that first touches a page of a new file pays more for that than for everything else it does. Where the
    /// system has huge pages, they are asked for, which makes reads cheaper too. But a page is written back whole, so a
    /// slow writer, and one that forces every set, is left with small ones.
    func touchAhead() -> Duration? {
        guard options.durability != .everySet else { return nil }
        let now = Self.monotonicTime()
        let (slot, spare, tail) = reservation.withLock { ($0.active, $0.spare, $0.tail) }
        guard slot >= 0 else { return nil }
        return touching.withLock { state in
            if slot != state.active.slot {
                state.active = slot == state.spare.slot ? state.spare : TouchState.Touched(slot: slot)
                state.tail = Format.recordsStart
            }
            let moved = max(0, tail - state.tail)
            let elapsed = max(.microseconds(1), now - state.time)
            let bytesPerSecond = Double(moved) / (elapsed / .seconds(1))
            let isFast = bytesPerSecond >= Self.fastBytesPerSecond
            state.tail = tail
            state.time = now
            prefer(isFast, &state.active)
            guard isFast else {
                mark(slot, at: tail + Self.slowStep)
                return nil
            }
            let lead = min(Self.lead.upperBound, max(Self.lead.lowerBound, Int(bytesPerSecond * Self.leadSeconds)))
            let capacity = segments[slot].pointee.header.capacity
            touch(&state.active, from: tail, to: tail + lead)
            if spare >= 0 && tail + lead > capacity {
                if state.spare.slot != spare { state.spare = TouchState.Touched(slot: spare) }
                prefer(true, &state.spare)
                touch(&state.spare, from: 0, to: tail + lead - capacity)
            }
            // A writer that is faster than the looks come wakes the thread; one that is not is spared the system call.
            mark(slot, at: max(tail + Self.slowStep, state.active.end - lead / 2))
            return moved > 0 ? Self.pause : nil
        }
    }

    /// Touches whole blocks up to the byte or beyond.
    private func touch(_ touched: inout TouchState.Touched, from start: Int, to end: Int) {
        guard touched.end < end, segments.pin(touched.slot, stripe: 0) else { return }
        defer { segments.unpin(touched.slot, stripe: 0) }
        let segment = segments[touched.slot]
        let from = max(touched.end, (start + Self.pageSize - 1) & ~(Self.pageSize - 1))
        let to = min(segment.pointee.header.capacity, (end + Self.block - 1) & ~(Self.block - 1))
        if to > from { files.populate(segment.pointee.base, offset: from, count: to - from) }
        touched.end = max(from, to)
    }

    private func prefer(_ hugePages: Bool, _ touched: inout TouchState.Touched) {
        guard hugePages != touched.prefersHugePages, segments.pin(touched.slot, stripe: 0) else { return }
        defer { segments.unpin(touched.slot, stripe: 0) }
        let segment = segments[touched.slot]
        files.preferHugePages(segment.pointee.base, count: segment.pointee.header.capacity, hugePages)
        touched.prefersHugePages = hugePages
    }

    private func mark(_ slot: Int, at tail: Int) {
        reservation.withLock { reservation in
            if reservation.active == slot { reservation.touchMark = tail }
        }
    }

    /// What is touched at once: a huge page.
    private static let block = 2 << 20
    /// How far ahead of the tail pages are touched: what the writer fills in so long, within bounds.
    private static let leadSeconds = 0.05
    private static let lead = 1 << 20...16 << 20
    private static let slowStep = 1 << 18
    private static let pause = Duration.milliseconds(2)
    /// A slower writer would gain nothing: the kernel has written such pages back by the time it arrives.
    private static let fastBytesPerSecond = Double(1 << 20)
}
