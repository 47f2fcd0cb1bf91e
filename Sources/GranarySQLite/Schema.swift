internal import GRDB
internal import GRDBSQLite

/// The tables of the cache, and how a database is known to be one.
///
///     entries
///     sequence    rises with every set: the smallest is what was stored least recently
///     key         bytes of UTF-8, compared as bytes
///     expiry      milliseconds since 1970, or NULL: never
///     tag         up to 255 bytes, or NULL: none
///     coding      the value's `ValueCoding`
///     checksum    of everything but sequence and tag; see StoredEntry
///     value       bytes
///
/// A value stays in its row whatever its size. In a file of its own a large one would be read a little faster, but would
/// be stored and removed outside the transaction: a killed process would leave files without rows, and rows without
/// files.
/// It comes last, so that whoever looks at the other columns does not read through it.
enum Schema {
    /// "GRNY", in the header of every database that is a cache of this library.
    static let applicationID: Int64 = 0x4752_4E59
    /// Rises when the tables change.
    static let version: Int64 = 1

    private static let creation = """
        CREATE TABLE entries (
            sequence INTEGER PRIMARY KEY,
            key BLOB NOT NULL UNIQUE,
            expiry INTEGER,
            tag BLOB,
            coding INTEGER NOT NULL,
            checksum INTEGER NOT NULL,
            value BLOB NOT NULL
        ) STRICT;
        CREATE INDEX entries_by_expiry ON entries (expiry) WHERE expiry IS NOT NULL;
        CREATE INDEX entries_by_tag ON entries (tag) WHERE tag IS NOT NULL;
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(version);
        """

    /// Refuses a file that SQLite could open for reading only, as it does without a word.
    static func checkWritable(_ database: Database, path: String) throws {
        if !database.configuration.readonly, sqlite3_db_readonly(database.sqliteConnection, "main") != 0 {
            throw SQLiteCacheError(
                .permissionDenied,
                path: path,
                detail: "the file may not be written; check its permissions and whether the file system is mounted "
                    + "read-only"
            )
        }
    }

    /// Refuses what is no cache of this version, before anything is changed; true if the database is empty.
    @discardableResult
    static func check(_ database: Database, path: String) throws -> Bool {
        var isEmpty = false
        // As it is at one moment: another process may be making the tables.
        try database.inTransaction(.deferred) {
            isEmpty = try checkVersion(database, path: path)
            return .commit
        }
        return isEmpty
    }

    private static func checkVersion(_ database: Database, path: String) throws -> Bool {
        let application = try number(database, "PRAGMA application_id")
        let version = try number(database, "PRAGMA user_version")
        if application == 0, version == 0, try number(database, "SELECT count(*) FROM sqlite_schema") == 0 {
            return true
        }
        guard application == applicationID else {
            throw SQLiteCacheError(
                .foreignDatabase,
                path: path,
                detail: "this is the database of another program; give another path"
            )
        }
        guard version == Self.version else {
            throw SQLiteCacheError(
                .newerSchema,
                path: path,
                detail: "the cache is of version \(version), and this library knows \(Self.version); update the "
                    + "program, or give another path"
            )
        }
        return false
    }

    /// Makes the tables unless they are there. They are looked for again with the right to write, so that of several
    /// processes one makes them; who finds them does not wait for that right.
    static func create(_ database: Database, path: String) throws {
        guard try check(database, path: path) else { return }
        try database.inTransaction(.immediate) {
            if try checkVersion(database, path: path) { try database.execute(sql: creation) }
            return .commit
        }
    }

    private static func number(_ database: Database, _ sql: String) throws -> Int64 {
        try Int64.fetchOne(database, sql: sql) ?? 0
    }
}
