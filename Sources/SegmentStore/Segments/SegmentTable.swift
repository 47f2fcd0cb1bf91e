import Glibc
import Synchronization

/// All segments that a store has mapped, by slot, and who is reading them.
///
/// A slot's memory stays for the table's lifetime, so that a reader may look at it whatever happens to the segment.
/// A reader pins the slot, looks whether the segment is still in use, and only then touches the mapping; who retires a
/// segment stores that first and looks for pins second. Both pairs are sequentially consistent, so one of the two sees
/// the other, and the mapping goes with its last reader.
///
/// `@unchecked`: slots are initialised before their number is given to anyone, and mutable state in them is atomic,
/// except `mapping`, which only the one thread that wins the step to `unmapped` changes.
final class SegmentTable: @unchecked Sendable {
    /// The kernel allows a process about as many mappings (`vm.max_map_count`), and an index entry has room for them.
    static let slotLimit = 1 << 16

    private let slots: UnsafeMutablePointer<Segment>
    private let pins: UnsafeMutablePointer<PaddedCounter>
    private let used = Atomic<Int>(0)
    private let mappedBytes: (slots: Int, pins: Int)

    init?() {
        // Reserved, not used: a page costs memory once a slot in it does.
        mappedBytes = (
            Self.slotLimit * MemoryLayout<Segment>.stride,
            Self.slotLimit * Stripe.count * MemoryLayout<PaddedCounter>.stride
        )
        guard let slots = Self.reserve(mappedBytes.slots) else { return nil }
        guard let pins = Self.reserve(mappedBytes.pins) else {
            munmap(slots, mappedBytes.slots)
            return nil
        }
        self.slots = slots.bindMemory(to: Segment.self, capacity: Self.slotLimit)
        // Zeroed memory is a counter at zero.
        self.pins = pins.bindMemory(to: PaddedCounter.self, capacity: Self.slotLimit * Stripe.count)
    }

    deinit {
        slots.deinitialize(count: count)
        munmap(slots, mappedBytes.slots)
        munmap(pins, mappedBytes.pins)
    }

    private static func reserve(_ count: Int) -> UnsafeMutableRawPointer? {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let base = mmap(nil, count, PROT_READ | PROT_WRITE, flags, -1, 0)
        return base == MAP_FAILED ? nil : base
    }

    /// Slots given out so far, those of retired segments included.
    var count: Int { used.load(ordering: .acquiring) }

    @inline(__always)
    subscript(slot: Int) -> UnsafeMutablePointer<Segment> { slots + slot }

    /// The slots whose segments are in use.
    var inUse: [Int] { (0..<count).filter { isInUse($0) } }

    func isInUse(_ slot: Int) -> Bool {
        slots[slot].lifecycle.load(ordering: .acquiring) == Segment.Lifecycle.inUse
    }

    /// Gives the segment a slot; nil if all are taken. One caller at a time.
    func add(_ segment: consuming Segment) -> Int? {
        let slot = count
        guard slot < Self.slotLimit else { return nil }
        (slots + slot).initialize(to: segment)
        used.store(slot + 1, ordering: .releasing)
        return slot
    }

    // MARK: Readers

    /// Keeps the segment mapped until `unpin`; false if it is retired, and then nothing is pinned.
    @inline(__always)
    func pin(_ slot: Int, stripe: Int) -> Bool {
        pins[slot * Stripe.count + stripe].value.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if slots[slot].lifecycle.load(ordering: .sequentiallyConsistent) == Segment.Lifecycle.inUse { return true }
        unpin(slot, stripe: stripe)
        return false
    }

    /// Lets the segment go; unmaps it if it is retired and this was its last reader.
    @inline(__always)
    func unpin(_ slot: Int, stripe: Int) {
        pins[slot * Stripe.count + stripe].value.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        if slots[slot].lifecycle.load(ordering: .sequentiallyConsistent) != Segment.Lifecycle.inUse {
            unmapIfUnread(slot)
        }
    }

    // MARK: Leaving

    /// Ends the segment's use: no reader comes in any more, and the mapping goes once the last has left.
    ///
    /// False if somebody else ended it before.
    @discardableResult
    func retire(_ slot: Int) -> Bool {
        let (won, _) = slots[slot].lifecycle.compareExchange(
            expected: Segment.Lifecycle.inUse,
            desired: Segment.Lifecycle.retired,
            ordering: .sequentiallyConsistent
        )
        if won { unmapIfUnread(slot) }
        return won
    }

    private func unmapIfUnread(_ slot: Int) {
        for stripe in 0..<Stripe.count
        where pins[slot * Stripe.count + stripe].value.load(ordering: .sequentiallyConsistent) != 0 { return }
        let (won, _) = slots[slot].lifecycle.compareExchange(
            expected: Segment.Lifecycle.retired,
            desired: Segment.Lifecycle.unmapped,
            ordering: .sequentiallyConsistent
        )
        if won { slots[slot].mapping = nil }
    }
}
