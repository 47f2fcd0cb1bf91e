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
/// With a size limit, entries that are wanted least leave once the directory would grow beyond it:
///
/// ```swift
/// let bounded = try SegmentCache(directory: ".cache/summaries", sizeLimit: 512 << 20)
/// ```
///
/// Reading runs inline: it takes microseconds from the page cache. What must wait for the disk (a set that forces or may
/// have to wait for room under a size limit, a removal, a flush, closing), and a set that compresses with `.compactLZ4`,
/// runs on another thread, and the caller suspends.
public final class SegmentCache: ManagedCacheStrategy, InlineReading {
    /// The engine underneath, for everything that strategies do not share.
    public let store: SegmentStore
    private let options: StoreOptions

    /// Opens the cache in the directory, which is created if it may be written. Damage that is found, and the first entry
    /// that leaves for want of room, are logged under `granary.segment-cache`.
    ///
    /// - Throws: what opening a `SegmentStore` throws.
    public init(directory: String, options: StoreOptions = StoreOptions()) throws(StoreError) {
        let logger = Logger(label: "granary.segment-cache")
        var options = options
        options.onFirstEviction = { [limit = options.sizeLimit, callersOwn = options.onFirstEviction] in
            logger.notice("\(directory): the size limit of \(limit ?? 0) bytes is reached; entries leave from now on")
            callersOwn?()
        }
        store = try SegmentStore(directory: directory, options: options)
        self.options = options
        for finding in store.recoveryReport.findings where finding.isDamage { logger.warning("\(finding)") }
    }

    /// Opens the cache with a limit on its size; otherwise as `init(directory:options:)`.
    ///
    /// - Parameters:
    ///   - directory: Where the cache is.
    ///   - sizeLimit: The most bytes that the directory takes on the disk, at least 1 MiB; nil: as many as there are. It
    ///     holds for this opening and is not stored.
    ///   - eviction: What leaves when the limit is reached.
    ///   - options: Everything else about the store; what they say of these two does not count.
    /// - Throws: what opening a `SegmentStore` throws; `.invalidSizeLimit` below 1 MiB.
    public convenience init(
        directory: String,
        sizeLimit: Int?,
        eviction: StoreOptions.Eviction = .s3fifo,
        options: StoreOptions = StoreOptions()
    ) throws(StoreError) {
        var options = options
        options.sizeLimit = sizeLimit
        options.eviction = eviction
        try self.init(directory: directory, options: options)
    }

    // MARK: CacheStrategy

    /// The value of the key.
    ///
    /// - Throws: `StoreError` once the cache is closed.
    public func get(_ key: String) async throws -> CacheValue? { try read(key) }

    func read(_ key: String) throws -> CacheValue? {
        try store.withEntry(key.utf8.span.bytes) { entry, value in
            CacheValue(value.withUnsafeBytes { Array($0) }, coding: ValueCoding(rawValue: entry.callerByte))
        }
    }

    /// The value of the key, and when it ends; found by one look-up, as `get` does.
    ///
    /// - Throws: `StoreError` once the cache is closed.
    public func hit(_ key: String) async throws -> CacheHit? { try find(key) }

    /// The values of many keys, and when they end.
    ///
    /// - Throws: `StoreError` once the cache is closed.
    public func hits(_ keys: [String]) async throws -> [CacheHit?] { try keys.map(find) }

    private func find(_ key: String) throws(StoreError) -> CacheHit? {
        try store.withEntry(key.utf8.span.bytes) { entry, value in
            CacheHit(
                CacheValue(value.withUnsafeBytes { Array($0) }, coding: ValueCoding(rawValue: entry.callerByte)),
                end: entry.expiry.map { .at($0) } ?? .never
            )
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
            tag: options.tag.flatMap(storedTag),
            callerByte: value.coding.rawValue
        )
    }

    /// The tag as it is kept; nil for an empty one, which is none.
    private func storedTag(_ tag: String) -> [UInt8]? { tag.isEmpty ? nil : Array(tag.utf8.prefix(255)) }

    /// Where every set is forced, or may have to wait for room, it waits for the disk, which no cooperative thread may do;
    /// and a batch that is compressed as far as it goes can take a second, which none should.
    private func writing(_ body: @escaping @Sendable (SegmentStore) throws(StoreError) -> Void) async throws {
        if options.compression.isSlow {
            try await StoreThread.computing.run { [store] in try body(store) }
        } else if options.durability == .everySet || options.sizeLimit != nil {
            try await StoreThread.waiting.run { [store] in try body(store) }
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
        try await StoreThread.waiting.run { [store] in try store.remove(key) }
    }

    /// Removes every entry and gives the disk space back.
    ///
    /// - Throws: `StoreError`, as `SegmentStore.removeAll` does.
    public func removeAll() async throws {
        try await StoreThread.waiting.run { [store] in try store.removeAll() }
    }

    /// Removes every entry that was set with the tag; returns how many there were. Those that are set meanwhile may stay
    /// or go.
    ///
    /// - Throws: `StoreError`, as `SegmentStore.removeAll(taggedWith:)` does.
    @discardableResult
    public func removeAll(taggedWith tag: String) async throws -> Int {
        guard let tag = storedTag(tag) else { return 0 }
        return try await StoreThread.waiting.run { [store] in try store.removeAll(taggedWith: tag) }
    }

    /// Entries stored; those that expired unseen are among them.
    public func count() async throws -> Int {
        try store.checkReadable()
        return store.count
    }

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
    public func flush() async throws { try await StoreThread.waiting.run { [store] in try store.flush() } }

    /// Forces everything stored to the disk and lets the directory go; a second call does nothing.
    ///
    /// - Throws: `StoreError`, as `SegmentStore.close` does.
    public func close() async throws { try await StoreThread.waiting.run { [store] in try store.close() } }
}

extension StoreOptions.Compression {
    fileprivate var isSlow: Bool {
        if case .compactLZ4 = self { true } else { false }
    }
}
