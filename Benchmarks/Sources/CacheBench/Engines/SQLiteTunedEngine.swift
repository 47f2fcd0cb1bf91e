import CLimit
import Foundation
import SegmentStore
import Synchronization

/// The fastest SQLite that keeps the same promise: the key's hash is the row's number, so that one search of one tree
/// finds the value; the file is mapped; it is locked for good, so that no call asks for a lock; and a transaction for
/// reading stays open until something is written. Pages are read where they are mapped, so that the cache of pages is small:
/// every commit walks through it. The log is not copied into the file before it has 1.6 GB.
///
/// Locked for good, a file takes one connection, which threads share.
final class SQLiteTunedEngine: FindingEngine {
    private let connection: Mutex<TunedConnection>

    init(directory: String) throws { connection = Mutex(try TunedConnection(directory + "/cache.db")) }

    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws {
        try connection.withLock { try $0.set(key, to: value) }
    }

    func set(_ batch: [BatchEntry]) throws {
        try connection.withLock { connection in
            try connection.transact { connection in
                for entry in batch { try entry.withBytes { try connection.set($0, to: $1) } }
            }
        }
    }

    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Bool) throws -> Bool? {
        try connection.withLock { try $0.find(key, body) }
    }

    func remove(_ key: UnsafeRawBufferPointer) throws { try connection.withLock { try $0.remove(key) } }
    func settle() throws { try connection.withLock { try $0.checkpoint() } }
    func close() throws { try connection.withLock { try $0.close() } }
}

/// `@unchecked`: it is only ever used under the lock.
private final class TunedConnection: @unchecked Sendable {
    private let connection: SQLiteConnection
    private let begin, beginWriting, commit, select, insert, delete: SQLiteStatement
    private var isReading = false
    private var entry: [UInt8] = []

    init(_ path: String) throws {
        connection = try SQLiteConnection(path)
        try connection.execute(
            """
            PRAGMA page_size = 4096;
            PRAGMA locking_mode = EXCLUSIVE;
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = NORMAL;
            PRAGMA mmap_size = 1099511627776;
            PRAGMA cache_size = -2000;
            PRAGMA wal_autocheckpoint = 400000;
            CREATE TABLE IF NOT EXISTS entries (hash INTEGER PRIMARY KEY, entry BLOB NOT NULL);
            """
        )
        begin = try connection.prepare("BEGIN")
        beginWriting = try connection.prepare("BEGIN IMMEDIATE")
        commit = try connection.prepare("COMMIT")
        select = try connection.prepare("SELECT entry FROM entries WHERE hash = ?")
        insert = try connection.prepare(
            """
            INSERT INTO entries VALUES (?1, ?2) ON CONFLICT (hash) DO UPDATE SET entry = excluded.entry
            WHERE substr(entry, 1, ?3) = substr(excluded.entry, 1, ?3)
            """
        )
        delete = try connection.prepare("DELETE FROM entries WHERE hash = ?1 AND substr(entry, 1, ?3) = ?2")
    }

    /// Another key of the same hash is at the next number, as in a table with open addressing. Keys are of one length.
    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws {
        try endReading()
        entry.removeAll(keepingCapacity: true)
        entry.append(contentsOf: key)
        entry.append(contentsOf: value)
        var hash = Self.hash(key)
        try entry.withUnsafeBytes { entry in
            repeat {
                insert.bind(1, integer: hash)
                insert.bind(2, blob: entry)
                insert.bind(3, integer: Int64(key.count))
                try insert.run()
                hash &+= 1
            } while connection.changes == 0
        }
    }

    func transact(_ body: (TunedConnection) throws -> Void) throws {
        try endReading()
        try beginWriting.run()
        try body(self)
        try commit.run()
    }

    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Bool) throws -> Bool? {
        if !isReading {
            try begin.run()
            isReading = true
        }
        var hash = Self.hash(key)
        while true {
            select.bind(1, integer: hash)
            var isFound = false
            let answer = try select.first { row in
                let stored = row.blob(0)
                guard stored.count >= key.count, let left = stored.baseAddress, let right = key.baseAddress,
                    memcmp(left, right, key.count) == 0
                else { return false }
                isFound = true
                return try body(UnsafeRawBufferPointer(rebasing: stored[key.count...]))
            }
            if answer == nil || isFound { return answer }
            hash &+= 1
        }
    }

    func remove(_ key: UnsafeRawBufferPointer) throws {
        try endReading()
        delete.bind(1, integer: Self.hash(key))
        delete.bind(2, blob: key)
        delete.bind(3, integer: Int64(key.count))
        try delete.run()
    }

    func checkpoint() throws {
        try endReading()
        try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    }

    func close() throws {
        try endReading()
        try connection.close()
    }

    private func endReading() throws {
        guard isReading else { return }
        try commit.run()
        isReading = false
    }

    @inline(__always)
    private static func hash(_ key: UnsafeRawBufferPointer) -> Int64 {
        Int64(bitPattern: key.baseAddress.map { limit_hash($0, key.count) } ?? 0)
    }
}
