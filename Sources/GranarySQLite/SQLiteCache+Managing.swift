internal import Foundation
internal import GRDB
public import Granary
internal import Synchronization

extension SQLiteCache {
    /// Removes the key's entry; false if it had none.
    ///
    /// - Throws: `SQLiteCacheError` where the database cannot be written.
    @discardableResult
    public func remove(_ key: String) async throws -> Bool {
        let key = Data(key.utf8)
        let now = now
        return try await connections.write { try StoredEntry.remove(key, from: $0, now: now) }
    }

    /// Removes every entry and gives the disk space back, unless other processes' reads stand in the way.
    ///
    /// - Throws: `SQLiteCacheError` where the database cannot be written.
    public func removeAll() async throws {
        try await connections.write { try $0.execute(sql: "DELETE FROM entries") }
        // What is not given back now is used again.
        try? await connections.writeAlone { try Self.shrink($0) }
    }

    /// Removes every entry that was set with the tag; returns how many there were, those that had expired not counted. Those
    /// that are set meanwhile may stay or go.
    ///
    /// - Throws: `SQLiteCacheError` where the database cannot be written; some may be removed.
    @discardableResult
    public func removeAll(taggedWith tag: String) async throws -> Int {
        guard let tag = StoredEntry.storedTag(tag) else { return 0 }
        let now = now
        let last = try await connections.read { try Int64.fetchOne($0, sql: "SELECT max(sequence) FROM entries") }
        var count = 0
        while true {
            let removed = try await connections.write { database in
                try Bool.fetchAll(
                    database.cachedStatement(
                        sql: """
                            DELETE FROM entries WHERE sequence IN
                                (SELECT sequence FROM entries WHERE tag = ? AND sequence <= ?
                                 LIMIT \(Self.entriesInATransaction))
                            RETURNING coalesce(expiry > ?, TRUE)
                            """
                    ),
                    arguments: [tag, last, now]
                )
            }
            count += removed.count { $0 }
            if removed.count < Self.entriesInATransaction { return count }
        }
    }

    /// Entries stored; those that have expired are among them until a set removes them, 16 at a time. All are counted anew
    /// at each call, a million in some tens of milliseconds.
    ///
    /// - Throws: `SQLiteCacheError` where the database cannot be read.
    public func count() async throws -> Int {
        try await connections.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM entries") ?? 0 }
    }

    /// The keys that begin with the prefix, in the order of their bytes, read in parts of 1,000.
    public func keys(hasPrefix prefix: String) -> CacheKeys {
        let prefix = Data(prefix.utf8)
        let end = Self.end(ofKeysWith: prefix)
        return CacheKeys(from: prefix) { [self] start in
            let now = now
            let keys = try await connections.read { database in
                try Data.fetchAll(
                    database.cachedStatement(
                        sql: """
                            SELECT key FROM entries
                            WHERE key >= ? AND key < ? AND (expiry IS NULL OR expiry > ?)
                            ORDER BY key LIMIT \(Self.entriesInATransaction)
                            """
                    ),
                    arguments: [start, end, now]
                )
            }
            // No key lies between one and itself with a zero behind it.
            let next = keys.count < Self.entriesInATransaction ? nil : keys.last.map { $0 + [0] }
            return (keys.compactMap { String(validating: $0, as: UTF8.self) }, next)
        }
    }

    /// The bytes behind all keys of UTF-8 that begin with the prefix, in which no byte is 255.
    private static func end(ofKeysWith prefix: Data) -> Data {
        guard let last = prefix.last else { return Data([.max]) }
        return prefix.dropLast() + [last + 1]
    }

    /// Bytes that the database takes on the disk, with its log and the log's index.
    public func byteCount() async throws -> Int {
        try await connections.read { [path = connections.path] _ in DatabaseFile.allocatedBytes(path) }
    }

    /// The figures since the cache was opened.
    public func statistics() async throws -> CacheStatistics { figures.statistics }

    /// Entries that left for want of room since the cache was opened, through this opener.
    public var evictionCount: Int { evictions.load(ordering: .relaxed) }

    /// Forces everything stored to the disk, by other processes too.
    ///
    /// - Throws: `SQLiteCacheError` where the database cannot be written.
    public func flush() async throws {
        let durability = options.durability
        try await connections.writeAlone { database in
            // A commit that is forced forces the log up to itself, and a checkpoint has forced what the log no longer has.
            try database.execute(sql: "PRAGMA synchronous = FULL")
            defer {
                if durability == .checkpoints { try? database.execute(sql: "PRAGMA synchronous = NORMAL") }
            }
            try database.inTransaction(.immediate) {
                // Writes the first page, with what is there.
                try database.execute(sql: "PRAGMA user_version = \(Schema.version)")
                return .commit
            }
        }
    }

    /// Removes what has expired and rewrites the database without free pages; returns the bytes by which it shrank. Sets
    /// wait meanwhile, and the disk needs room for a copy.
    ///
    /// - Throws: `SQLiteCacheError` where the database cannot be written.
    @discardableResult
    public func compact() async throws -> Int {
        let before = DatabaseFile.allocatedBytes(connections.path)
        let now = now
        // As much in each transaction as a batch removes.
        while try await connections.write({ [room] in try room.removeExpired(in: $0, now: now, forSetsOf: 60) }) > 0 {}
        try await connections.writeAlone { try Self.shrink($0) }
        return before - DatabaseFile.allocatedBytes(connections.path)
    }

    /// Rewrites the database without free pages, and empties the log.
    private static func shrink(_ database: Database) throws {
        try database.execute(sql: "VACUUM")
        _ = try database.checkpoint(.truncate)
    }

    /// Forces everything stored to the disk and closes the file; a second call does nothing.
    ///
    /// - Throws: `SQLiteCacheError` where forcing or closing fails; the cache is closed all the same.
    public func close() async throws {
        guard connections.isOpen else { return }
        do {
            try await flush()
        } catch {
            try await connections.close()
            // Somebody else closes it too.
            if let error = error as? SQLiteCacheError, error.code == .closed { return }
            throw error
        }
        try await connections.close()
    }
}
