internal import Synchronization

/// Counts the calls of a run and the tokens they took, while they happen.
public final class SummaryMeter: Sendable {
    private let state = Mutex((calls: 0, usage: TokenUsage()))

    /// A meter that has counted nothing.
    public init() {}

    /// Counts a call that is about to be made.
    public func countCall() { state.withLock { $0.calls += 1 } }

    /// Adds tokens that a call took.
    public func add(_ usage: TokenUsage) { state.withLock { $0.usage = $0.usage + usage } }

    /// Calls made.
    public var calls: Int { state.withLock { $0.calls } }

    /// Tokens that they took.
    public var usage: TokenUsage { state.withLock { $0.usage } }
}
