/// What is measured, one line of the table each.
enum Workload: String, CaseIterable, Codable, Sendable {
    /// Every entry set once, into fresh pages: one by one, and in batches of 1,000 into a cache of its own, which is then
    /// closed and its size on the disk taken.
    case load
    case loadBatch = "load-batch"
    /// Uniform and Zipf (0.99) gets, each a fresh copy.
    case get
    case getZipf = "get-zipf"
    /// The same, lending.
    case lend
    case lendZipf = "lend-zipf"
    /// Gets of keys that were never set.
    case miss
    /// Gets and overwrites of Zipf (0.99) keys in turns by chance: 95 and 5, and 50 and 50 of a hundred.
    case mixed95 = "mixed-95-5"
    case mixed50 = "mixed-50-50"
    /// Overwrites of uniform keys, into pages touched before the clock starts, and into fresh ones.
    case set
    case setFresh = "set-fresh"
    /// Opening and one get, in a fresh process: after a clean close, and after a kill right behind the last set.
    case reopen
    case reopenKilled = "reopen-killed"
    /// Opening the store without any footer: every record is scanned.
    case reopenScan = "reopen-scan"
    /// Sets at a fixed rate, each timed from the moment it was due.
    case latency
    /// Steady state at a size limit: one thread sets new entries without end, another one gets recent ones.
    case turnover
    /// Anonymous memory over the number of entries.
    case memory
    /// Runs of the summary pipeline over conversations of which none, all or some were summarised before.
    case reuse

    /// Loops that are timed in interleaved slices.
    var isSliced: Bool {
        switch self {
        case .get, .getZipf, .lend, .lendZipf, .miss, .mixed95, .mixed50, .set, .setFresh: true
        default: false
        }
    }

    /// Those for which every engine fills a cache of its own with batches.
    var needsBatchLoad: Bool {
        switch self {
        case .loadBatch, .reopen, .reopenKilled, .reopenScan: true
        default: false
        }
    }

    /// Those that need every engine loaded, all at once.
    var needsLoad: Bool { isSliced || self == .load || self == .latency }

    var isMixed: Bool { self == .mixed95 || self == .mixed50 }

    /// Loops in which every operation sets.
    var onlySets: Bool {
        switch self {
        case .load, .loadBatch, .set, .setFresh: true
        default: false
        }
    }

    /// The part of operations that set.
    var setShare: Double {
        switch self {
        case .mixed95: 0.05
        case .mixed50: 0.5
        default: onlySets ? 1 : 0
        }
    }

    var drawsZipf: Bool { self == .getZipf || self == .lendZipf || isMixed }
}
