import Glibc

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

/// Writes a file beside its place and renames it, so that whoever reads there sees the old or the new one, whole.
enum OutputFile {
    ///
    /// A path that is no regular file, such as `/dev/null` or a pipe, is written and never replaced; through a symbolic
    /// link the file that it names is replaced. An existing file's mode stays.
    static func write(_ bytes: [UInt8], to path: String) throws(CommandFailure) {
        var status = stat()
        let exists = stat(path, &status) == 0
        if exists && status.st_mode & S_IFMT != S_IFREG { return try create(path, bytes, flags: 0) }
        let path = exists ? resolved(path) : path
        let unfinished = "\(path).\(getpid()).unfinished"
        do throws(CommandFailure) {
            try create(unfinished, bytes, flags: O_CREAT | O_TRUNC)
            if exists { chmod(unfinished, status.st_mode & 0o7777) }
            guard rename(unfinished, path) == 0 else { throw failure(path) }
        } catch {
            unlink(unfinished)
            throw error
        }
    }

    private static func resolved(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func create(_ path: String, _ bytes: [UInt8], flags: CInt) throws(CommandFailure) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | flags, 0o666)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
            }
            if count < 0 && errno == EPIPE { return }
            if count < 0 && errno != EINTR { throw failure(path) }
            done += max(0, count)
        }
        // A full quota may show only here.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure(path) }
    }

    private static func failure(_ path: String) -> CommandFailure {
        CommandFailure(.failed, "\(path): \(String(cString: strerror(errno)))")
    }
}
