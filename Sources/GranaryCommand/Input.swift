import Glibc
import GranarySummaries

/// Reading files and standard input whole.
enum Input {
    /// The bytes of the file, or of standard input for `-`; at most `limit` of them.
    static func bytes(of path: String, limit: Int = .max) throws(CommandFailure) -> [UInt8] {
        if path == "-" { return try bytes(from: 0, named: "standard input", limit: limit) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CommandFailure(.failed, "\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        return try bytes(from: descriptor, named: path, limit: limit)
    }

    private static func bytes(from descriptor: CInt, named name: String, limit: Int) throws(CommandFailure) -> [UInt8] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = part.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw CommandFailure(.failed, "\(name): \(String(cString: strerror(errno)))")
            }
            bytes.append(contentsOf: part[..<count])
            if bytes.count > limit {
                throw CommandFailure(.failed, "\(name): more than \(limit) bytes; that is the limit")
            }
        }
    }
}

/// Writes files whole.
enum OutputFile {
    /// Writes beside the place and renames.
    ///
    /// A path that is no regular file, such as `/dev/null` or a pipe, is written and never replaced; through a symbolic
    /// link the file that it names is replaced. An existing file's mode stays.
    static func write(_ bytes: [UInt8], to path: String) throws(CommandFailure) {
        var status = stat()
        let exists = stat(path, &status) == 0
        do throws(WholeFileError) {
            if exists && status.st_mode & S_IFMT != S_IFREG { return try WholeFile.write(path, bytes, flags: 0) }
            let mode = exists ? status.st_mode & 0o7777 : nil
            try WholeFile.replace(exists ? resolved(path) : path, with: bytes, mode: mode)
        } catch {
            throw CommandFailure(.failed, "\(error)")
        }
    }

    /// Refuses a path that `write` would refuse, before anything is paid for what is to go there.
    ///
    /// Nothing is made, opened or changed. A full disk still shows only when the file is written.
    static func requireWritable(_ path: String) throws(CommandFailure) {
        guard let fault = writeFault(path) else { return }
        throw CommandFailure(.failed, "\(path): \(String(cString: strerror(fault)))")
    }

    /// The error that writing the path would end in, as far as can be told; nil: none.
    private static func writeFault(_ path: String) -> CInt? {
        var status = stat()
        let exists = stat(path, &status) == 0
        if !exists && (errno != ENOENT || path.isEmpty) { return errno }
        switch exists ? status.st_mode & S_IFMT : S_IFREG {
        case S_IFDIR: return EISDIR
        case S_IFREG:
            // It is replaced, or made: its own mode counts for nothing.
            let place = resolved(path)
            if access(WholeFile.unfinished(place), F_OK) != 0 && errno == ENAMETOOLONG { return ENAMETOOLONG }
            return access(WholeFile.directory(of: place), W_OK | X_OK) == 0 ? nil : errno
        default: return access(path, W_OK) == 0 ? nil : errno
        }
    }

    private static func resolved(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
