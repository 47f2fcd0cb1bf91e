public import SegmentStore
internal import Synchronization

/// A strategy that keeps everything in memory and forgets it with the process; for tests and for small hot sets.
///
/// Nothing is evicted, and an expired entry keeps its memory until its key is asked for, set or removed.
public final class MemoryCache: ManagedCacheStrategy, InlineReading {
    fileprivate struct Stored: Sendable {
        var value: CacheValue
        var expiry: UInt64?
    }

    fileprivate struct State: Sendable {
        /// By bytes: Swift calls composed and decomposed spellings equal, which are two keys here.
        var entries: [[UInt8]: Stored] = [:]
        var statistics = CacheStatistics()
        var byteCount = 0
        var isClosed = false
    }

    private let state: Mutex<State> = Mutex(State())
    private let clock: StoreClock

    /// An empty cache; expiry is measured by the clock.
    public init(clock: StoreClock = .system) {
        self.clock = clock
    }

    /// The value of the key.
    ///
    /// - Throws: `CacheClosedError` once the cache is closed, as every call but `close` does.
    public func get(_ key: String) async throws -> CacheValue? { try read(key) }

    func read(_ key: String) throws -> CacheValue? { try find(key)?.value }

    /// The value of the key, and when it ends.
    ///
    /// - Throws: `CacheClosedError` once the cache is closed.
    public func hit(_ key: String) async throws -> CacheHit? {
        try find(key).map { CacheHit($0.value, end: $0.expiry.map { .at($0) } ?? .never) }
    }

    private func find(_ key: String) throws -> Stored? {
        let now = clock.milliseconds()
        return try whileOpen { state in
            let key = Array(key.utf8)
            if let stored = state.entries[key], stored.expiry.map({ $0 > now }) ?? true {
                state.statistics.hits += 1
                return stored
            }
            state.remove(key)
            state.statistics.misses += 1
            return nil
        }
    }

    private func whileOpen<Result: Sendable>(_ body: (inout State) throws -> Result) throws -> Result {
        try state.withLock { state in
            if state.isClosed { throw CacheClosedError(cache: "the cache in memory") }
            return try body(&state)
        }
    }

    /// Stores the value under the key; tags are ignored.
    ///
    /// - Throws: `CacheClosedError` once the cache is closed.
    public func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws {
        let now = clock.milliseconds()
        try whileOpen { state in
            let key = Array(key.utf8)
            state.remove(key)
            state.entries[key] = Stored(value: value, expiry: options.expiry?.milliseconds(now: now))
            state.byteCount += key.count + value.bytes.count
            state.statistics.sets += 1
        }
    }

    /// Removes the key's entry; false if it had none.
    @discardableResult
    public func remove(_ key: String) async throws -> Bool {
        let now = clock.milliseconds()
        return try whileOpen { state in
            guard let stored = state.remove(Array(key.utf8)) else { return false }
            return stored.expiry.map { $0 > now } ?? true
        }
    }

    /// Removes every entry.
    public func removeAll() async throws {
        try whileOpen { state in
            state.entries = [:]
            state.byteCount = 0
        }
    }

    /// Entries stored; those that expired unseen are among them.
    public func count() async throws -> Int { try whileOpen { $0.entries.count } }

    /// The keys that begin with the prefix, as they are when the first one is asked for.
    public func keys(hasPrefix prefix: String) -> CacheKeys {
        let prefix = Array(prefix.utf8)
        return CacheKeys { [self] part in
            guard part == 0 else { return nil }
            let now = clock.milliseconds()
            return try whileOpen { state in
                state.entries.compactMap { key, stored in
                    guard key.starts(with: prefix), stored.expiry.map({ $0 > now }) ?? true else { return nil }
                    return String(decoding: key, as: UTF8.self)
                }
            }
        }
    }

    /// Bytes of all keys and values.
    public func byteCount() async throws -> Int { try whileOpen { $0.byteCount } }

    /// The figures since the cache was made.
    public func statistics() async throws -> CacheStatistics { try whileOpen { $0.statistics } }

    /// Does nothing: nothing here lasts.
    public func flush() async throws { try whileOpen { _ in } }

    /// Forgets everything; a second call does nothing.
    public func close() async throws {
        state.withLock { state in
            state.entries = [:]
            state.byteCount = 0
            state.isClosed = true
        }
    }
}

extension MemoryCache.State {
    @discardableResult
    fileprivate mutating func remove(_ key: [UInt8]) -> MemoryCache.Stored? {
        guard let stored = entries.removeValue(forKey: key) else { return nil }
        byteCount -= key.count + stored.value.bytes.count
        return stored
    }
}
