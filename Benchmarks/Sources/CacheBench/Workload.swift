/// What is measured, one line of the table each.
enum Workload: String, CaseIterable, Codable, Sendable {
    /// Every entry set once, into fresh pages.
    case load
    /// Uniform and Zipf (0.99) gets, each a fresh copy.
    case get
    case getZipf = "get-zipf"
    /// The same, lending.
    case lend
    case lendZipf = "lend-zipf"
    /// Gets of keys that were never set.
    case miss
    /// Overwrites of uniform keys, into pages touched before the clock starts, and into fresh ones.
    case set
    case setFresh = "set-fresh"
    /// Opening after a clean close.
    case reopen
    /// Opening without any footer: every record is scanned.
    case reopenScan = "reopen-scan"
    /// Sets at a fixed rate, each timed from the moment it was due.
    case latency
    /// Steady state at a size limit: one thread sets new entries without end, another one gets recent ones.
    case turnover
    /// Anonymous memory over the number of entries.
    case memory

    /// Loops that are timed in interleaved slices.
    var isSliced: Bool {
        switch self {
        case .get, .getZipf, .lend, .lendZipf, .miss, .set, .setFresh: true
        case .load, .reopen, .reopenScan, .latency, .turnover, .memory: false
        }
    }

    /// Workloads that threads share; an overwriting thread would have to be told of the others' versions.
    var runsOnThreads: Bool {
        switch self {
        case .get, .getZipf, .lend, .lendZipf, .miss: true
        default: false
        }
    }
}
