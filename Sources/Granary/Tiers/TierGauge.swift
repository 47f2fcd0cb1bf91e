internal import Synchronization

/// What a hit touches of a tier: all of it in one place, for each line of memory more costs as much as the look-up itself.
final class TierGauge: Sendable {
    /// Why a tier may not be asked and believed without a further look.
    struct Concern: OptionSet, Sendable {
        let rawValue: UInt32
        /// Reading from it fails.
        static let reading = Concern(rawValue: 1)
        /// It lacks something that was written.
        static let backlog = Concern(rawValue: 2)
        /// The cache was closed.
        static let closed = Concern(rawValue: 4)
    }

    private let concerns = Atomic<UInt32>(0)
    let hits = Atomic(0)

    /// Whether there is no concern.
    var isPlain: Bool { concerns.load(ordering: .acquiring) == 0 }

    /// Says whether the concern is one now. Whoever changes it does so under a lock of its own.
    func set(_ concern: Concern, _ isOne: Bool) {
        if isOne {
            concerns.bitwiseOr(concern.rawValue, ordering: .acquiringAndReleasing)
        } else {
            concerns.bitwiseAnd(~concern.rawValue, ordering: .acquiringAndReleasing)
        }
    }
}
