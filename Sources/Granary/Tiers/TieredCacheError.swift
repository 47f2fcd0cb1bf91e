/// What some tiers of a `TieredCache` could not do, while the others did it.
public struct TieredCacheError: Error, Sendable, CustomStringConvertible {
    /// One tier's failure.
    public struct Failure: Sendable {
        /// The tier's name.
        public var tier: String
        /// What its strategy threw.
        public var error: any Error
    }

    /// What was asked for, such as "removing".
    public var action: String
    /// The tiers that failed, in their order; empty where there is no tier at all.
    public var failures: [Failure]
    /// What that means for the cache, and what to do about it.
    public var consequence: String

    /// The tiers, with what each of them said, and the remedy.
    public var description: String {
        if failures.isEmpty { return "\(action) failed: \(consequence)" }
        let said = failures.map { "\($0.tier): \($0.error)" }.joined(separator: "; ")
        return "\(action) failed in \(failures.count == 1 ? "the tier" : "the tiers") \(said); \(consequence)"
    }
}
