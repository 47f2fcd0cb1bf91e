import Glibc

/// What went wrong in a segment store: one code to act on, and where.
public struct StoreError: Error, Sendable, Equatable {
    /// What a caller can act on.
    public enum Code: Sendable, Equatable {
        /// The store was closed.
        case closed
        /// The process is a forked child of the one that opened the store.
        case forkedChild
        /// A change was asked of a store that was opened for reading.
        case readOnly
        /// Another opener holds the write lock; `holder` names it.
        case locked
        /// The directory does not exist.
        case notFound
        /// The path is not a directory.
        case notADirectory
        /// The system refuses access, or the file system is mounted read-only.
        case permissionDenied
        /// The disk or the quota is full.
        case noSpace
        /// The store's size limit leaves no room, and nothing may be evicted.
        case full
        /// The size limit is below 1 MiB.
        case invalidSizeLimit
        /// A segment is of a newer format or requires features that this library lacks; nothing was touched.
        case unsupportedFormat
        /// The file system lacks what writing safely needs.
        case unsupportedFileSystem
        /// A key is empty or longer than 65,535 bytes.
        case invalidKey
        /// A value is larger than 1 GiB, or its record than an eighth of the size limit.
        case valueTooLarge
        /// A tag is empty or longer than 255 bytes.
        case invalidTag
        /// The store has as many segments as a process can map.
        case tooManySegments
        /// Memory for the index could not be had.
        case outOfMemory
        /// An earlier failed flush stopped all writes; reopening recovers.
        case writesStopped
        /// A system call failed in another way; `number` says how.
        case inputOutput
    }

    /// What a caller can act on.
    public var code: Code
    /// The file or directory concerned.
    public var path: String?
    /// The byte of the file concerned, from its start.
    public var offset: Int?
    /// The system's error number (`errno`), where a system call failed.
    public var number: Int32?
    /// Who holds the lock.
    public var holder: LockHolder?
    /// What was done when it failed, and what to do about it.
    public var detail: String

    init(
        _ code: Code,
        path: String? = nil,
        offset: Int? = nil,
        number: Int32? = nil,
        holder: LockHolder? = nil,
        detail: String
    ) {
        self.code = code
        self.path = path
        self.offset = offset
        self.number = number
        self.holder = holder
        self.detail = detail
    }

    /// The error of a failed system call.
    init(_ error: SystemError, path: String, offset: Int? = nil, doing action: String) {
        let code: Code
        let remedy: String
        switch error.number {
        case ENOSPC, EDQUOT:
            code = .noSpace
            remedy = "free disk space or raise the quota, then try again"
        case EACCES, EPERM, EROFS:
            code = .permissionDenied
            remedy = "check the permissions and whether the file system is mounted read-only"
        case ENOENT:
            code = .notFound
            remedy = "check the path"
        case ENOTDIR:
            code = .notADirectory
            remedy = "check the path"
        case ENOMEM:
            code = .outOfMemory
            remedy = "raise the limits on memory or on mappings (vm.max_map_count)"
        case EOPNOTSUPP:
            code = .unsupportedFileSystem
            remedy = "use a local file system such as ext4, xfs or tmpfs"
        default:
            code = .inputOutput
            remedy = "check the device and the system's log"
        }
        let cause = String(cString: strerror(error.number))
        self.init(
            code,
            path: path,
            offset: offset,
            number: error.number,
            detail: "\(action) failed: \(error.call): \(cause); \(remedy)"
        )
    }
}

extension StoreError: CustomStringConvertible {
    /// The path, the place and the cause, in a line.
    public var description: String {
        var text = ""
        if let path { text += path }
        if let offset { text += " at byte \(offset)" }
        return text.isEmpty ? detail : "\(text): \(detail)"
    }
}

/// The process that holds a store's write lock, as it wrote itself into the lock file.
public struct LockHolder: Sendable, Equatable {
    /// Its process id, in the namespace of its host.
    public var processID: Int
    /// Its host's name.
    public var host: String
    /// When it took the lock, in seconds since 1970.
    public var since: Int
}
