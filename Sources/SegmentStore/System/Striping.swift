import CLinux
import Synchronization

/// A counter that fills a cache line, so that two processors counting do not pass one line to and fro.
struct PaddedCounter: ~Copyable, Sendable {
    let value: Atomic<Int>
    private let padding: InlineArray<7, UInt64>

    init() {
        value = Atomic(0)
        padding = InlineArray(repeating: 0)
    }
}

/// Counters that every read touches are kept once a stripe; a thread uses the stripe of the processor it runs on.
enum Stripe {
    /// More than most machines' memory channels can keep busy; a power of two, so that choosing one is a mask.
    static let count = 8

    @inline(__always)
    static var current: Int {
        // Negative only where the kernel lacks the call; any stripe is right, some are merely shared.
        Int(truncatingIfNeeded: sched_getcpu()) & (count - 1)
    }
}

/// A statistic that many threads count at once.
///
/// `@unchecked`: the memory holds atomics only and lives as long as the counter.
final class StripedCounter: @unchecked Sendable {
    private let stripes: UnsafeMutablePointer<PaddedCounter>

    init() {
        stripes = .allocate(capacity: Stripe.count)
        for stripe in 0..<Stripe.count { (stripes + stripe).initialize(to: PaddedCounter()) }
    }

    deinit {
        stripes.deinitialize(count: Stripe.count)
        stripes.deallocate()
    }

    @inline(__always)
    func increment(stripe: Int) {
        stripes[stripe].value.wrappingAdd(1, ordering: .relaxed)
    }

    /// Takes a count back.
    func decrement(stripe: Int) {
        stripes[stripe].value.wrappingSubtract(1, ordering: .relaxed)
    }

    var total: Int {
        var total = 0
        for stripe in 0..<Stripe.count { total += stripes[stripe].value.load(ordering: .relaxed) }
        return total
    }
}
