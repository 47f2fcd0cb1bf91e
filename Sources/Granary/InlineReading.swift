/// A strategy that reads without suspending: what stands in front of it is spared the cost of asynchronous calls, and as
/// it is known to be a class, that of opening an existential.
protocol InlineReading: AnyObject, Sendable {
    /// What `get` gives.
    func read(_ key: String) throws -> CacheValue?
}
