package import Glibc

/// Why a file could not be written.
package struct WholeFileError: Error, CustomStringConvertible {
    package let path: String
    package let number: CInt

    init(_ path: String) {
        self.path = path
        number = errno
    }

    package var description: String { "\(path): \(String(cString: strerror(number)))" }
}

/// Files that are written beside their place, forced to the disk and renamed: whoever reads there sees the old or the new
/// one, whole.
package enum WholeFile {
    /// Replaces the file, or creates it; `mode` is that of a file that is there already.
    package static func replace(_ path: String, with bytes: [UInt8], mode: mode_t? = nil) throws(WholeFileError) {
        let unfinished = unfinished(path)
        do throws(WholeFileError) {
            try write(unfinished, bytes, flags: O_CREAT | O_TRUNC)
            if let mode { chmod(unfinished, mode) }
            guard rename(unfinished, path) == 0 else { throw WholeFileError(path) }
        } catch {
            unlink(unfinished)
            throw error
        }
        forceDirectory(of: path)
    }

    /// Writes the bytes to what the path names, as it is. A pipe whose reader has gone is no failure.
    package static func write(_ path: String, _ bytes: [UInt8], flags: CInt) throws(WholeFileError) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | flags, 0o666)
        guard descriptor >= 0 else { throw WholeFileError(path) }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
            }
            if count < 0 && errno == EPIPE { return }
            if count < 0 && errno != EINTR { throw WholeFileError(path) }
            done += max(0, count)
        }
        // A full quota may show only here.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw WholeFileError(path) }
    }

    /// The name lasts once the directory is forced; the file is whole in either case, so that a failure is none.
    private static func forceDirectory(of path: String) {
        let descriptor = open(directory(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// What the file is called until it is whole.
    package static func unfinished(_ path: String) -> String { "\(path).\(getpid()).unfinished" }

    /// Where the path's file is, or would be made.
    package static func directory(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path.prefix(through: $0)) } ?? "."
    }
}
