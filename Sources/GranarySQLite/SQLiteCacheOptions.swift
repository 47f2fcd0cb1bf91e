public import SegmentStore

/// How a cache in an SQLite database is opened.
public struct SQLiteCacheOptions: Sendable {
    /// What of the latest sets survives a power cut. The death of a process loses nothing that `set` has returned, ever.
    public enum Durability: Sendable, Equatable {
        /// What was stored before the last checkpoint or flush; SQLite makes a checkpoint for about every 4 MiB written
        /// (`PRAGMA synchronous = NORMAL`). What is there is whole in any case.
        case checkpoints
        /// Everything: each set, and each batch of `set` for many keys, is forced before it returns
        /// (`PRAGMA synchronous = FULL`).
        case everySet
    }

    /// What survives a power cut.
    public var durability: Durability
    /// The most bytes that the pages in use of the database file take, at least 1 MiB; nil: as many as there are. It holds
    /// for this opener and is not stored.
    public var sizeLimit: Int?
    /// The clock that expiry is measured by.
    public var clock: StoreClock
    /// How long a call waits for another process or cache to finish writing before it throws `.busy`.
    public var busyTimeout: Duration
    /// Called once, when an entry leaves for want of room for the first time.
    public var onFirstEviction: (@Sendable () -> Void)?

    /// The given options, or the defaults.
    public init(
        durability: Durability = .checkpoints,
        sizeLimit: Int? = nil,
        clock: StoreClock = .system,
        busyTimeout: Duration = .seconds(10),
        onFirstEviction: (@Sendable () -> Void)? = nil
    ) {
        self.durability = durability
        self.sizeLimit = sizeLimit
        self.clock = clock
        self.busyTimeout = busyTimeout
        self.onFirstEviction = onFirstEviction
    }
}
