internal import Granary
internal import Synchronization

/// What this opener of the cache has counted.
final class Figures: Sendable {
    let hits = Atomic(0)
    let misses = Atomic(0)
    let sets = Atomic(0)
    let damaged = Atomic(0)

    var statistics: CacheStatistics {
        var statistics = CacheStatistics()
        statistics.hits = hits.load(ordering: .relaxed)
        statistics.misses = misses.load(ordering: .relaxed)
        statistics.sets = sets.load(ordering: .relaxed)
        statistics.damaged = damaged.load(ordering: .relaxed)
        return statistics
    }
}
