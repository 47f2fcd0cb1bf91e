internal import Logging
internal import Synchronization

/// One strategy of a `TieredCache`, with what is known of it.
final class Tier: Sendable {
    /// What was counted.
    final class Figures: Sendable {
        let misses = Atomic(0)
        let sets = Atomic(0)
        let fills = Atomic(0)
        let failures = Atomic(0)
        let skipped = Atomic(0)
        let refused = Atomic(0)
        let dropped = Atomic(0)
        let repaired = Atomic(0)
    }

    let name: String
    let strategy: any ManagedCacheStrategy
    let reading: TierHealth
    let writing: TierHealth
    let backlog: TierBacklog
    /// Of the keys of which something is on its way to the tier; taken after the cache's own, if both are.
    let locks = KeyLocks()
    /// Lets one clear the tier at a time.
    let clearing = RequestSlots(1)
    let figures = Figures()
    let gauge = TierGauge()
    /// The task that brings the tier up to date, while there is one.
    let recovery = Mutex<Task<Void, Never>?>(nil)
    /// The task that waits to begin with that, while there is one.
    let alarm = Mutex<Task<Void, Never>?>(nil)

    init(_ tier: CacheTier, options: TieredCacheOptions, logger: Logger) {
        name = tier.name
        strategy = tier.strategy
        reading = TierHealth(subject: "the tier \(tier.name): reading", options: options, logger: logger, gauge: gauge)
        writing = TierHealth(subject: "the tier \(tier.name): writing", options: options, logger: logger)
        backlog = TierBacklog(options: options, gauge: gauge)
    }

    /// Calls the tier to read; nil while it is left alone. A failure is noted, unless it says nothing about the tier.
    func read<Result: Sendable>(
        _ body: (any ManagedCacheStrategy) async throws -> Result
    ) async -> Swift.Result<Result, any Error>? {
        await call(reading, reading.admit(), body)
    }

    /// The same to write.
    func write<Result: Sendable>(
        _ body: (any ManagedCacheStrategy) async throws -> Result
    ) async -> Swift.Result<Result, any Error>? {
        await call(writing, writing.admit(), body)
    }

    /// Writes even while the tier is left alone, for a caller who wants to know.
    func writeAlways<Result: Sendable>(
        _ body: (any ManagedCacheStrategy) async throws -> Result
    ) async -> Swift.Result<Result, any Error> {
        let admission = writing.admitAlways()
        return await attempt(writing, admission, body)
    }

    /// A call that was made while the tier was well failed.
    func noteReadingFailed(_ error: any Error) { note(error, reading, reading.admitAlways()) }

    private func call<Result: Sendable>(
        _ health: TierHealth,
        _ admission: TierHealth.Admission?,
        _ body: (any ManagedCacheStrategy) async throws -> Result
    ) async -> Swift.Result<Result, any Error>? {
        guard let admission else {
            figures.skipped.add(1, ordering: .relaxed)
            return nil
        }
        return await attempt(health, admission, body)
    }

    private func attempt<Result: Sendable>(
        _ health: TierHealth,
        _ admission: TierHealth.Admission,
        _ body: (any ManagedCacheStrategy) async throws -> Result
    ) async -> Swift.Result<Result, any Error> {
        do {
            let result = try await body(strategy)
            health.succeeded()
            return .success(result)
        } catch {
            note(error, health, admission)
            return .failure(error)
        }
    }

    /// What the error says of the tier: nothing, if its caller gave up; that it works, if it refuses what it was given.
    private func note(_ error: any Error, _ health: TierHealth, _ admission: TierHealth.Admission) {
        if isRefusal(error) {
            health.succeeded()
        } else if !isCancellation(error) {
            figures.failures.add(1, ordering: .relaxed)
            health.failed(admission, error)
        }
    }

    var statistics: TierStatistics {
        var statistics = TierStatistics(name: name)
        statistics.hits = gauge.hits.load(ordering: .relaxed)
        statistics.misses = figures.misses.load(ordering: .relaxed)
        statistics.sets = figures.sets.load(ordering: .relaxed)
        statistics.fills = figures.fills.load(ordering: .relaxed)
        statistics.failures = figures.failures.load(ordering: .relaxed)
        statistics.skipped = figures.skipped.load(ordering: .relaxed)
        statistics.refused = figures.refused.load(ordering: .relaxed)
        statistics.dropped = figures.dropped.load(ordering: .relaxed)
        statistics.repaired = figures.repaired.load(ordering: .relaxed)
        statistics.queued = backlog.queuedCount
        statistics.outdated = backlog.outdatedCount
        statistics.isReadingSuspended = !reading.isWell
        statistics.isWritingSuspended = !writing.isWell
        return statistics
    }
}

/// Whether the tier works and what it was given is at fault.
func isRefusal(_ error: any Error) -> Bool { (error as? any CacheRefusal)?.isRefusal ?? false }

/// Whether the caller gave up.
func isCancellation(_ error: any Error) -> Bool { error is CancellationError || Task.isCancelled }
