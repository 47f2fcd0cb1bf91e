internal import Granary

/// When a request that failed is sent again: exponential back-off with full jitter (Brooker, "Exponential Backoff And
/// Jitter", AWS Architecture Blog, 2015, <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
public struct S3RetryPolicy: Sendable {
    /// How often a request is sent again at most.
    public var maxRetries: Int
    /// The wait before the first retry is up to this long, before each further one up to twice as long as before.
    public var firstWait: Duration
    /// No wait is longer.
    public var longestWait: Duration
    /// Numbers from 0 up to, not including, 1.
    public var random: @Sendable () -> Double
    /// Waits.
    public var sleep: @Sendable (Duration) async throws -> Void

    /// The usual policy, with the system's clock and randomness unless others are given.
    public init(
        maxRetries: Int = 4,
        firstWait: Duration = .milliseconds(100),
        longestWait: Duration = .seconds(5),
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.maxRetries = maxRetries
        self.firstWait = firstWait
        self.longestWait = longestWait
        self.random = random
        self.sleep = sleep
    }

    /// Waits before the retry of the number, counted from 0.
    func pause(beforeRetry number: Int) async throws {
        try await sleep(firstWait.doubled(number, atMost: longestWait) * random())
    }
}
