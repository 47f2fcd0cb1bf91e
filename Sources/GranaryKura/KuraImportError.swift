internal import Glibc

/// Why a directory could not be read as a cache of Kura's: one code to act on, and where.
public struct KuraImportError: Error, Sendable, Equatable {
    /// What a caller can act on.
    public enum Code: Sendable, Equatable {
        /// There is no directory, or no `cache.db` in it.
        case notFound
        /// The database is no diskcache, or its journal is one that is not read.
        case notACache
        /// The system refuses access.
        case permissionDenied
        /// A symbolic link, or something else than a regular file: neither is read.
        case refused
        /// Others keep writing to the cache.
        case inUse
        /// There is no room for the copy that is read.
        case noSpace
        /// SQLite finds the database damaged.
        case damaged
        /// The system or SQLite failed in another way.
        case inputOutput
    }

    /// What a caller can act on.
    public var code: Code
    /// The file or directory.
    public var path: String
    /// What happened, and what to do about it.
    public var detail: String

    init(_ code: Code, path: String, detail: String) {
        self.code = code
        self.path = path
        self.detail = detail
    }

    /// The error of a failed system call.
    init(number: Int32, path: String, doing action: String) {
        let (code, remedy): (Code, String) =
            switch number {
            case ENOENT, ENOTDIR: (.notFound, "give the directory that Kura's cache is in, where cache.db is")
            case ELOOP: (.refused, "it is a symbolic link, which is not followed; put the file itself there")
            case EACCES, EPERM: (.permissionDenied, "check the permissions")
            case ENOSPC, EDQUOT, EFBIG: (.noSpace, "free disk space, or let TMPDIR name a directory with room")
            default: (.inputOutput, "check the device and the system's log")
            }
        self.init(code, path: path, detail: "\(action) failed: \(String(cString: strerror(number))); \(remedy)")
    }
}

extension KuraImportError: CustomStringConvertible {
    /// The path and the cause, in a line.
    public var description: String { "\(path): \(detail)" }
}
