import SegmentStore

/// The engines by name.
enum EngineName: String, CaseIterable, Codable, Sendable {
    case segment
    case segmentLend = "segment-lend"
    case segmentLZ4 = "segment-lz4"
    case segmentCompact = "segment-compact"
    case segmentCache = "segment-cache"
    case sqliteCache = "sqlite-cache"
    case sqliteDiskcache = "sqlite-diskcache"
    case sqliteTuned = "sqlite-tuned"
    case lmdb
    case rocksdb
    case tkrzw
    case diskcache
    case dictionary
    case limit
    case limitLZ4 = "limit-lz4"

    /// What the engine promises of a set that has returned.
    var durability: String {
        switch self {
        case .segment, .segmentLend, .segmentLZ4, .segmentCompact, .segmentCache:
            "survives kill -9; forced every second"
        case .sqliteCache, .sqliteDiskcache, .sqliteTuned: "survives kill -9; forced at checkpoints (WAL, NORMAL)"
        case .diskcache: "survives kill -9; forced at checkpoints (WAL, NORMAL); Python"
        case .lmdb: "survives kill -9; never forced (WRITEMAP, NOSYNC), a power cut may cost all"
        case .rocksdb: "survives kill -9; its log is not forced (sync = false), tables are"
        case .tkrzw: "survives kill -9 by a repair at opening; never forced, no checksums"
        case .dictionary: "none"
        case .limit, .limitLZ4: "none (no recovery)"
        }
    }

    /// The bound that an engine is measured against.
    var limit: EngineName {
        switch self {
        case .segmentLZ4, .segmentCompact, .limitLZ4: .limitLZ4
        default: .limit
        }
    }

    /// True of the engines that are the store, through whatever face.
    var isSegment: Bool {
        switch self {
        case .segment, .segmentLend, .segmentLZ4, .segmentCompact, .segmentCache: true
        default: false
        }
    }

    /// True if the engine takes a size limit.
    var isBounded: Bool {
        switch self {
        case .segment, .segmentLZ4, .segmentCompact, .segmentCache, .sqliteCache, .sqliteDiskcache, .diskcache: true
        default: false
        }
    }

    /// False where a directory holds nothing to open again.
    var isPersistent: Bool {
        switch self {
        case .dictionary, .limit, .limitLZ4: false
        default: true
        }
    }

    /// How the engines that are the store keep values.
    private var compression: StoreOptions.Compression {
        switch self {
        case .segmentLZ4: .lz4(minimumLength: 1)
        case .segmentCompact: .compactLZ4(minimumLength: 1)
        default: .none
        }
    }

    /// False where one thread at most may write.
    var takesSeveralWriters: Bool { self != .limit && self != .limitLZ4 }

    /// Why this build cannot run the engine, and what helps; nil if it can.
    var whyMissing: String? {
        #if !Peers
        switch self {
        case .lmdb, .rocksdb, .tkrzw:
            return """
                \(rawValue) is not built in: apt-get install liblmdb-dev librocksdb-dev libtkrzw-dev, then \
                swift build -c release --traits Peers
                """
        default: break
        }
        #endif
        if self == .diskcache { return DiskcacheDriver.whyMissing }
        return nil
    }
}

/// What an engine is made with.
struct EngineSettings: Sendable {
    var directory: String
    var entries: Int
    /// Sets beyond the first of each entry that an engine without reclamation needs room for.
    var overwrites = 0
    var sizeLimit: Int?
}

/// Something to do with an engine whose type only its name tells.
protocol EngineUse {
    func use<E: Engine>(_ makeEngine: () throws -> E) throws
}

extension EngineName {
    /// Hands over what makes the engine.
    func make(_ settings: EngineSettings, for consumer: some EngineUse) throws {
        let directory = settings.directory
        switch self {
        case .segment, .segmentLZ4, .segmentCompact:
            try consumer.use {
                try SegmentEngine(
                    directory: directory,
                    compression: compression,
                    sizeLimit: settings.sizeLimit
                )
            }
        case .segmentLend: try consumer.use { try LendingEngine(directory: directory) }
        case .segmentCache:
            try consumer.use { try SegmentCacheEngine(directory: directory, sizeLimit: settings.sizeLimit) }
        case .sqliteCache:
            try consumer.use { try SQLiteCacheEngine(directory: directory, sizeLimit: settings.sizeLimit) }
        case .sqliteDiskcache:
            try consumer.use { try SQLiteDiskcacheEngine(directory: directory, sizeLimit: settings.sizeLimit) }
        case .sqliteTuned: try consumer.use { try SQLiteTunedEngine(directory: directory) }
        case .lmdb, .rocksdb, .tkrzw:
            #if Peers
            if self == .lmdb { try consumer.use { try LMDBEngine(settings) } }
            if self == .rocksdb { try consumer.use { try RocksDBEngine(settings) } }
            if self == .tkrzw { try consumer.use { try TkrzwEngine(settings) } }
            #else
            throw BenchError(whyMissing ?? "\(rawValue) is missing")
            #endif
        case .diskcache: throw BenchError("diskcache has a worker of its own")
        case .dictionary: try consumer.use { DictionaryEngine() }
        case .limit, .limitLZ4:
            try consumer.use {
                try LimitEngine(
                    path: directory + "/log",
                    logBytes: (settings.entries + settings.overwrites) * 1_250 + (16 << 20),
                    entries: settings.entries,
                    compresses: self == .limitLZ4
                )
            }
        }
    }
}
