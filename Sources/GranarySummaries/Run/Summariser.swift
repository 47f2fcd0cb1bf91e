public import Granary

/// Summarises conversations through a cache: what was answered once is never computed again.
///
/// ```swift
/// let cache = try SegmentCache(directory: ".cache/summaries")
/// let summariser = Summariser(model: ExtractiveModel(), cache: cache)
/// let report = try await summariser.summarise(conversations)
/// print("\(report.reused) reused, \(report.computed) computed")
/// ```
///
/// Equal conversations are computed once, in one run and over all runs on the same cache object; each answer is stored
/// the moment it exists; one failure ends one conversation's summary and not the run; a cache that fails is a miss.
public struct Summariser: Sendable {
    /// How a run goes.
    public struct Options: Sendable {
        /// What the cache is used for.
        public var mode = SummaryCacheMode.normal
        /// What tells keys of equal requests apart.
        public var key = SummaryKey.Options()
        /// How many conversations are worked on at once; nil: as many as the model takes.
        public var concurrency: Int?
        /// Another key under which a conversation that was not found may lie, such as one brought over from elsewhere.
        public var alternativeKey: (@Sendable (Conversation) -> String?)?

        /// The usual way.
        public init() {}
    }

    let model: any SummaryModel
    let cache: (any CacheStrategy)?
    let options: Options
    let flights: SummaryFlights
    let onProgress: (@Sendable (SummaryProgress) -> Void)?

    /// A summariser that asks the model for what the cache does not have.
    ///
    /// `onProgress` is called after every conversation, one call at a time.
    public init(
        model: any SummaryModel,
        cache: (any CacheStrategy)?,
        options: Options = Options(),
        onProgress: (@Sendable (SummaryProgress) -> Void)? = nil
    ) {
        self.model = model
        self.cache = cache
        self.options = options
        self.onProgress = onProgress
        flights = SummaryFlights.over(cache)
    }

    /// Summaries of the conversations, in their order.
    ///
    /// - Throws: `CancellationError`; what was computed until then stays stored.
    public func summarise(_ conversations: [Conversation]) async throws(CancellationError) -> SummaryReport {
        var run = SummaryRun(conversations, of: self)
        try await run.index()
        try await run.reuse()
        try await run.compute()
        return run.report()
    }
}

/// What a run uses the cache for.
public enum SummaryCacheMode: String, Sendable, Hashable, CaseIterable {
    /// What it has is reused, what is computed is stored.
    case normal
    /// Everything is computed anew and replaces what it has.
    case refresh
    /// What it has is reused; nothing is stored.
    case readOnly = "read-only"
    /// What it has is reused; what it lacks is a failure, and no model is asked.
    case offline

    var reads: Bool { self != .refresh }
    var writes: Bool { self == .normal || self == .refresh }
}
