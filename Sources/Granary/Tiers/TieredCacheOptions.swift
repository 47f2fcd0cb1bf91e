public import SegmentStore

/// A strategy in its place among others, with the name that messages and figures give it.
public struct CacheTier: Sendable {
    /// Shown in logs, errors and figures: it must hold no secret.
    public var name: String
    /// Where the tier's entries are.
    public var strategy: any ManagedCacheStrategy

    /// A tier of the name.
    public init(_ name: String, _ strategy: any ManagedCacheStrategy) {
        self.name = name
        self.strategy = strategy
    }
}

/// How a `TieredCache` writes, waits and remembers.
public struct TieredCacheOptions: Sendable {
    /// When a set is written to the tiers below the first.
    public enum Writing: Sendable, Hashable {
        /// Before `set` returns.
        case through
        /// Afterwards, through a queue for each tier; `flush` and `close` empty it. What lies in the queue is read from
        /// there, and lost with the process.
        case behind
    }

    /// When a set is written to the tiers below the first.
    public var writing = Writing.through
    /// Whether what a tier has is stored in those above it.
    public var fillsTiersAbove = true
    /// Entries that wait for one tier at most; what is set beyond that is dropped for that tier, and counted.
    public var queuedEntries = 10_000
    /// Bytes of keys and values that wait for one tier at most.
    public var queuedBytes = 64 << 20
    /// Keys of which a tier is remembered to hold nothing or an older value, because writing to it failed. Those beyond
    /// are known by a bit of their hash, and the tier is not asked for any key with such a bit until it is cleared.
    public var rememberedKeys = 50_000
    /// How long a tier that fails is left alone.
    public var backOff = TierBackOff()
    /// Tells when entries end.
    public var clock = StoreClock.system
    /// The time since some moment, which never goes back; back-offs are measured by it.
    public var uptime: @Sendable () -> Duration = TieredCacheOptions.systemUptime
    /// Waits, for the time after which a tier is tried again that lacks something.
    public var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    /// A number from 0 to 1, for the jitter of back-offs.
    public var random: @Sendable () -> Double = { Double.random(in: 0...1) }

    /// Writing through, and times that suit servers in the same network.
    public init() {}

    private static let systemUptime: @Sendable () -> Duration = {
        let start = ContinuousClock.now
        return { start.duration(to: .now) }
    }()
}

/// How long a tier that fails is left alone: a time that doubles with each failure in a row, up to the longest.
///
/// Of that time between half and all is taken, so that many processes do not come back at the same moment.
public struct TierBackOff: Sendable, Hashable {
    /// After the first failure.
    public var first: Duration
    /// At most.
    public var longest: Duration

    /// From a fifth of a second to half a minute unless given.
    public init(first: Duration = .milliseconds(200), longest: Duration = .seconds(30)) {
        self.first = first
        self.longest = longest
    }

    /// The time after so many failures in a row, 1 or more; `random` is from 0 to 1.
    func delay(afterFailures failures: Int, random: Double) -> Duration {
        first.doubled(failures - 1, atMost: longest) * (0.5 + 0.5 * random)
    }
}
