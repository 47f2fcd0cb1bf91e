public import Granary
internal import Logging

/// Summarises conversations through a cache: what was answered once is never computed again.
///
/// ```swift
/// let cache = try SegmentCache(directory: ".cache/summaries")
/// let summariser = Summariser(model: ExtractiveModel(), cache: cache)
/// let report = try await summariser.summarise(conversations)
/// print("\(report.reused) reused, \(report.computed) computed")
/// ```
///
/// Equal conversations in a run are computed once; each answer is stored the moment it exists; one failure ends one
/// conversation's summary and not the run; a cache that fails is a miss.
public struct Summariser: Sendable {
    private let model: any SummaryModel
    private let cache: (any CacheStrategy)?
    private let concurrency: Int
    private let onProgress: (@Sendable (SummaryProgress) -> Void)?

    /// A summariser that asks the model, at most `concurrency` times at once, for what the cache does not have.
    ///
    /// `onProgress` is called after every conversation, one call at a time.
    public init(
        model: any SummaryModel,
        cache: (any CacheStrategy)?,
        concurrency: Int = 8,
        onProgress: (@Sendable (SummaryProgress) -> Void)? = nil
    ) {
        self.model = model
        self.cache = cache
        self.concurrency = max(1, concurrency)
        self.onProgress = onProgress
    }

    /// Summaries of the conversations, in their order.
    ///
    /// - Throws: `CancellationError`; what was computed until then stays stored.
    public func summarise(_ conversations: [Conversation]) async throws(CancellationError) -> SummaryReport {
        var run = SummaryRun(conversations, model: model, cache: cache, onProgress: onProgress)
        try await run.reuse()
        try await run.compute(concurrency: concurrency)
        return run.report()
    }
}

/// How far a run is.
public struct SummaryProgress: Sendable, Hashable {
    /// Conversations in all.
    public var total: Int
    /// Those whose summary was in the cache, or was computed for an equal conversation of this run.
    public var reused = 0
    /// Those whose summary was computed.
    public var computed = 0
    /// Those that have no summary.
    public var failed = 0
    /// Those that are settled.
    public var done: Int { reused + computed + failed }

    /// The beginning of a run over so many conversations.
    public init(total: Int) { self.total = total }
}

/// Why a conversation has no summary.
public struct SummaryFailure: Sendable, Hashable {
    /// The conversation's place in the input, counted from 0.
    public var index: Int
    /// Its id.
    public var chatID: String
    /// What went wrong.
    public var message: String
}

/// What a run brought.
public struct SummaryReport: Sendable, Hashable {
    /// The summaries in the order of the conversations; nil where one failed.
    public var summaries: [ConversationSummary?]
    /// Conversations whose summary was in the cache, or was computed for an equal one of this run.
    public var reused: Int
    /// Conversations whose summary was computed.
    public var computed: Int
    /// Conversations that have no summary.
    public var failed: Int { failures.count }
    /// Why they have none.
    public var failures: [SummaryFailure]
    /// Seconds that the run took.
    public var seconds: Double
    /// Seconds of it spent in the cache.
    public var cacheSeconds: Double
    /// The first failure of the cache, if it failed; the run went on without it.
    public var cacheFailure: String?
}
