import Foundation
import SegmentStore

/// SQLite as python-diskcache 5.6.3 uses it, in C: its tables, indexes, triggers and pragmas, and the statements that its
/// `get` and `set` come to, prepared once; without Python. Every thread has a connection, as there.
///
/// Keys are text and values blobs, as Kura's are. Values below 32 KiB lie in the table there too.
final class SQLiteDiskcacheEngine: FindingEngine {
    private let connections: PerThread<DiskcacheConnection>

    init(directory: String, sizeLimit: Int?) throws {
        // Without a limit here: what diskcache would throw away beyond its gigabyte would be missed.
        let limit = Int64(sizeLimit ?? 1 << 50)
        let path = directory + "/cache.db"
        try DiskcacheConnection.createTables(path, sizeLimit: limit)
        connections = try PerThread { try DiskcacheConnection(path, sizeLimit: limit) }
    }

    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws {
        try connections.with { try $0.transact { try $0.set(key, to: value) } }
    }

    /// As within diskcache's `transact()`.
    func set(_ batch: [BatchEntry]) throws {
        try connections.with { connection in
            try connection.transact { connection in
                for entry in batch { try entry.withBytes { try connection.set($0, to: $1) } }
            }
        }
    }

    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Bool) throws -> Bool? {
        try connections.with { try $0.find(key, body) }
    }

    func remove(_ key: UnsafeRawBufferPointer) throws {
        try connections.with { try $0.transact { try $0.remove(key) } }
    }

    func settle() throws { try connections.with { try $0.checkpoint() } }

    func close() throws { for connection in connections.all { try connection.close() } }
}

/// One thread's connection and its statements.
///
/// `@unchecked`: it is used by the thread that holds it.
private final class DiskcacheConnection: @unchecked Sendable {
    private static let pragmas = """
        PRAGMA auto_vacuum = 1;
        PRAGMA cache_size = 8192;
        PRAGMA journal_mode = wal;
        PRAGMA mmap_size = 67108864;
        PRAGMA synchronous = 1;
        """
    /// Entries that leave at once at the limit.
    private static let cullLimit: Int64 = 10

    private let connection: SQLiteConnection
    private let pageSize: Int64
    private let sizeLimit: Int64
    private let begin, commit, rollback: SQLiteStatement
    private let select, selectRow, insert, update, delete: SQLiteStatement
    private let selectExpired, deleteExpired, selectOldest, deleteOldest: SQLiteStatement
    private let pageCount, storedSize: SQLiteStatement

    static func createTables(_ path: String, sizeLimit: Int64) throws {
        let connection = try SQLiteConnection(path)
        try connection.execute(pragmas)
        try connection.execute(
            """
            CREATE TABLE IF NOT EXISTS Settings (key TEXT NOT NULL UNIQUE, value);
            INSERT OR REPLACE INTO Settings VALUES ('size_limit', \(sizeLimit));
            INSERT OR IGNORE INTO Settings VALUES ('count', 0), ('size', 0), ('hits', 0), ('misses', 0);
            CREATE TABLE IF NOT EXISTS Cache (
                rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL, access_time REAL,
                access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0,
                filename TEXT, value BLOB
            );
            CREATE UNIQUE INDEX IF NOT EXISTS Cache_key_raw ON Cache (key, raw);
            CREATE INDEX IF NOT EXISTS Cache_expire_time ON Cache (expire_time);
            CREATE INDEX IF NOT EXISTS Cache_store_time ON Cache (store_time);
            CREATE TRIGGER IF NOT EXISTS Settings_count_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN
                UPDATE Settings SET value = value + 1 WHERE key = 'count'; END;
            CREATE TRIGGER IF NOT EXISTS Settings_count_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN
                UPDATE Settings SET value = value - 1 WHERE key = 'count'; END;
            CREATE TRIGGER IF NOT EXISTS Settings_size_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN
                UPDATE Settings SET value = value + NEW.size WHERE key = 'size'; END;
            CREATE TRIGGER IF NOT EXISTS Settings_size_update AFTER UPDATE ON Cache FOR EACH ROW BEGIN
                UPDATE Settings SET value = value + NEW.size - OLD.size WHERE key = 'size'; END;
            CREATE TRIGGER IF NOT EXISTS Settings_size_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN
                UPDATE Settings SET value = value - OLD.size WHERE key = 'size'; END;
            """
        )
        try connection.close()
    }

    init(_ path: String, sizeLimit: Int64) throws {
        connection = try SQLiteConnection(path)
        self.sizeLimit = sizeLimit
        try connection.execute(Self.pragmas)
        pageSize = try connection.prepare("PRAGMA page_size").first { $0.integer(0) } ?? 4_096
        begin = try connection.prepare("BEGIN IMMEDIATE")
        commit = try connection.prepare("COMMIT")
        rollback = try connection.prepare("ROLLBACK")
        select = try connection.prepare(
            """
            SELECT rowid, expire_time, tag, mode, filename, value FROM Cache
            WHERE key = ? AND raw = ? AND (expire_time IS NULL OR expire_time > ?)
            """
        )
        selectRow = try connection.prepare("SELECT rowid, filename FROM Cache WHERE key = ? AND raw = ?")
        insert = try connection.prepare(
            """
            INSERT INTO Cache (
                key, raw, store_time, expire_time, access_time, access_count, tag, size, mode, filename, value
            ) VALUES (?, ?, ?, NULL, ?, 0, NULL, 0, 1, NULL, ?)
            """
        )
        update = try connection.prepare(
            """
            UPDATE Cache SET
                store_time = ?, expire_time = NULL, access_time = ?, access_count = 0, tag = NULL, size = 0, mode = 1,
                filename = NULL, value = ?
            WHERE rowid = ?
            """
        )
        delete = try connection.prepare("DELETE FROM Cache WHERE key = ? AND raw = ?")
        let expired = "FROM Cache WHERE expire_time IS NOT NULL AND expire_time < ? ORDER BY expire_time LIMIT ?"
        selectExpired = try connection.prepare("SELECT filename \(expired)")
        deleteExpired = try connection.prepare("DELETE FROM Cache WHERE rowid IN (SELECT rowid \(expired))")
        selectOldest = try connection.prepare("SELECT filename FROM Cache ORDER BY store_time LIMIT ?")
        deleteOldest = try connection.prepare(
            "DELETE FROM Cache WHERE rowid IN (SELECT rowid FROM Cache ORDER BY store_time LIMIT ?)"
        )
        pageCount = try connection.prepare("PRAGMA page_count")
        storedSize = try connection.prepare("SELECT value FROM Settings WHERE key = 'size'")
    }

    func transact(_ body: (DiskcacheConnection) throws -> Void) throws {
        try begin.run()
        do {
            try body(self)
        } catch {
            try? rollback.run()
            throw error
        }
        try commit.run()
    }

    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws {
        let now = Self.now
        selectRow.bind(1, text: key)
        selectRow.bind(2, integer: 1)
        if let row = try selectRow.first({ $0.integer(0) }) {
            update.bind(1, real: now)
            update.bind(2, real: now)
            update.bind(3, blob: value)
            update.bind(4, integer: row)
            try update.run()
        } else {
            insert.bind(1, text: key)
            insert.bind(2, integer: 1)
            insert.bind(3, real: now)
            insert.bind(4, real: now)
            insert.bind(5, blob: value)
            try insert.run()
        }
        try cull(now)
    }

    /// What a set of diskcache ends with: up to ten entries leave, expired ones first, then those stored least recently if
    /// the cache is beyond its limit.
    private func cull(_ now: Double) throws {
        selectExpired.bind(1, real: now)
        selectExpired.bind(2, integer: Self.cullLimit)
        if try selectExpired.first({ _ in true }) == true {
            deleteExpired.bind(1, real: now)
            deleteExpired.bind(2, integer: Self.cullLimit)
            try deleteExpired.run()
        }
        let pages = try pageCount.first { $0.integer(0) } ?? 0
        let stored = try storedSize.first { $0.integer(0) } ?? 0
        guard pages * pageSize + stored >= sizeLimit else { return }
        selectOldest.bind(1, integer: Self.cullLimit)
        guard try selectOldest.first({ _ in true }) == true else { return }
        deleteOldest.bind(1, integer: Self.cullLimit)
        try deleteOldest.run()
    }

    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Bool) throws -> Bool? {
        select.bind(1, text: key)
        select.bind(2, integer: 1)
        select.bind(3, real: Self.now)
        return try select.first { try body($0.blob(5)) }
    }

    func remove(_ key: UnsafeRawBufferPointer) throws {
        delete.bind(1, text: key)
        delete.bind(2, integer: 1)
        try delete.run()
    }

    func checkpoint() throws { try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)") }
    func close() throws { try connection.close() }

    /// Seconds since 1970, which diskcache asks for in every call.
    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
