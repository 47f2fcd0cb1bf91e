internal import Logging
public import SegmentStore

/// The default strategy: a segment store on the local disk.
///
/// ```swift
/// let cache = try SegmentCache(directory: ".cache/summaries")
/// try await cache.set("question", to: CacheValue(Array("answer".utf8), coding: .text))
/// let count = try await cache.count()
/// for try await key in cache.keys(hasPrefix: "que") { print(key) }
/// try await cache.removeAll()
/// ```
///
/// Reading runs inline: it takes microseconds from the page cache. What must wait for the disk (a set that forces, a
/// flush, closing) runs on a thread of its own and suspends.
public final class SegmentCache: ManagedCacheStrategy {
    /// The engine underneath, for everything that strategies do not share.
    public let store: SegmentStore
    private let options: StoreOptions
    private let worker: StoreThread
    private let logger: Logger

    /// Opens the cache in the directory, which is created if it may be written. Damage that is found is logged under
    /// `granary.segment-cache`.
    ///
    /// - Throws: what opening a `SegmentStore` throws.
    public init(directory: String, options: StoreOptions = StoreOptions()) throws(StoreError) {
        store = try SegmentStore(directory: directory, options: options)
        self.options = options
        worker = StoreThread()
        logger = Logger(label: "granary.segment-cache")
        let report = store.recoveryReport
        for finding in report.findings where finding.isDamage { logger.warning("\(finding)") }
    }

    // MARK: CacheStrategy

    /// The value of the key.
    ///
    /// - Throws: `StoreError` once the cache is closed.
    public func get(_ key: String) async throws -> CacheValue? {
        try store.withEntry(key.utf8.span.bytes) { entry, value in
            CacheValue(value.withUnsafeBytes { Array($0) }, coding: ValueCoding(rawValue: entry.callerByte))
        }
    }

    /// Stores the value under the key, which has 1 to 65,535 bytes of UTF-8. Of a tag the first 255 bytes are kept.
    ///
    /// - Throws: `StoreError`, as `SegmentStore.set` does.
    public func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws {
        let setOptions = setOptions(value, options)
        try await writing { store throws(StoreError) in try store.set(key, to: value.bytes, options: setOptions) }
    }

    /// Stores many entries with few reservations and one flush.
    ///
    /// - Throws: `StoreError`, as `SegmentStore.set` does.
    public func set(_ entries: [CacheEntry]) async throws {
        let batch = entries.map { entry in
            BatchEntry(
                key: Array(entry.key.utf8),
                value: entry.value.bytes,
                options: setOptions(entry.value, entry.options)
            )
        }
        try await writing { store throws(StoreError) in try store.set(batch) }
    }

    private func setOptions(_ value: CacheValue, _ options: CacheSetOptions) -> SetOptions {
        SetOptions(
            expiry: options.expiry.map { $0.milliseconds(now: self.options.clock.milliseconds()) },
            tag: options.tag.flatMap { $0.isEmpty ? nil : Array($0.utf8.prefix(255)) },
            callerByte: value.coding.rawValue
        )
    }

    /// Where every set is forced it waits for the disk, which no cooperative thread may do.
    private func writing(_ body: @escaping @Sendable (SegmentStore) throws(StoreError) -> Void) async throws {
        if options.durability == .everySet {
            try await worker.run { [store] in try body(store) }
        } else {
            try body(store)
        }
    }

    // MARK: ManagedCacheStrategy

    /// Removes the key's entry; false if it had none.
    ///
    /// - Throws: `StoreError`, as `SegmentStore.remove` does.
    @discardableResult
    public func remove(_ key: String) async throws -> Bool {
        try await worker.run { [store] in try store.remove(key) }
    }

    /// Removes every entry and gives the disk space back.
    ///
    /// - Throws: `StoreError`, as `SegmentStore.removeAll` does.
    public func removeAll() async throws {
        try await worker.run { [store] in try store.removeAll() }
    }

    /// Entries stored; those that expired unseen are among them.
    public func count() async throws -> Int { store.count }

    /// The keys that begin with the prefix; a key that is not UTF-8, which only the engine can have set, is left out.
    public func keys(hasPrefix prefix: String) -> CacheKeys {
        let prefix = Array(prefix.utf8)
        return CacheKeys { [store] part in
            guard part < SegmentStore.keyPartCount else { return nil }
            var keys: [String] = []
            try store.forEachKey(inPart: part, hasPrefix: prefix) { key in
                key.withUnsafeBytes { if let key = String(validating: $0, as: UTF8.self) { keys.append(key) } }
            }
            return keys
        }
    }

    /// Bytes that the cache's directory takes on the disk.
    ///
    /// - Throws: `StoreError` once the cache is closed.
    public func byteCount() async throws -> Int { try store.statistics().allocatedBytes }

    /// The figures since the cache was opened.
    ///
    /// - Throws: `StoreError` once the cache is closed.
    public func statistics() async throws -> CacheStatistics {
        let figures = try store.statistics()
        var statistics = CacheStatistics()
        statistics.hits = figures.hits
        statistics.misses = figures.misses
        statistics.sets = figures.sets
        statistics.damaged = figures.damagedReads
        return statistics
    }

    /// Forces everything stored to the disk.
    ///
    /// - Throws: `StoreError`, as `SegmentStore.flush` does.
    public func flush() async throws { try await worker.run { [store] in try store.flush() } }

    /// Forces everything stored to the disk and lets the directory go; a second call does nothing.
    ///
    /// - Throws: `StoreError`, as `SegmentStore.close` does.
    public func close() async throws { try await worker.run { [store] in try store.close() } }
}
