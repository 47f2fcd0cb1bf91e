import Glibc
import Synchronization

/// All segments that a store has mapped, by slot, and who is reading them.
///
/// A slot's memory stays for the table's lifetime, so that a reader may look at it whatever happens to the segment.
/// A reader holds or pins the slot, looks whether the segment is still in use, and only then touches the mapping; who
/// retires a segment stores that first and looks for holds and pins second. A barrier keeps both pairs in order, so one
/// of the two sees the other, and the mapping goes with its last reader.
///
/// Holds are for reads, which are short or nested in one another on one thread, and cost two stores. Pins count, and are
/// for whoever keeps many segments, or one for as long as a flush takes.
///
/// A slot whose segment has left without a reader is given to the next one. Whoever has the number of a slot from a while
/// ago pins it and looks at the segment's number, or, for a read, at the index's entry again.
///
/// `@unchecked`: slots are initialised before their number is given to anyone, and what is not atomic in them changes
/// only while nobody has a hold or a pin: by the one thread that wins the step to `leaving`, and then by the one that adds.
final class SegmentTable: @unchecked Sendable {
    /// The kernel allows a process about as many mappings (`vm.max_map_count`), and an index entry has room for them.
    static let slotLimit = 1 << 16

    private let slots: UnsafeMutablePointer<Segment>
    private let pins: UnsafeMutablePointer<PaddedCounter>
    private let used = Atomic<Int>(0)
    /// Slots among them that have no segment.
    private let vacancies = Atomic<Int>(0)
    let readers = Readers()
    private let barrier = MemoryBarrier()
    private let reserved: UnsafeMutableRawPointer
    private let reservedLength: Int
    private let limit: Int

    /// A table of so many slots; nil where the system refuses the address space.
    init?(slots limit: Int) {
        let pinsLength = limit * Stripe.count * MemoryLayout<PaddedCounter>.stride
        let length = pinsLength + limit * MemoryLayout<Segment>.stride
        // Reserved, not used: a page costs memory once a slot in it does.
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let start = mmap(nil, length, PROT_READ | PROT_WRITE, flags, -1, 0), start != MAP_FAILED else {
            return nil
        }
        self.limit = limit
        reserved = start
        reservedLength = length
        // Zeroed memory is a counter at zero.
        pins = start.bindMemory(to: PaddedCounter.self, capacity: limit * Stripe.count)
        slots = (start + pinsLength).bindMemory(to: Segment.self, capacity: limit)
    }

    deinit {
        slots.deinitialize(count: count)
        munmap(reserved, reservedLength)
    }

    /// Slots given out so far, those without a segment included.
    var count: Int { used.load(ordering: .acquiring) }

    @inline(__always)
    subscript(slot: Int) -> UnsafeMutablePointer<Segment> { slots + slot }

    /// The slots whose segments are in use.
    var inUse: [Int] { (0..<count).filter { isInUse($0) } }

    @inline(__always)
    func isInUse(_ slot: Int) -> Bool { state(slot) == Segment.Lifecycle.inUse }

    @inline(__always)
    private func state(_ slot: Int) -> UInt32 {
        slots[slot].lifecycle.load(ordering: .acquiring) & Segment.Lifecycle.mask
    }

    /// The same, in one order with the pins.
    @inline(__always)
    private func isInUseInOrder(_ slot: Int) -> Bool {
        let word = slots[slot].lifecycle.load(ordering: .sequentiallyConsistent)
        return word & Segment.Lifecycle.mask == Segment.Lifecycle.inUse
    }

    /// Gives the segment a slot; nil if all are taken. One caller at a time.
    func add(_ segment: consuming Segment) -> Int? {
        if let slot = vacantSlot {
            vacancies.wrappingSubtract(1, ordering: .relaxed)
            slots[slot].become(segment)
            let turn = (slots[slot].lifecycle.load(ordering: .relaxed) | Segment.Lifecycle.mask) &+ 1
            slots[slot].lifecycle.store(turn | Segment.Lifecycle.inUse, ordering: .sequentiallyConsistent)
            return slot
        }
        let slot = count
        guard slot < limit else { return nil }
        (slots + slot).initialize(to: segment)
        used.store(slot + 1, ordering: .releasing)
        return slot
    }

    private var vacantSlot: Int? {
        guard vacancies.load(ordering: .relaxed) > 0 else { return nil }
        return (0..<count).first { state($0) == Segment.Lifecycle.vacant }
    }

    // MARK: Looking around

    /// Calls the body with the slot of each segment in use, which stays that segment's meanwhile.
    func forEachInUse<Failure>(_ body: (Int) throws(Failure) -> Void) throws(Failure) {
        let stripe = Stripe.current
        for slot in 0..<count where pin(slot, stripe: stripe) {
            defer { unpin(slot, stripe: stripe) }
            try body(slot)
        }
    }

    /// Calls the body with the slots of all segments in use, which stay those segments' until it returns.
    func withAllInUse<Result, Failure>(_ body: ([Int]) throws(Failure) -> Result) throws(Failure) -> Result {
        let stripe = Stripe.current
        let pinned = (0..<count).filter { pin($0, stripe: stripe) }
        defer { for slot in pinned { unpin(slot, stripe: stripe) } }
        return try body(pinned)
    }

    // MARK: Readers

    /// How a reader keeps a segment mapped.
    struct Hold {
        fileprivate let slot: Int
        fileprivate let reader: Reader?
        /// The place among the reader's holds, or the stripe of a pin.
        fileprivate let place: Int

        /// What a variable begins with that will have a hold.
        static var none: Hold { Hold(slot: 0, reader: nil, place: 0) }
    }

    /// Keeps the segment mapped until `release`, on the same thread, the last hold first; nil if it is retired.
    @inline(__always)
    func hold(_ slot: Int, by reader: Reader?) -> Hold? {
        guard let reader, let place = reader.hold(slot) else {
            let stripe = Stripe.current
            return pin(slot, stripe: stripe) ? Hold(slot: slot, reader: nil, place: stripe) : nil
        }
        barrier.light()
        let hold = Hold(slot: slot, reader: reader, place: place)
        if isInUse(slot) { return hold }
        release(hold)
        return nil
    }

    @inline(__always)
    func release(_ hold: Hold) {
        guard let reader = hold.reader else { return unpin(hold.slot, stripe: hold.place) }
        reader.release(hold.place)
        barrier.light()
        if !isInUse(hold.slot) { unmapIfUnread(hold.slot) }
    }

    /// Keeps the segment mapped until `unpin`; false if it is retired, and then nothing is pinned.
    @inline(__always)
    func pin(_ slot: Int, stripe: Int) -> Bool {
        pins[slot * Stripe.count + stripe].value.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if isInUseInOrder(slot) { return true }
        unpin(slot, stripe: stripe)
        return false
    }

    /// Lets the segment go; unmaps it if it is retired and this was its last reader.
    @inline(__always)
    func unpin(_ slot: Int, stripe: Int) {
        pins[slot * Stripe.count + stripe].value.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        if !isInUseInOrder(slot) { unmapIfUnread(slot) }
    }

    // MARK: Leaving

    /// Ends the segment's use: no reader comes in any more, and the mapping goes once the last has left.
    ///
    /// False if somebody else ended it before.
    @discardableResult
    func retire(_ slot: Int) -> Bool {
        let won = step(slot, from: Segment.Lifecycle.inUse, to: Segment.Lifecycle.retired)
        if won { unmapIfUnread(slot) }
        return won
    }

    /// Has the first look for readers take no longer than the others.
    func prepareForRetiring() { barrier.prepare() }

    /// Ends the segment's use and keeps its mapping, for another segment to take over; false if its use has ended before.
    func park(_ slot: Int) -> Bool {
        step(slot, from: Segment.Lifecycle.inUse, to: Segment.Lifecycle.parked)
    }

    private func step(_ slot: Int, from old: UInt32, to new: UInt32) -> Bool {
        let word = slots[slot].lifecycle.load(ordering: .relaxed)
        guard word & Segment.Lifecycle.mask == old else { return false }
        return slots[slot].lifecycle.compareExchange(
            expected: word,
            desired: word & ~Segment.Lifecycle.mask | new,
            ordering: .sequentiallyConsistent
        ).exchanged
    }

    /// True while somebody may be reading a segment whose use has ended.
    func isHeld(_ slot: Int) -> Bool {
        guard readers.areOfThisThread || barrier.heavy(), !readers.hold(slot) else { return true }
        return (0..<Stripe.count).contains {
            pins[slot * Stripe.count + $0].value.load(ordering: .sequentiallyConsistent) != 0
        }
    }

    /// True if somebody seems to be reading the segment, beside the caller with so many pins. Not in one order with what
    /// readers do, so for choosing alone.
    func seemsRead(_ slot: Int, besidePins own: Int = 0) -> Bool {
        let pinned = (0..<Stripe.count).reduce(0) {
            $0 + pins[slot * Stripe.count + $1].value.load(ordering: .relaxed)
        }
        return pinned > own || readers.hold(slot)
    }

    /// Puts another segment in the place of a parked one that nobody holds. An entry that still names what lay there is
    /// found out by looking at the index again, as every reader does once it has its hold.
    func renew(_ slot: Int, _ header: SegmentHeader) {
        slots[slot].become(header)
        _ = step(slot, from: Segment.Lifecycle.parked, to: Segment.Lifecycle.inUse)
    }

    /// Lets the mapping of a parked segment go, once nobody reads it.
    func discard(_ slot: Int) {
        _ = step(slot, from: Segment.Lifecycle.parked, to: Segment.Lifecycle.retired)
        unmapIfUnread(slot)
    }

    @inline(never)
    private func unmapIfUnread(_ slot: Int) {
        let word = slots[slot].lifecycle.load(ordering: .acquiring)
        guard word & Segment.Lifecycle.mask == Segment.Lifecycle.retired else { return }
        // Without the barrier the mapping stays for as long as the table: too long is not wrong.
        guard !isHeld(slot) else { return }
        let turn = word & ~Segment.Lifecycle.mask
        let (won, _) = slots[slot].lifecycle.compareExchange(
            expected: word,
            desired: turn | Segment.Lifecycle.leaving,
            ordering: .sequentiallyConsistent
        )
        guard won else { return }
        slots[slot].mapping = nil
        slots[slot].lifecycle.store(turn | Segment.Lifecycle.vacant, ordering: .releasing)
        vacancies.wrappingAdd(1, ordering: .relaxed)
    }
}
