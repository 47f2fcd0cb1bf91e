internal import Granary
public import SegmentStore
internal import Synchronization

/// How the suite treats a strategy.
public struct ConformanceOptions: Sendable {
    /// How time passes for the strategy.
    public var time: ConformanceTime
    /// Promises that the strategy does not make; they are reported as not applicable.
    public var unsupported: Set<StrategyPromise> = []
    /// The longest key that is tried, in bytes of UTF-8.
    public var longestKey = 512
    /// The largest value that is tried, in bytes.
    public var largestValue = 8 << 20
    /// Entries that are listed and counted.
    public var entryCount = 500
    /// Replays a run: the values are made from it.
    public var seed: UInt64 = 1

    /// For a strategy that measures time as it is told to, unless given.
    public init(time: ConformanceTime = .manual()) { self.time = time }
}

/// How time passes for a strategy under test.
public struct ConformanceTime: Sendable {
    /// The time that the strategy measures by.
    public var clock: StoreClock
    /// Lets so much time pass.
    public var advance: @Sendable (Duration) async throws -> Void
    /// How long the entries last that the suite sees ending.
    public var step: Duration
    /// By how much the strategy's clock may differ from this one.
    public var tolerance: Duration

    /// Time that passes so.
    public init(
        clock: StoreClock,
        step: Duration,
        tolerance: Duration,
        advance: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.clock = clock
        self.step = step
        self.tolerance = tolerance
        self.advance = advance
    }

    /// Time that stands still until the suite advances it, for strategies that take a clock.
    public static func manual() -> ConformanceTime {
        final class Time: Sendable {
            let milliseconds = Atomic<UInt64>(1_700_000_000_000)
        }
        let time = Time()
        return ConformanceTime(
            clock: StoreClock { time.milliseconds.load(ordering: .acquiring) },
            step: .seconds(10),
            tolerance: .zero
        ) { duration in
            time.milliseconds.add(UInt64(clamping: duration.wholeMilliseconds), ordering: .acquiringAndReleasing)
        }
    }

    /// The system's time, for strategies whose servers measure by their own clocks; the suite waits for it to pass.
    public static let real = ConformanceTime(clock: .system, step: .seconds(2), tolerance: .seconds(1)) { duration in
        try await Task.sleep(for: duration)
    }
}

extension Duration {
    /// In milliseconds, rounded down.
    var wholeMilliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
