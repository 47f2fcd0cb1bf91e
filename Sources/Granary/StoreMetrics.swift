public import CoreMetrics
public import SegmentStore
import Synchronization

/// A store's figures, for whatever backend swift-metrics was given.
///
/// What only rises is reported as counters (`granary_hits`, `granary_misses`, `granary_sets`, `granary_damaged_reads`,
/// `granary_evictions`, `granary_expired`, `granary_carried`, `granary_written_bytes`, `granary_carried_bytes`,
/// `granary_reclaimed_bytes`, `granary_reclaim_microseconds`, `granary_waits`, `granary_wait_microseconds`,
/// `granary_ghost_hits`, `granary_flushes`), the rest as gauges (`granary_entries`, `granary_live_bytes`,
/// `granary_dead_bytes`, `granary_allocated_bytes`, `granary_unforced_bytes`, `granary_longest_wait_microseconds`,
/// `granary_ghosts`, `granary_ghost_bytes`, `granary_write_amplification`). Each has the dimension `cache`.
///
/// A read that counted itself would cost more than the read; so nothing is reported until `record` is called.
public final class StoreMetrics: Sendable {
    private let counters: [(counter: Counter, figure: @Sendable (StoreStatistics) -> Int)]
    private let gauges: [(gauge: Gauge, figure: @Sendable (StoreStatistics) -> Double)]
    /// What has been reported of each counter.
    private let reported: Mutex<[Int]>

    /// Metrics of one cache.
    ///
    /// - Parameters:
    ///   - cache: What the dimension `cache` says.
    ///   - factory: Where the metrics go; by default what the process has bootstrapped swift-metrics with.
    public init(cache: String, factory: any MetricsFactory = MetricsSystem.factory) {
        let dimensions = [("cache", cache)]
        counters = Self.risingFigures.map { name, figure in
            (Counter(label: "granary_" + name, dimensions: dimensions, factory: factory), figure)
        }
        gauges = Self.presentFigures.map { name, figure in
            (Gauge(label: "granary_" + name, dimensions: dimensions, factory: factory), figure)
        }
        reported = Mutex([Int](repeating: 0, count: Self.risingFigures.count))
    }

    /// Reports the figures of now. They must be of one opening of one store, each later than the last.
    public func record(_ statistics: StoreStatistics) {
        reported.withLock { reported in
            for (number, (counter, figure)) in counters.enumerated() {
                let risen = figure(statistics) - reported[number]
                guard risen > 0 else { continue }
                counter.increment(by: risen)
                reported[number] += risen
            }
        }
        for (gauge, figure) in gauges { gauge.record(figure(statistics)) }
    }

    private static let risingFigures: [(String, @Sendable (StoreStatistics) -> Int)] = [
        ("hits", { $0.hits }),
        ("misses", { $0.misses }),
        ("sets", { $0.sets }),
        ("damaged_reads", { $0.damagedReads }),
        ("evictions", { $0.reclamation.evictions }),
        ("expired", { $0.reclamation.expired }),
        ("carried", { $0.reclamation.carried }),
        ("written_bytes", { $0.writtenBytes }),
        ("carried_bytes", { $0.reclamation.carriedBytes }),
        ("reclaimed_bytes", { $0.reclamation.reclaimedBytes }),
        ("reclaim_microseconds", { $0.reclamation.time.wholeMicroseconds }),
        ("waits", { $0.reclamation.waits }),
        ("wait_microseconds", { $0.reclamation.waitTime.wholeMicroseconds }),
        ("ghost_hits", { $0.reclamation.ghostHits }),
        ("flushes", { $0.flushes }),
    ]

    private static let presentFigures: [(String, @Sendable (StoreStatistics) -> Double)] = [
        ("entries", { Double($0.entries) }),
        ("live_bytes", { Double($0.liveBytes) }),
        ("dead_bytes", { Double($0.deadBytes) }),
        ("allocated_bytes", { Double($0.allocatedBytes) }),
        ("unforced_bytes", { Double($0.unforcedBytes) }),
        ("longest_wait_microseconds", { Double($0.reclamation.longestWait.wholeMicroseconds) }),
        ("ghosts", { Double($0.ghosts) }),
        ("ghost_bytes", { Double($0.ghostBytes) }),
        ("write_amplification", { $0.writeAmplification }),
    ]
}

extension SegmentCache {
    /// Reports the cache's figures through swift-metrics at an interval, until the cache is closed or the task is
    /// cancelled, at which a last report is made.
    ///
    /// ```swift
    /// let reporting = Task { await cache.reportMetrics(as: "summaries") }
    /// ```
    ///
    /// - Parameters:
    ///   - name: What the dimension `cache` of every metric says.
    ///   - interval: The time from one report to the next.
    ///   - factory: Where the metrics go; by default what the process has bootstrapped swift-metrics with.
    ///   - clock: What tells the time.
    public func reportMetrics(
        as name: String,
        every interval: Duration = .seconds(10),
        to factory: any MetricsFactory = MetricsSystem.factory,
        clock: any Clock<Duration> = ContinuousClock()
    ) async {
        let metrics = StoreMetrics(cache: name, factory: factory)
        repeat {
            guard let statistics = try? store.statistics() else { return }
            metrics.record(statistics)
        } while (try? await clock.sleep(for: interval)) != nil
        if let statistics = try? store.statistics() { metrics.record(statistics) }
    }
}

extension Duration {
    fileprivate var wholeMicroseconds: Int {
        Int(components.seconds) * 1_000_000 + Int(components.attoseconds / 1_000_000_000_000)
    }
}
