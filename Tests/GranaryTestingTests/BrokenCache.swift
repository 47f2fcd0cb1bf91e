import Granary
import GranaryTesting
import SegmentStore
import Synchronization

/// A strategy that keeps every promise but the one it is told to break.
///
/// It wraps one that keeps all of them, and does for each promise what a careless strategy does.
final class BrokenCache: ManagedCacheStrategy {
    private let base: MemoryCache
    private let fault: StrategyPromise?
    private let clock: StoreClock
    /// Keys that were set at least once, and the value set first.
    private let firstValues = Mutex<[[UInt8]: CacheValue]>([:])
    /// The end that each key was set with last, if it ever had one.
    private let ends = Mutex<[String: CacheExpiry]>([:])
    private let endedKeys = Mutex<Set<String>>([])
    private let removed = Mutex<Set<String>>([])
    private let isPoisoned = Atomic(false)
    private let lastValue = Mutex<CacheValue?>(nil)
    private let calls = Atomic(0)

    init(breaking fault: StrategyPromise?, clock: StoreClock) {
        base = MemoryCache(clock: clock)
        self.fault = fault
        self.clock = clock
    }

    /// What it has done for a key's sake: spellings that Swift calls equal become one.
    private func key(_ key: String) -> String {
        switch fault {
        case .tellsKeysApartByBytes: key == "e\u{301}" ? "\u{E9}" : key
        case .keepsOddKeys: key.hasSuffix("/") && key.count > 1 ? String(key.dropLast()) : key
        default: key
        }
    }

    private func check() throws {
        if fault == .survivesCancellation {
            if Task.isCancelled { isPoisoned.store(true, ordering: .relaxed) }
            if isPoisoned.load(ordering: .relaxed) { throw CancellationError() }
        }
    }

    func get(_ key: String) async throws -> CacheValue? {
        try check()
        if fault == .endsWithClosing, let value = try? await base.get(key) { return value }
        if fault == .endsWithClosing { return nil }
        guard let value = try await base.get(self.key(key)) else {
            // As a search that takes a number behind a word for nothing.
            guard fault == .hasNothingUnderOtherKeys, key.last?.isNumber == true, key.dropLast().last?.isLetter == true
            else { return nil }
            return try await base.get(String(key.dropLast()))
        }
        switch fault {
        case .givesBackExactBytes where value.bytes.count == 4_097:
            return CacheValue(Array(value.bytes.dropLast()), coding: value.coding)
        case .keepsEmptyValues where value.bytes.isEmpty && value.coding != ValueCoding(rawValue: 7): return nil
        case .keepsLargeValues where value.bytes.count > 1 << 20:
            return CacheValue(Array(value.bytes.prefix(1 << 20)), coding: value.coding)
        case .keepsCodings where value.coding.rawValue == 200 && value.bytes.count == 2:
            return CacheValue(value.bytes)
        case .givesWholeValuesToManyTasks:
            guard key.hasPrefix("task/") else { return value }
            // Bytes of one value with the coding of another, as of a buffer that is shared without a lock.
            let last = lastValue.withLock { last in
                defer { last = value }
                return last
            }
            return CacheValue((last ?? value).bytes, coding: value.coding)
        default: return value
        }
    }

    func get(_ keys: [String]) async throws -> [CacheValue?] {
        try check()
        var values: [CacheValue?] = []
        for key in keys { values.append(try await get(key)) }
        if fault == .getsManyAsOneByOne {
            // As a backend that answers each key once.
            for place in keys.indices where keys[..<place].contains(keys[place]) { values[place] = nil }
        }
        if fault == .countsItsCalls, keys.count > 1 { _ = try await base.get("counted once too often") }
        return values
    }

    func hit(_ key: String) async throws -> CacheHit? {
        try check()
        guard let hit = try await base.hit(self.key(key)) else { return nil }
        if fault == .hitsAsItGets { return CacheHit(CacheValue(hit.value.bytes), end: hit.end) }
        if fault == .tellsEndsRightly, hit.end != .never { return CacheHit(hit.value, end: .never) }
        return hit
    }

    func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws {
        try check()
        var (value, options) = (value, options)
        if key.isEmpty, fault == .refusesOrKeepsTheEmptyKey { return }
        switch (fault, options.expiry) {
        case (.endsAfterItsTime, .after(let duration)?) where duration > .zero && key == "soon":
            options.expiry = .after(duration * 2)
        case (.endsAtItsMoment, .at(let moment)?) where key == "soon": options.expiry = .at(milliseconds: moment + 1)
        case (.neverGivesWhatHasEnded, .after(let duration)?) where duration < .zero: options.expiry = nil
        case (.keepsWhatHasNoEnd, .at(.max)?): options.expiry = .after(.seconds(1))
        case (.replacesEnds, nil): options.expiry = ends.withLock { $0[key] }
        default: break
        }
        ends.withLock { $0[key] = options.expiry ?? $0[key] }
        if fault == .replacesValues {
            // Keeps the first value under the new options, as `INSERT OR IGNORE` would, where the key has the same length.
            let known = firstValues.withLock { first in
                defer { first[Array(key.utf8)] = first[Array(key.utf8)] ?? value }
                return first[Array(key.utf8)]
            }
            if key == "replaced", let known { value = known }
        }
        if fault == .removesTheKeyAlone, removed.withLock({ $0.contains(key) }) { return }
        if fault == .neverListsWhatHasEnded, options.expiry != nil { endedKeys.withLock { _ = $0.insert(key) } }
        try await base.set(self.key(key), to: value, options: options)
    }

    func set(_ entries: [CacheEntry]) async throws {
        try check()
        var entries = entries
        if fault == .countsTheLaterOfTwo { entries.reverse() }
        if fault == .setsManyAsOneByOne {
            // As a backend whose command for many knows no expiry.
            for place in entries.indices { entries[place].options.expiry = nil }
        }
        for entry in entries { try await set(entry.key, to: entry.value, options: entry.options) }
    }

    func remove(_ key: String) async throws -> Bool {
        if fault == .removesTheKeyAlone { removed.withLock { _ = $0.insert(key) } }
        let had = try await base.remove(self.key(key))
        return fault == .tellsWhetherItRemoved ? true : had
    }

    func removeAll() async throws {
        if fault == .removesEverything {
            for try await key in base.keys where !key.hasSuffix("9") { try await base.remove(key) }
        } else {
            try await base.removeAll()
        }
    }

    func count() async throws -> Int {
        // As a counter that a set raises whether the key is new or not.
        try await base.count() + (fault == .countsEntries ? 1 : 0)
    }

    func keys(hasPrefix prefix: String) -> CacheKeys {
        let keys = base.keys(hasPrefix: prefix)
        switch fault {
        case .listsKeysWithAPrefix where prefix.unicodeScalars.contains("\u{E9}"):
            // As a backend that understands the prefix in its own way.
            return CacheKeys { part in part == 0 ? ["list/e\u{301}"] : nil }
        case .listsEachKeyOnceDuringSets:
            // As a cursor by number, which sets push along.
            return CacheKeys { [self] part in
                guard part < 2 else { return nil }
                let before = calls.load(ordering: .relaxed)
                let all = try await base.keys(hasPrefix: prefix).reduce(into: [String]()) { $0.append($1) }.sorted()
                calls.store(all.count, ordering: .relaxed)
                return part == 0 ? Array(all.prefix(all.count / 2)) : Array(all.dropFirst(before / 2))
            }
        case .neverListsWhatHasEnded:
            return CacheKeys { [self] part in
                if part == 1 { return Array(endedKeys.withLock { $0 }) }
                guard part == 0 else { return nil }
                let ended = endedKeys.withLock { $0 }
                return try await keys.reduce(into: [String]()) { $0.append($1) }.filter { !ended.contains($0) }
            }
        default: return keys
        }
    }

    func byteCount() async throws -> Int {
        let byteCount = try await base.byteCount()
        return fault == .growsInBytes ? min(byteCount, 65_536) : byteCount
    }

    func statistics() async throws -> CacheStatistics { try await base.statistics() }

    func flush() async throws {
        // As one that makes what it has written lasting, and forgets what it has not.
        if fault == .flushesWithoutChange { try await base.removeAll() }
        try await base.flush()
    }

    func close() async throws { try await base.close() }
}
