internal import Logging
internal import Synchronization

/// Several strategies in an order, the nearest first: a local directory in front of a server that machines share.
///
/// ```swift
/// let local = try SegmentCache(directory: ".cache/answers", sizeLimit: 512 << 20)
/// let cache = try TieredCache([CacheTier("local", local), CacheTier("shared", shared)])
/// ```
///
/// - A get asks one tier after the other, and stores what a lower one gives in those above it, with the time that it has
///   left and without its tag. A value of which the end is not known is passed on and not stored.
/// - A set writes to all tiers, or to the first at once and to the others behind (`TieredCacheOptions.Writing`). It throws
///   if none took the entry.
/// - A tier that fails is left out, with one line in the log (`granary.tiered-cache`) when that begins and one when it
///   ends, and tried again by a call that comes after a back-off, or by itself if it lacks something that was written.
///   Reading and writing are watched apart. A get throws only if no tier could be asked.
/// - A value that was replaced or removed through this cache is never given back by it, also where a tier failed to follow:
///   its key is remembered, the tier is not asked for it, and is brought up to date once it works. That memory is the
///   process's, so a tier that fell behind may give an older value to other processes, and to this one after a restart.
/// - Of two sets of one key at a time, all tiers keep the same one.
public final class TieredCache: ManagedCacheStrategy {
    /// Of its logger.
    package static let logLabel = "granary.tiered-cache"

    let tiers: [Tier]
    let options: TieredCacheOptions
    let order = WriteOrder()
    let misses = Atomic(0)
    let sets = Atomic(0)
    let isClosed = Atomic(false)
    private let first: Tier
    /// The first tier's.
    private let gauge: TierGauge
    /// The first tier, if it can be read without suspending.
    private let inlineFirst: (any InlineReading)?

    /// A cache over the tiers, the nearest first, one at least.
    ///
    /// - Throws: `TieredCacheError` where there is no tier.
    public init(_ tiers: [CacheTier], options: TieredCacheOptions = TieredCacheOptions()) throws(TieredCacheError) {
        let logger = Logger(label: Self.logLabel)
        self.tiers = tiers.map { Tier($0, options: options, logger: logger) }
        guard let first = self.tiers.first else {
            throw TieredCacheError(
                action: "opening",
                failures: [],
                consequence: "there is no tier; give one at least"
            )
        }
        self.first = first
        gauge = first.gauge
        inlineFirst = first.strategy as? any InlineReading
        self.options = options
    }

    deinit { cancelAlarms() }

    // MARK: CacheStrategy

    /// The value of the key in the nearest tier that has one. A hit in the first costs it no lock and no allocation.
    ///
    /// - Throws: what the last tier threw, if none could be asked; `CacheClosedError` once the cache is closed.
    public func get(_ key: String) async throws -> CacheValue? {
        guard gauge.isPlain else { return try await value(of: key, below: 0) }
        do {
            let found: CacheValue?
            if let inlineFirst {
                found = try inlineFirst.read(key)
            } else {
                found = try await first.strategy.get(key)
            }
            if let found {
                gauge.hits.add(1, ordering: .relaxed)
                return found
            }
        } catch {
            return try await value(of: key, afterFailing: error)
        }
        first.figures.misses.add(1, ordering: .relaxed)
        return try await value(of: key, below: 1)
    }

    /// Kept apart from the hit's way, which is short.
    @inline(never)
    private func value(of key: String, below start: Int) async throws -> CacheValue? {
        try await search(key, below: start)?.value
    }

    /// The same where the first tier failed. Here, so that a hit makes no room for the errors that are told apart.
    @inline(never)
    private func value(of key: String, afterFailing error: any Error) async throws -> CacheValue? {
        first.noteReadingFailed(error)
        if isCancellation(error) { throw error }
        return try await search(key, below: 0)?.value
    }

    /// The value of the key, from the first tier that has it, with the moment at which it ends there.
    ///
    /// - Throws: as `get`.
    public func hit(_ key: String) async throws -> CacheHit? { try await search(key, below: 0) }

    /// The values of many keys; each tier is asked once, for what those above it lack.
    ///
    /// - Throws: as `get`, for a key for which no tier could be asked.
    public func get(_ keys: [String]) async throws -> [CacheValue?] { try await hits(keys).map { $0?.value } }

    /// The same with the moments at which the values end.
    ///
    /// - Throws: as `get`, for a key for which no tier could be asked.
    public func hits(_ keys: [String]) async throws -> [CacheHit?] { try await search(keys) }

    /// Stores the value under the key, in all tiers.
    ///
    /// - Throws: what the last tier threw, if none took it; `CacheClosedError` once the cache is closed.
    public func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws {
        try await store([CacheEntry(key, value, options: options)])
    }

    /// Stores many entries in all tiers, each of which is asked once unless it refuses some.
    ///
    /// - Throws: as `set` of one key, for an entry that no tier took.
    public func set(_ entries: [CacheEntry]) async throws {
        if !entries.isEmpty { try await store(entries) }
    }

    // MARK: Figures

    /// The figures of each tier, in their order.
    public var tierStatistics: [TierStatistics] { tiers.map(\.statistics) }

    /// The figures of the whole: a hit in any tier is one, a set counts once; damaged values are those that the tiers tell.
    ///
    /// - Throws: `CacheClosedError` once the cache is closed.
    public func statistics() async throws -> CacheStatistics {
        try checkOpen()
        var statistics = CacheStatistics()
        statistics.misses = misses.load(ordering: .relaxed)
        statistics.sets = sets.load(ordering: .relaxed)
        for tier in tiers {
            statistics.hits += tier.gauge.hits.load(ordering: .relaxed)
            statistics.damaged += (try? await tier.strategy.statistics().damaged) ?? 0
        }
        return statistics
    }

    func checkOpen() throws(CacheClosedError) {
        if isClosed.load(ordering: .relaxed) { throw CacheClosedError(cache: "the tiered cache") }
    }
}
