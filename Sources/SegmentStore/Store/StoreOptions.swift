import Glibc

/// How a store is opened.
public struct StoreOptions: Sendable {
    /// What may be done with the store.
    public enum Access: Sendable, Equatable {
        /// Reading and writing; the directory is created where it is missing. One process at a time.
        case readWrite
        /// Reading, also beside a writer. Nothing is created or changed.
        case readOnly
    }

    /// What of the latest sets survives a power cut. A process's death loses nothing that `set` has returned, ever.
    public enum Durability: Sendable, Equatable {
        /// No set is forced to the disk but by `flush` and `close`; the kernel writes when it likes.
        case never
        /// What was set is forced in the background, so long after the first set that is not yet forced.
        case interval(Duration)
        /// What was set is forced before `set` returns; concurrent sets share one flush.
        case everySet
    }

    /// How values are stored.
    public enum Compression: Sendable, Equatable {
        /// As they are.
        case none
        /// With LZ4 where that saves space, for values of at least so many bytes.
        case lz4(minimumLength: Int)
        /// The same at LZ4's high compression, with a dictionary of English prose, program text and JSON that is part of the
        /// library; values above 64 KiB as `lz4`. Summaries of 1 KB take two thirds of their size or less where LZ4 alone
        /// takes three quarters. A set takes some 10 µs longer and 25 to 35 for each KB, a get half as long again as
        /// with `lz4`.
        case compactLZ4(minimumLength: Int)
    }

    /// What leaves a store whose size limit is reached.
    public enum Eviction: Sendable, Equatable {
        /// What was not read since it was stored or kept last: new entries have a tenth of the room to show that they are
        /// wanted (Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023).
        case s3fifo
        /// What was stored first.
        case fifo
        /// Nothing: a set that does not fit is refused.
        case none
    }

    /// What may be done with the store.
    public var access: Access
    /// What survives a power cut; one second by default.
    public var durability: Durability
    /// How values are stored. By default LZ4 from 4 KiB on: below, compressing costs as much time as the whole set.
    public var compression: Compression
    /// The most bytes that the directory takes on the disk, at least 1 MiB; nil: as many as there are. It holds for this
    /// opening and is not stored; a store that is larger shrinks when it is written to.
    public var sizeLimit: Int?
    /// What leaves when the limit is reached.
    public var eviction: Eviction
    /// The clock that expiry is measured by and that stamps new entries.
    public var clock: StoreClock
    /// Where generations, directory ids and hash seeds come from: 64 random bits a call.
    public var randomness: @Sendable () -> UInt64

    /// Called once, when an entry leaves for want of room for the first time, on the thread that needed it; it must not call
    /// the store.
    public var onFirstEviction: (@Sendable () -> Void)?

    /// Whether a thread of the store's own does its background work; tests run the steps one by one instead.
    package var runsBackgroundThread = true
    /// Called after each step of reclamation, without locks but the one that makes it one at a time; tests change the store
    /// there, or let it die.
    package var betweenReclaimSteps: (@Sendable (ReclaimStep) -> Void)?
    /// The system calls; tests make them fail.
    package var files: any FileLayer = LinuxFileLayer()
    /// What the store takes; fuzzers, which open one for every input, take less.
    package var sizes = StoreSizes()

    /// Options with defaults that suit a cache of paid answers.
    public init(
        access: Access = .readWrite,
        durability: Durability = .interval(.seconds(1)),
        compression: Compression = .lz4(minimumLength: 4_096),
        sizeLimit: Int? = nil,
        eviction: Eviction = .s3fifo,
        clock: StoreClock = .system,
        randomness: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) {
        self.access = access
        self.durability = durability
        self.compression = compression
        self.sizeLimit = sizeLimit
        self.eviction = eviction
        self.clock = clock
        self.randomness = randomness
    }
}

/// A step of reclamation that has ended.
package enum ReclaimStep: Sendable {
    /// An entry of the victim was carried, or has left.
    case settled
    /// Nothing names the victim any more, and what was carried is forced; its records can still be found after a death.
    case emptied
    /// The victim is given up, on the disk too.
    case givenUp
}

/// Sizes of what a store takes before it holds anything. What it does with its entries depends on none of them.
package struct StoreSizes: Sendable {
    /// Bytes of the first segment, and the fewest of any that is made ahead; the removal of the longest key must fit in.
    package var smallestSegment = Format.smallestSegment
    /// Segments that can be mapped while the store is open.
    package var slots = SegmentTable.slotLimit
    /// Buckets that a shard of the index can have, those for overflow not counted: address space alone until used.
    package var buckets = IndexArena.largestRowLimit

    /// The sizes that a store has.
    package init() {}
}

/// A source of the time of day.
public struct StoreClock: Sendable {
    /// The time in milliseconds since 1970.
    public var milliseconds: @Sendable () -> UInt64

    /// A clock that reads the time from the closure, in milliseconds since 1970.
    public init(milliseconds: @escaping @Sendable () -> UInt64) {
        self.milliseconds = milliseconds
    }

    /// The system's clock.
    public static let system = StoreClock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }
}

/// What is stored along with a value.
public struct SetOptions: Sendable, Equatable {
    /// When the entry ends, in milliseconds since 1970; nil: never.
    public var expiry: UInt64?
    /// 1 to 255 bytes to group entries by; nil: none.
    public var tag: [UInt8]?
    /// A byte for the caller's own use, given back by `entry` and `withEntry`.
    public var callerByte: UInt8
    /// How to store this value; nil: as the store's options say.
    public var compression: StoreOptions.Compression?

    /// No expiry, no tag, stored as the store's options say.
    public init(
        expiry: UInt64? = nil,
        tag: [UInt8]? = nil,
        callerByte: UInt8 = 0,
        compression: StoreOptions.Compression? = nil
    ) {
        self.expiry = expiry
        self.tag = tag
        self.callerByte = callerByte
        self.compression = compression
    }
}
