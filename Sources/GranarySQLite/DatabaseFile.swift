internal import Glibc

/// The file that holds the database: made with its directories, found under one name, measured on the disk.
enum DatabaseFile {
    /// Makes the file and the directories that it lacks, for their owner alone; returns its absolute path without symbolic
    /// links, next to which SQLite keeps its log.
    ///
    /// - Throws: where the path leads nowhere or the system refuses.
    static func create(_ path: String) throws(SQLiteCacheError) -> String {
        var failure = make(path)
        if failure == ENOENT {
            try createDirectory(parent(of: path))
            failure = make(path)
        }
        switch failure {
        case 0: try force(parent(of: path))
        case EEXIST: break
        default: throw SQLiteCacheError(number: failure, path: path, doing: "making the file")
        }
        guard let resolved = realpath(path, nil) else {
            throw SQLiteCacheError(number: errno, path: path, doing: "looking the file up")
        }
        defer { free(resolved) }
        let absolute = String(cString: resolved)
        var status = stat()
        guard stat(absolute, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SQLiteCacheError(.invalidPath, path: path, detail: "this is no file; give the path of one")
        }
        return absolute
    }

    /// Bytes that the database and what SQLite keeps beside it take on the disk.
    static func allocatedBytes(_ path: String) -> Int {
        ["", "-wal", "-shm"].reduce(0) { sum, suffix in
            var status = stat()
            return stat(path + suffix, &status) == 0 ? sum + Int(status.st_blocks) * 512 : sum
        }
    }

    /// Makes an empty file, which is an empty database.
    ///
    /// Not by `open`: closing a descriptor of a file gives up all locks that the process has on it, those of another
    /// SQLite connection among them.
    private static func make(_ path: String) -> Int32 { mknod(path, S_IFREG | 0o600, 0) == 0 ? 0 : errno }

    private static func createDirectory(_ path: String) throws(SQLiteCacheError) {
        var failure = mkdir(path, 0o700) == 0 ? 0 : errno
        if failure == ENOENT, parent(of: path) != path {
            try createDirectory(parent(of: path))
            failure = mkdir(path, 0o700) == 0 ? 0 : errno
        }
        switch failure {
        case 0: try force(parent(of: path))
        case EEXIST: break
        default: throw SQLiteCacheError(number: failure, path: path, doing: "making the directory")
        }
    }

    /// Forces the names in a directory to the disk.
    private static func force(_ directory: String) throws(SQLiteCacheError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            let number = errno
            if descriptor >= 0 { close(descriptor) }
            throw SQLiteCacheError(number: number, path: directory, doing: "forcing the directory")
        }
        close(descriptor)
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
