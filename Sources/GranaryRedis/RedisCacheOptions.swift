internal import Granary
public import SegmentStore

/// How a cache in Redis is kept, and how its server is called.
public struct RedisCacheOptions: Sendable {
    /// What every key begins with in the server.
    public var prefix: String
    /// When an entry ends that is set without an expiry; nil: never.
    public var defaultExpiry: Duration?
    /// The most connections; each carries many commands at a time, and another is made when all owe answers. Calls of one
    /// moment share one.
    public var connections: Int
    /// How long connecting may take, with TLS and signing in.
    public var connectTimeout: Duration
    /// For how long the server may say nothing of an answer that is due. A long one may take longer, a second more for each
    /// 64 KiB of it; pushes are no part of it. A long value that is being sent may take longer likewise, and lies in buffers
    /// of this machine unseen, up to 4 MiB of it: a server that stops taking it is noticed later by the seconds for that, but
    /// by no more than sending took so far and this timeout once more.
    public var commandTimeout: Duration
    /// When connecting is tried again after it failed.
    public var reconnection: RedisReconnection
    /// The clock that expiry is measured by.
    public var clock: StoreClock

    /// The given options, or the defaults.
    public init(
        prefix: String = "granary:",
        defaultExpiry: Duration? = .seconds(7 * 24 * 60 * 60),
        connections: Int = 4,
        connectTimeout: Duration = .seconds(5),
        commandTimeout: Duration = .seconds(5),
        reconnection: RedisReconnection = RedisReconnection(),
        clock: StoreClock = .system
    ) {
        self.prefix = prefix
        self.defaultExpiry = defaultExpiry
        self.connections = connections
        self.connectTimeout = connectTimeout
        self.commandTimeout = commandTimeout
        self.reconnection = reconnection
        self.clock = clock
    }
}

/// When connecting is tried again after it failed: exponential back-off with full jitter (Brooker, "Exponential Backoff And
/// Jitter", AWS Architecture Blog, 2015). A call in the meantime fails at once, with what failed last.
///
/// A connection that was good and broke is made anew at once.
public struct RedisReconnection: Sendable {
    /// The wait after the first failure is up to this long, after each further one up to twice as long as before.
    public var firstWait: Duration
    /// No wait is longer.
    public var longestWait: Duration
    /// Numbers from 0 up to, not including, 1.
    public var random: @Sendable () -> Double
    /// The time that waits are measured by.
    public var now: @Sendable () -> ContinuousClock.Instant

    /// The usual waits, with the system's clock and randomness unless others are given.
    public init(
        firstWait: Duration = .milliseconds(100),
        longestWait: Duration = .seconds(5),
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.firstWait = firstWait
        self.longestWait = longestWait
        self.random = random
        self.now = now
    }

    /// The wait after so many failures, one at least.
    func wait(afterFailures count: Int) -> Duration {
        firstWait.doubled(count - 1, atMost: longestWait) * random()
    }
}
