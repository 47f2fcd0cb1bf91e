internal import Granary
internal import Synchronization

/// What this opener of the cache has counted.
final class Figures: Sendable {
    private let counts = Mutex(CacheStatistics())

    var statistics: CacheStatistics { counts.withLock { $0 } }

    func count(_ change: (inout CacheStatistics) -> Void) { counts.withLock { change(&$0) } }
}
