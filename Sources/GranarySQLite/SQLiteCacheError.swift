internal import GRDB
internal import Glibc
public import Granary

/// What went wrong in a cache in an SQLite database: one code to act on, and where.
public struct SQLiteCacheError: Error, Sendable, Equatable {
    /// What a caller can act on.
    public enum Code: Sendable, Equatable {
        /// The cache was closed.
        case closed
        /// The system refuses access, or the file system is mounted read-only.
        case permissionDenied
        /// The file cannot be made where the path says: what should be a directory is none, or what should be a file is one.
        case invalidPath
        /// The file is no SQLite database; it was not touched.
        case notADatabase
        /// The file is an SQLite database of something else; it was not touched.
        case foreignDatabase
        /// The database was made by a newer version of this library; it was not touched.
        case newerSchema
        /// SQLite finds the database damaged.
        case damaged
        /// The disk or the quota is full.
        case noSpace
        /// Others kept the database locked for longer than the busy timeout.
        case busy
        /// A key is empty or longer than 65,535 bytes.
        case invalidKey
        /// A value is larger than SQLite stores, or than the size limit has room for.
        case valueTooLarge
        /// The size limit is below 1 MiB.
        case invalidSizeLimit
        /// The system or SQLite failed in another way; `number` says how.
        case inputOutput
    }

    /// What a caller can act on.
    public var code: Code
    /// The database file, or the directory that is meant to hold it.
    public var path: String
    /// SQLite's extended result code, where SQLite failed.
    public var number: Int32?
    /// What happened, and what to do about it.
    public var detail: String

    init(_ code: Code, path: String, number: Int32? = nil, detail: String) {
        self.code = code
        self.path = path
        self.number = number
        self.detail = detail
    }
}

extension SQLiteCacheError: CacheRefusal {
    /// True for keys and values that no database takes, or none of this size.
    public var isRefusal: Bool { code == .invalidKey || code == .valueTooLarge }
}

extension SQLiteCacheError: CustomStringConvertible {
    /// The path and the cause, in a line.
    public var description: String { "\(path): \(detail)" }
}

extension SQLiteCacheError {
    /// The error for whatever a call on the database threw.
    init(_ error: any Error, path: String) {
        switch error {
        case let error as SQLiteCacheError: self = error
        case let error as DatabaseError: self.init(error, path: path)
        case let error as RowDecodingError:
            self.init(.damaged, path: path, detail: "\(error); \(Self.remedyForDamage)")
        default: self.init(.inputOutput, path: path, detail: "\(error)")
        }
    }

    private static let remedyForDamage =
        "delete the file with its -wal and -shm companions, and let what it held be computed again"

    private init(_ error: DatabaseError, path: String) {
        let code: Code
        let remedy: String
        switch error.resultCode {
        case .SQLITE_FULL:
            (code, remedy) = (.noSpace, "free disk space or raise the quota, then try again")
        // How SQLite reports that the index of its log, which it maps into memory, cannot be made larger.
        case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_SHMSIZE:
            (code, remedy) = (.noSpace, "free disk space or raise the quota, then try again")
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL:
            (code, remedy) = (.busy, "another process writes for long; try again, or raise the busy timeout")
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            (code, remedy) = (
                .permissionDenied, "check the permissions and whether the file system is mounted read-only"
            )
        case .SQLITE_CANTOPEN:
            (code, remedy) = (
                .permissionDenied,
                "SQLite needs to make files beside the database: check the permissions of the directory and the limit on "
                    + "open files"
            )
        case .SQLITE_NOTADB:
            (code, remedy) = (.notADatabase, "give another path, or delete the file")
        case .SQLITE_CORRUPT:
            (code, remedy) = (.damaged, Self.remedyForDamage)
        case .SQLITE_MISUSE:
            (code, remedy) = (.closed, "open the cache again")
        case .SQLITE_TOOBIG:
            (code, remedy) = (.valueTooLarge, "store less under one key")
        default:
            (code, remedy) = (.inputOutput, "check the device and the system's log")
        }
        self.init(
            code,
            path: path,
            number: error.extendedResultCode.rawValue,
            detail: "SQLite says \"\(error.message ?? "nothing")\" (\(error.extendedResultCode.rawValue)); \(remedy)"
        )
    }

    /// The error of a failed system call.
    init(number: Int32, path: String, doing action: String) {
        let code: Code
        let remedy: String
        switch number {
        case ENOSPC, EDQUOT: (code, remedy) = (.noSpace, "free disk space or raise the quota, then try again")
        case EACCES, EPERM, EROFS:
            (code, remedy) = (
                .permissionDenied, "check the permissions and whether the file system is mounted read-only"
            )
        case ENOTDIR, EISDIR, ENOENT, ELOOP, ENAMETOOLONG: (code, remedy) = (.invalidPath, "check the path")
        default: (code, remedy) = (.inputOutput, "check the device and the system's log")
        }
        self.init(code, path: path, detail: "\(action) failed: \(String(cString: strerror(number))); \(remedy)")
    }
}
