public import Granary
public import SegmentStore

/// Runs every promise of `CacheStrategy`, and of `ManagedCacheStrategy` where it is adopted, against a strategy.
///
/// ```swift
/// let report = await StrategyConformance().report { clock in MemoryCache(clock: clock) }
/// try report.requirePassed()
/// ```
///
/// It needs no test framework, and runs wherever the strategy does.
public struct StrategyConformance: Sendable {
    /// How the strategy is treated.
    public var options: ConformanceOptions

    /// A suite with the options.
    public init(options: ConformanceOptions = ConformanceOptions()) { self.options = options }

    /// Runs all promises, each on an instance of its own, one after the other.
    ///
    /// - Parameter make: Makes an instance that is empty and shares nothing with those before, measuring time by the clock
    ///   if it can. One that is managed is closed in the end.
    public func report(
        of make: @Sendable (StoreClock) async throws -> any CacheStrategy
    ) async -> ConformanceReport {
        var results: [ConformanceReport.Result] = []
        for promise in StrategyPromise.allCases {
            results.append(ConformanceReport.Result(promise: promise, outcome: await outcome(of: promise, make)))
        }
        return ConformanceReport(results: results)
    }

    private func outcome(
        of promise: StrategyPromise,
        _ make: @Sendable (StoreClock) async throws -> any CacheStrategy
    ) async -> ConformanceReport.Outcome {
        if options.unsupported.contains(promise) { return .notApplicable("the strategy is said not to make it") }
        let strategy: any CacheStrategy
        do {
            strategy = try await make(options.time.clock)
        } catch {
            return .failed("no instance could be made: \(error)")
        }
        let managed = strategy as? any ManagedCacheStrategy
        let outcome: ConformanceReport.Outcome
        do {
            switch promise.check {
            case .ofEvery(let check): try await check(Subject(cache: strategy, options: options))
            case .ofManaged(let check):
                guard let managed else { return .notApplicable("the strategy is not a ManagedCacheStrategy") }
                try await check(ManagedSubject(cache: managed, options: options))
            }
            outcome = .passed
        } catch let broken as Broken {
            outcome = .failed(broken.reason)
        } catch {
            outcome = .failed("a call threw \(error)")
        }
        // What closing is to do is a promise of its own.
        try? await managed?.close()
        return outcome
    }
}
