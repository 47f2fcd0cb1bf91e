internal import Synchronization

/// What a tier lacks of what was written: entries that wait for it, and keys of which it has nothing or an older value.
///
/// Whatever is noted here overrules what the tier holds, so that an older value never comes back from it.
final class TierBacklog: Sendable {
    /// What is to be believed of a key.
    enum Content: Sendable {
        /// What the tier says.
        case tiers
        /// This entry, which waits for the tier.
        case queued(CacheEntry)
        /// Nothing, whatever the tier says.
        case nothing
    }

    /// What the tier lacks of a key since some moment; what is written to the key later makes it another one.
    struct Lack: Sendable {
        let key: TierKey
        fileprivate let version: Int
    }

    /// An entry in the queue.
    struct Queued: Sendable {
        let lack: Lack
        let entry: CacheEntry
        /// The version of the first that the tier did not get since it had what was written last.
        fileprivate var since: Int
        fileprivate var place: Int
        /// The tier was given it, or what it replaced, and failed.
        fileprivate var hasFailed: Bool
        fileprivate var key: TierKey { lack.key }
        fileprivate var byteCount: Int { key.bytes.count + entry.value.bytes.count }
    }

    /// A key of which the tier has nothing or an older value, likewise.
    private struct Outdated: Sendable {
        let version: Int
        var since: Int
    }

    private struct State: Sendable {
        var queued: [TierKey: Queued] = [:]
        /// How many entries are tried at once: one after a failure, until more succeed.
        var batchCount = 1
        /// The keys by their places in the queue, those from `head` on.
        var places: [Int: TierKey] = [:]
        var head = 0
        var nextPlace = 0
        var nextVersion = 0
        var queuedBytes = 0
        var outdated: [TierKey: Outdated] = [:]
        /// A bit for the hash of every key that had no room among the outdated ones.
        var filter: [UInt64] = []
        /// How often a bit was set.
        var filtered = 0
        /// The tier holds what was removed with everything else.
        var mustBeCleared = false
        /// How often that came to be.
        var demands = 0
        /// Nothing is queued any more.
        var isSealed = false

        var isEmpty: Bool { queued.isEmpty && outdated.isEmpty && filter.isEmpty && !mustBeCleared }

        func isCurrent(_ lack: Lack) -> Bool {
            queued[lack.key]?.lack.version == lack.version || outdated[lack.key]?.version == lack.version
        }

        func since(_ key: TierKey) -> Int? { queued[key]?.since ?? outdated[key]?.since }

        mutating func newVersion() -> Int {
            nextVersion += 1
            return nextVersion
        }
    }

    /// Bits of the filter: 128 KiB, of which 100,000 keys that had no room set a tenth.
    private static let filterBits = 1 << 20

    private let isEmptyNow = Atomic(true)
    /// Guards all of that; no other lock is taken inside it.
    private let state = Mutex(State())
    private let options: TieredCacheOptions

    private let gauge: TierGauge

    /// Nothing is lacking; the gauge learns when something is.
    init(options: TieredCacheOptions, gauge: TierGauge) {
        self.options = options
        self.gauge = gauge
    }

    /// Whether the tier is to be believed in everything; costs one load.
    var isEmpty: Bool { isEmptyNow.load(ordering: .acquiring) }

    /// Entries that wait.
    var queuedCount: Int { isEmpty ? 0 : state.withLock { $0.queued.count } }

    /// Keys that are known to be outdated, those known by a bit not counted.
    var outdatedCount: Int { isEmpty ? 0 : state.withLock { $0.outdated.count } }

    /// Whether nothing that the tier holds counts until it was cleared.
    var mustBeCleared: Bool { isEmpty ? false : state.withLock { $0.mustBeCleared } }

    /// Whether something can be done about it once the tier works.
    var hasWork: Bool { hasWork(until: .max) }

    /// The same of what was lacking at a moment, by its `version`. What was replaced since is lacking until the tier has
    /// what came in its place.
    func hasWork(until version: Int) -> Bool {
        if isEmpty { return false }
        return state.withLock { state in
            state.mustBeCleared || state.outdated.values.contains { $0.since <= version }
                || state.queued.values.contains { $0.since <= version }
        }
    }

    /// The moment of now, for what asks about one.
    var version: Int { state.withLock { $0.nextVersion } }

    /// What is to be believed of the key.
    func content(of key: TierKey) -> Content {
        if isEmpty { return .tiers }
        return state.withLock { state in
            if let queued = state.queued[key] { return .queued(queued.entry) }
            if state.mustBeCleared || state.outdated[key] != nil { return .nothing }
            return Self.isSet(key, in: state.filter) ? .nothing : .tiers
        }
    }

    private static func isSet(_ key: TierKey, in filter: [UInt64]) -> Bool {
        let bit = Int(key.hash % UInt64(filterBits))
        return !filter.isEmpty && filter[bit / 64] & 1 << UInt64(bit % 64) != 0
    }

    private func changing<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
        state.withLock { state in
            defer {
                isEmptyNow.store(state.isEmpty, ordering: .releasing)
                gauge.set(.backlog, !state.isEmpty)
            }
            return body(&state)
        }
    }

    // MARK: Outdated keys

    /// The tier has nothing or an older value of the key.
    func noteOutdated(_ key: TierKey) { changing { noteOutdated(key, &$0) } }

    private func noteOutdated(_ key: TierKey, _ state: inout State) {
        let version = state.newVersion()
        let since = state.since(key) ?? version
        Self.dequeue(key, &state)
        if state.outdated[key] != nil || state.outdated.count < options.rememberedKeys {
            state.outdated[key] = Outdated(version: version, since: since)
        } else {
            if state.filter.isEmpty { state.filter = [UInt64](repeating: 0, count: Self.filterBits / 64) }
            let bit = Int(key.hash % UInt64(Self.filterBits))
            state.filter[bit / 64] |= 1 << UInt64(bit % 64)
            state.filtered += 1
        }
    }

    /// The tier has what was written to the key last.
    func noteWritten(_ key: TierKey) {
        if isEmpty { return }
        changing { state in
            Self.dequeue(key, &state)
            state.outdated[key] = nil
        }
    }

    /// Some of the keys that are known to be outdated, and were at that moment.
    func outdatedKeys(atMost count: Int, until version: Int) -> [Lack] {
        state.withLock { state in
            let wanted = state.outdated.lazy.filter { $0.value.since <= version }
            return wanted.prefix(count).map { Lack(key: $0.key, version: $0.value.version) }
        }
    }

    // MARK: Making good

    /// Whether the tier still lacks it, nothing having been written to the key since.
    func isCurrent(_ lack: Lack) -> Bool { state.withLock { $0.isCurrent(lack) } }

    /// The tier has what it lacked then; what was written to the key since, it lacks still.
    func noteMadeGood(_ lack: Lack) {
        changing { state in
            if state.isCurrent(lack) {
                Self.dequeue(lack.key, &state)
                state.outdated[lack.key] = nil
            } else if let since = state.since(lack.key), since <= lack.version {
                state.queued[lack.key]?.since = lack.version + 1
                state.outdated[lack.key]?.since = lack.version + 1
            }
        }
    }

    /// The tier does not take what it lacks, and may hold an older value.
    func noteRefused(_ lack: Lack) {
        changing { if $0.isCurrent(lack) { noteOutdated(lack.key, &$0) } }
    }

    // MARK: Everything

    /// Nothing that the tier holds counts until it was cleared.
    func demandClearing() {
        changing { state in
            state.mustBeCleared = true
            state.demands += 1
        }
    }

    /// What a clearing that begins now takes away.
    struct ClearingMark: Sendable {
        fileprivate let filtered: Int
        fileprivate let demands: Int
    }

    /// To be kept while the tier is being cleared.
    var clearingMark: ClearingMark { state.withLock { ClearingMark(filtered: $0.filtered, demands: $0.demands) } }

    /// The tier was cleared since the mark. The keys known to be outdated stay so, for they may be from after that; so does
    /// the filter if a bit was set meanwhile, and the demand if it was made again.
    func noteCleared(since mark: ClearingMark) {
        changing { state in
            if state.demands == mark.demands { state.mustBeCleared = false }
            if state.filtered == mark.filtered { state.filter = [] }
        }
    }

    /// What waited for the tier at that moment, by its `version`, was removed with everything else. What failed on its way
    /// may have been late and come behind that, so that its key stays outdated, as others do.
    func noteRemoved(until version: Int) {
        changing { state in
            for queued in state.queued.values where queued.lack.version <= version {
                if queued.hasFailed { noteOutdated(queued.key, &state) } else { Self.dequeue(queued.key, &state) }
            }
        }
    }

    // MARK: The queue

    /// Puts the entry behind all others, or in the place of one of the same key; false where there is no room, and once
    /// the queue was sealed.
    func enqueue(_ entry: CacheEntry, _ key: TierKey) -> Bool {
        changing { state in
            let former = state.queued[key]
            let place = former?.place ?? state.nextPlace
            let lack = Lack(key: key, version: state.newVersion())
            let queued = Queued(
                lack: lack,
                entry: entry,
                since: state.since(key) ?? lack.version,
                place: place,
                hasFailed: former?.hasFailed ?? (state.outdated[key] != nil)
            )
            let byteCount = state.queuedBytes - (former?.byteCount ?? 0) + queued.byteCount
            let count = state.queued.count + (former == nil ? 1 : 0)
            if state.isSealed || count > options.queuedEntries || byteCount > options.queuedBytes { return false }
            state.queued[key] = queued
            state.queuedBytes = byteCount
            state.places[place] = key
            state.nextPlace = max(state.nextPlace, place + 1)
            state.outdated[key] = nil
            return true
        }
    }

    private static func dequeue(_ key: TierKey, _ state: inout State) {
        guard let queued = state.queued.removeValue(forKey: key) else { return }
        state.queuedBytes -= queued.byteCount
        state.places[queued.place] = nil
        while state.head < state.nextPlace, state.places[state.head] == nil { state.head += 1 }
    }

    /// The entries that wait longest, of those of which the tier lacked something at that moment; few after a failure, so
    /// that one which always fails does not keep others from the tier.
    func longestQueued(atMost count: Int, until version: Int) -> [Queued] {
        state.withLock { state in
            var batch: [Queued] = []
            var place = state.head
            while place < state.nextPlace, batch.count < min(count, state.batchCount) {
                let queued = state.places[place].flatMap { state.queued[$0] }
                if let queued, queued.since <= version { batch.append(queued) }
                place += 1
            }
            return batch
        }
    }

    /// The tier has taken a batch: the next may be twice as large.
    func noteBatchWritten(_ count: Int, atMost most: Int) {
        state.withLock { $0.batchCount = min(most, max($0.batchCount, 2 * count)) }
    }

    /// The tier has not taken them, whether for their sake or for its own: they go behind all others.
    func noteBatchFailed(_ batch: [Queued]) {
        state.withLock { state in
            state.batchCount = 1
            for queued in batch {
                // Or what was set since: whoever sets a key again and again keeps it from nobody else's way.
                guard let place = state.queued[queued.key]?.place else { continue }
                state.places[place] = nil
                state.places[state.nextPlace] = queued.key
                state.queued[queued.key]?.place = state.nextPlace
                state.queued[queued.key]?.hasFailed = true
                state.nextPlace += 1
            }
            while state.head < state.nextPlace, state.places[state.head] == nil { state.head += 1 }
        }
    }

    /// All entries that wait, in no order.
    var allQueued: [CacheEntry] { isEmpty ? [] : state.withLock { $0.queued.values.map(\.entry) } }

    /// Empties the queue for good; returns how many entries there were, whose keys are outdated now.
    func seal() -> Int {
        changing { state in
            state.isSealed = true
            let keys = Array(state.queued.keys)
            for key in keys { noteOutdated(key, &state) }
            return keys.count
        }
    }
}
