/// How far a run is.
public struct SummaryProgress: Sendable, Hashable {
    /// Conversations in all.
    public var total: Int
    /// Those whose summary was in the cache, or was computed for an equal conversation or by another run.
    public var reused = 0
    /// Those whose summary was computed.
    public var computed = 0
    /// Those that have no summary.
    public var failed = 0
    /// Tokens that the run's calls took so far.
    public var usage = TokenUsage()
    /// Tokens that the reused summaries took when they were computed.
    public var savedUsage = TokenUsage()
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
    /// The summaries in the order of the conversations; nil where there is none.
    public var summaries: [ConversationSummary?]
    /// Conversations whose summary was in the cache, or was computed for an equal conversation or by another run.
    public var reused: Int
    /// Conversations whose summary was computed.
    public var computed: Int
    /// Conversations that have no summary, those that were not tried among them.
    public var failed: Int { summaries.count - reused - computed }
    /// Why those that were tried have none.
    public var failures: [SummaryFailure]
    /// Why the run stopped early: what would have failed for all the others as well; nil if it did not.
    public var stopReason: String?
    /// Calls of the model, those that failed among them.
    public var calls: Int
    /// Tokens that they took.
    public var usage: TokenUsage
    /// Tokens that the reused summaries took when they were computed.
    public var savedUsage: TokenUsage
    /// Seconds that the run took.
    public var seconds: Double
    /// Seconds of it spent in the cache.
    public var cacheSeconds: Double
    /// The first failure of the cache, if it failed; the run went on without it.
    public var cacheFailure: String?
}

extension SummaryReport {
    /// The report of a run that took all its summaries from a checkpoint.
    public init(fromCheckpoint summaries: [ConversationSummary]) {
        self.init(
            summaries: summaries,
            reused: summaries.count,
            computed: 0,
            failures: [],
            calls: 0,
            usage: TokenUsage(),
            savedUsage: TokenUsage(),
            seconds: 0,
            cacheSeconds: 0
        )
    }
}
