internal import CLinux
internal import Glibc

/// A file or directory that is open for reading, until nobody holds it.
final class OpenFile: Sendable {
    let descriptor: CInt
    let path: String

    /// What never happens by itself: a symbolic link is followed, a FIFO waited for, the descriptor inherited.
    private static let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC

    /// A directory by its path, which may be, or lead through, a symbolic link.
    init(directory path: String) throws(KuraImportError) {
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        self.path = path
        if descriptor < 0 { throw KuraImportError(number: errno, path: path, doing: "opening the directory") }
    }

    /// What lies in a directory under the name; nil if nothing does.
    ///
    /// - Throws: also where it is a symbolic link, or is not what it is expected to be.
    init?(_ name: String, in directory: OpenFile, isDirectory: Bool = false) throws(KuraImportError) {
        path = directory.path + "/" + name
        descriptor = openat(directory.descriptor, name, Self.flags | (isDirectory ? O_DIRECTORY : 0))
        if descriptor < 0 {
            if errno == ENOENT { return nil }
            // Of a symbolic link the system says that it is no directory, where one is asked for.
            let number = errno == ENOTDIR ? ELOOP : errno
            throw KuraImportError(number: number, path: path, doing: "opening the file")
        }
        if !isDirectory, try state().mode & S_IFMT != S_IFREG {
            throw KuraImportError(.refused, path: path, detail: "it is no regular file, which is not read")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// What tells a file from another, and whether it has changed.
    struct State: Equatable {
        var mode: mode_t
        var inode: UInt64
        var byteCount: Int
        /// Seconds and nanoseconds of the last change to its bytes and of that to anything about it.
        var times: [Int]
    }

    func state() throws(KuraImportError) -> State {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw KuraImportError(number: errno, path: path, doing: "looking at the file")
        }
        let times = [status.st_mtim, status.st_ctim].flatMap { [$0.tv_sec, $0.tv_nsec] }
        return State(
            mode: status.st_mode,
            inode: UInt64(status.st_ino),
            byteCount: Int(status.st_size),
            times: times
        )
    }

    /// Up to so many bytes from the offset on; fewer at the end of the file.
    func bytes(at offset: Int, count: Int) throws(KuraImportError) -> [UInt8] {
        var failure: CInt = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let part = pread(
                    descriptor,
                    UnsafeMutableRawPointer(buffer.baseAddress.map { $0 + filled }),
                    count - filled,
                    off_t(offset + filled)
                )
                if part == 0 { break }
                if part < 0 && errno != EINTR {
                    failure = errno
                    break
                }
                filled += max(0, part)
            }
        }
        guard failure == 0 else { throw KuraImportError(number: failure, path: path, doing: "reading the file") }
        return bytes
    }

    enum Locking { case locked, heldByAnother, unsupported }

    /// Locks a part of the file against being written to by those who respect locks, for as long as the file is open.
    func lockForReading(_ start: Int, count: Int) -> Locking {
        var lock = flock()
        lock.l_type = Int16(F_RDLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = off_t(start)
        lock.l_len = off_t(count)
        if granary_lock(descriptor, F_OFD_SETLK, &lock) == 0 { return .locked }
        return errno == EAGAIN || errno == EACCES ? .heldByAnother : .unsupported
    }
}
