internal import Foundation
internal import GRDB
public import Granary
internal import Logging
internal import SegmentStore
internal import Synchronization

/// A strategy that keeps entries in one SQLite database on the local disk, which several processes may write to.
///
/// ```swift
/// let cache = try await SQLiteCache(file: ".cache/summaries.sqlite")
/// try await cache.set("question", to: CacheValue(Array("answer".utf8), coding: .text))
/// let count = try await cache.count()
/// for try await key in cache.keys(hasPrefix: "que") { print(key) }
/// try await cache.close()
/// ```
///
/// With a size limit, the entries that were stored least recently leave once the database would grow beyond it:
///
/// ```swift
/// let bounded = try await SQLiteCache(file: ".cache/summaries.sqlite", sizeLimit: 512 << 20)
/// ```
///
/// A get of one key is done on the thread that asks, like those of the default strategy, if a reading connection is free and
/// the value no longer than 64 KiB. Every other call suspends while threads of SQLite's connections do its work; one goes on
/// to its end if its task is cancelled. What `set` has returned survives the death of the process.
public final class SQLiteCache: ManagedCacheStrategy {
    /// Entries that a transaction stores or removes at most, so that other writers get their turn.
    static let entriesInATransaction = 1_000
    /// Bytes of values that a transaction stores at most unless a single one has more, so that the log stays short.
    private static let bytesInATransaction = 4 << 20
    /// The longest value that is read on the thread that asks.
    private static let bytesSearchedFor = 64 << 10
    /// The longest key, as in the default strategy.
    private static let keyBytes = 65_535
    /// The largest row that SQLite stores is of a billion bytes; the rest is for the key, the tag and SQLite.
    private static let valueBytes = 999_900_000

    let connections: Connections
    let room: Room
    let options: SQLiteCacheOptions
    private let logger = Logger(label: "granary.sqlite-cache")
    let figures = CacheFigures()
    let evictions = Atomic(0)

    /// Opens the cache in the database file, which is created, with the directories that it lacks, if it does not exist. The
    /// first entry that leaves for want of room is logged under `granary.sqlite-cache`.
    ///
    /// - Throws: `SQLiteCacheError` where the file may not be written, is no cache, or is one of a newer version.
    public init(file: String, options: SQLiteCacheOptions = SQLiteCacheOptions()) async throws(SQLiteCacheError) {
        if let limit = options.sizeLimit, limit < 1 << 20 {
            throw SQLiteCacheError(
                .invalidSizeLimit,
                path: file,
                detail: "the size limit of \(limit) bytes is below 1 MiB; raise it"
            )
        }
        self.options = options
        room = Room(sizeLimit: options.sizeLimit)
        connections = try await Connections.open(file, options)
    }

    /// Opens the cache with a limit on its size; otherwise as `init(file:options:)`.
    ///
    /// - Parameters:
    ///   - file: Where the database is.
    ///   - sizeLimit: The most bytes that the pages in use of the database file take, at least 1 MiB; nil: as many as there
    ///     are. It holds for this opener and is not stored.
    ///   - options: Everything else; what they say of the limit does not count.
    /// - Throws: as `init(file:options:)`; `.invalidSizeLimit` below 1 MiB.
    public convenience init(
        file: String,
        sizeLimit: Int?,
        options: SQLiteCacheOptions = SQLiteCacheOptions()
    ) async throws(SQLiteCacheError) {
        var options = options
        options.sizeLimit = sizeLimit
        try await self.init(file: file, options: options)
    }

    // MARK: CacheStrategy

    /// The value of the key.
    ///
    /// - Throws: `SQLiteCacheError` where the database cannot be read.
    public func get(_ key: String) async throws -> CacheValue? { try await hit(key)?.value }

    /// The values of many keys, as they are at one moment.
    ///
    /// - Throws: `SQLiteCacheError` where the database cannot be read.
    public func get(_ keys: [String]) async throws -> [CacheValue?] { try await hits(keys).map { $0?.value } }

    /// The value of the key, and when it ends.
    ///
    /// - Throws: `SQLiteCacheError` where the database cannot be read.
    public func hit(_ key: String) async throws -> CacheHit? {
        let key = Data(key.utf8)
        let now = now
        let found = try connections.search { database in
            try StoredEntry.find(key, in: database, now: now, longest: Self.bytesSearchedFor)
        }
        if case let found?? = found { return counted(found) }
        return counted(try await connections.read { try StoredEntry.find(key, in: $0, now: now) })
    }

    /// The values of many keys, and when they end, as they are at one moment.
    ///
    /// - Throws: `SQLiteCacheError` where the database cannot be read.
    public func hits(_ keys: [String]) async throws -> [CacheHit?] {
        let now = now
        let found = try await connections.readSnapshot { database in
            try keys.map { try StoredEntry.find(Data($0.utf8), in: database, now: now) }
        }
        return found.map(counted)
    }

    private func counted(_ found: StoredEntry.Found) -> CacheHit? {
        switch found {
        case .hit(let hit):
            figures.noteHit()
            return hit
        case .nothing: figures.noteMiss()
        case .damaged: figures.noteMiss(isDamaged: true)
        }
        return nil
    }

    /// Stores the value under the key, which has 1 to 65,535 bytes of UTF-8. Of a tag the first 255 bytes are kept.
    ///
    /// - Throws: `SQLiteCacheError`: `.valueTooLarge` for a value that SQLite or the size limit has no room for, `.noSpace`,
    ///   `.busy` and others where the database cannot be written; nothing is changed then.
    public func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws {
        try await store([CacheEntry(key, value, options: options)][...])
    }

    /// Stores many entries in transactions of up to 1,000 entries or 4 MiB.
    ///
    /// - Throws: `SQLiteCacheError`, as `set` of one key; entries before the transaction that failed are stored.
    public func set(_ entries: [CacheEntry]) async throws {
        var rest = entries[...]
        while !rest.isEmpty {
            var byteCount = 0
            let part = rest.prefix(Self.entriesInATransaction).prefix { entry in
                defer { byteCount += entry.value.bytes.count }
                return byteCount < Self.bytesInATransaction
            }
            try await store(part)
            rest = rest[part.endIndex...]
        }
    }

    private func store(_ entries: ArraySlice<CacheEntry>) async throws {
        let time = options.clock.milliseconds()
        let stored = try entries.map { entry in
            try check(entry)
            return StoredEntry(entry, now: time)
        }
        let now = Int64(clamping: time)
        let evicted = try await connections.write { [room] database in
            let evicted = try stored.reduce(0) { evicted, entry in
                if room.isLimited { try StoredEntry.remove(entry.key, from: database, now: now) }
                let left = try room.make(for: entry.byteCount, in: database, now: now)
                try entry.insert(into: database)
                return evicted + left
            }
            try room.removeExpired(in: database, now: now, forSetsOf: stored.count)
            return evicted
        }
        figures.noteSets(stored.count)
        if evicted > 0 { noteEvictions(evicted) }
    }

    private func check(_ entry: CacheEntry) throws {
        guard (1...Self.keyBytes).contains(entry.key.utf8.count) else {
            throw SQLiteCacheError(
                .invalidKey,
                path: connections.path,
                detail: "a key of \(entry.key.utf8.count) bytes; use 1 to \(Self.keyBytes)"
            )
        }
        let byteCount = entry.value.bytes.count
        guard byteCount <= Self.valueBytes, room.mayHold(StoredEntry.byteCount(of: entry)) else {
            throw SQLiteCacheError(
                .valueTooLarge,
                path: connections.path,
                detail: "a value of \(byteCount) bytes; store less under one key, or raise the size limit"
            )
        }
    }

    private func noteEvictions(_ count: Int) {
        guard evictions.add(count, ordering: .relaxed).oldValue == 0 else { return }
        logger.notice(
            """
            \(connections.path): the size limit of \(options.sizeLimit ?? 0) bytes is reached; entries leave from now on
            """
        )
        options.onFirstEviction?()
    }

    /// The time in milliseconds since 1970.
    var now: Int64 { Int64(clamping: options.clock.milliseconds()) }
}
