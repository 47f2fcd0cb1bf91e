import Synchronization

/// What touching ahead knows from one look to the next; the touching thread's own.
struct TouchState: Sendable {
    /// Up to where pages of the active segment, and of the one made ahead, have been touched.
    var active = Touched()
    var spare = Touched()
    /// The tail at the last look.
    var tail = 0
    var speed = WritingSpeed()

    struct Touched: Sendable {
        var slot = -1
        var end = 0
        /// What pages were asked for.
        var prefersHugePages: Bool?
    }
}

/// How fast sets have come lately. Looks lie so close together that one alone says nothing: between two of them the
/// writer may just have waited for the processor.
struct WritingSpeed: Sendable {
    private(set) var bytesPerSecond = 0.0
    private var bytes = 0
    private var since = Duration.zero
    private var lastFast: Duration?

    /// Takes in the bytes appended since the last call.
    mutating func note(_ appended: Int, now: Duration) {
        bytes += appended
        let elapsed = now - since
        let present = Double(bytes) / (max(elapsed, Self.window) / .seconds(1))
        if elapsed >= Self.window {
            bytesPerSecond = present
            bytes = 0
            since = now
        } else {
            bytesPerSecond = max(bytesPerSecond, present)
        }
        if bytesPerSecond >= Self.fastBytesPerSecond { lastFast = now }
    }

    /// True until sets have come slowly for a while.
    func isFast(at now: Duration) -> Bool {
        lastFast.map { now - $0 < Self.patience } ?? false
    }

    private static let window = Duration.milliseconds(100)
    private static let patience = Duration.seconds(1)
    /// A slower writer would gain nothing: the kernel has written pages back by the time it arrives at them.
    private static let fastBytesPerSecond = Double(1 << 20)
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
            var moved = max(0, tail - state.tail)
            if slot != state.active.slot {
                state.active = slot == state.spare.slot ? state.spare : TouchState.Touched(slot: slot)
                moved = tail - Format.recordsStart
            }
            state.tail = tail
            state.speed.note(moved, now: now)
            let isFast = state.speed.isFast(at: now)
            prefer(isFast, &state.active)
            guard isFast else {
                mark(slot, at: tail + Self.slowStep)
                return nil
            }
            let wanted = Int(state.speed.bytesPerSecond * Self.leadSeconds)
            let lead = min(Self.lead.upperBound, max(Self.lead.lowerBound, wanted))
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

    /// Says what pages a new segment is to have, before the first store to it makes some.
    func preparePages(of slot: Int) {
        touching.withLock { state in
            state.spare = TouchState.Touched(slot: slot)
            prefer(prefersHugePages(state), &state.spare)
        }
    }

    func prefersHugePages(_ state: TouchState) -> Bool {
        options.durability != .everySet && state.speed.isFast(at: Self.monotonicTime())
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
}
