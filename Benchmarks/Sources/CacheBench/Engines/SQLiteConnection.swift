import CSQLite
import Foundation

/// A connection to an SQLite database, used by one thread at a time.
///
/// `@unchecked`: its owners see to that.
final class SQLiteConnection: @unchecked Sendable {
    private let handle: OpaquePointer
    private var statements: [SQLiteStatement] = []

    init(_ path: String) throws {
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        guard sqlite3_open_v2(path, &handle, flags, nil) == SQLITE_OK, let handle else {
            throw BenchError("\(path): \(String(cString: sqlite3_errmsg(handle)))")
        }
        self.handle = handle
        sqlite3_busy_timeout(handle, 60_000)
    }

    func execute(_ sql: String) throws {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw error("\(sql)") }
    }

    /// A statement that lives as long as the connection.
    func prepare(_ sql: String) throws -> SQLiteStatement {
        var statement: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        guard sqlite3_prepare_v3(handle, sql, -1, flags, &statement, nil) == SQLITE_OK, let statement else {
            throw error(sql)
        }
        statements.append(SQLiteStatement(statement, of: self))
        return statements[statements.count - 1]
    }

    /// Rows that the last statement has changed.
    var changes: Int { Int(sqlite3_changes(handle)) }

    func error(_ what: String) -> BenchError {
        BenchError("SQLite: \(String(cString: sqlite3_errmsg(handle))): \(what)")
    }

    func close() throws {
        for statement in statements { statement.finalize() }
        statements = []
        guard sqlite3_close(handle) == SQLITE_OK else { throw error("closing") }
    }
}

/// A prepared statement. What is bound is not copied and must stay until the statement has been run.
final class SQLiteStatement {
    private let handle: OpaquePointer
    private unowned(unsafe) let connection: SQLiteConnection

    fileprivate init(_ handle: OpaquePointer, of connection: SQLiteConnection) {
        self.handle = handle
        self.connection = connection
    }

    @inline(__always)
    func bind(_ index: Int32, text: UnsafeRawBufferPointer) {
        sqlite3_bind_text(handle, index, text.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(text.count), nil)
    }

    @inline(__always)
    func bind(_ index: Int32, blob: UnsafeRawBufferPointer) {
        sqlite3_bind_blob(handle, index, blob.baseAddress, Int32(blob.count), nil)
    }

    @inline(__always)
    func bind(_ index: Int32, integer number: Int64) { sqlite3_bind_int64(handle, index, number) }

    @inline(__always)
    func bind(_ index: Int32, real number: Double) { sqlite3_bind_double(handle, index, number) }

    @inline(__always)
    func blob(_ column: Int32) -> UnsafeRawBufferPointer {
        let base = sqlite3_column_blob(handle, column)
        return UnsafeRawBufferPointer(start: base, count: Int(sqlite3_column_bytes(handle, column)))
    }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// Runs the statement to its first row and gives that to the body; nil without one.
    @inline(__always)
    func first<Result>(_ body: (SQLiteStatement) throws -> Result) throws -> Result? {
        let code = sqlite3_step(handle)
        defer { sqlite3_reset(handle) }
        if code == SQLITE_DONE { return nil }
        guard code == SQLITE_ROW else { throw connection.error("step") }
        return try body(self)
    }

    /// Runs a statement that has no rows.
    @inline(__always)
    func run() throws {
        let code = sqlite3_step(handle)
        sqlite3_reset(handle)
        guard code == SQLITE_DONE else { throw connection.error("step") }
    }

    fileprivate func finalize() { sqlite3_finalize(handle) }
}
