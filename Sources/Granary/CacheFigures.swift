internal import Synchronization

/// What one opener of a cache counts; for strategies on other backends.
package final class CacheFigures: Sendable {
    private let hits = Atomic(0)
    private let misses = Atomic(0)
    private let sets = Atomic(0)
    private let damaged = Atomic(0)

    /// Figures that are all zero.
    package init() {}

    /// Counts a read that gave a value.
    package func noteHit() { hits.add(1, ordering: .relaxed) }

    /// Counts a read that gave none, and whether there was one that could not be used.
    package func noteMiss(isDamaged: Bool = false) {
        if isDamaged { damaged.add(1, ordering: .relaxed) }
        misses.add(1, ordering: .relaxed)
    }

    /// Counts entries stored.
    package func noteSets(_ count: Int = 1) { sets.add(count, ordering: .relaxed) }

    /// What was counted so far.
    package var statistics: CacheStatistics {
        var statistics = CacheStatistics()
        statistics.hits = hits.load(ordering: .relaxed)
        statistics.misses = misses.load(ordering: .relaxed)
        statistics.sets = sets.load(ordering: .relaxed)
        statistics.damaged = damaged.load(ordering: .relaxed)
        return statistics
    }
}
