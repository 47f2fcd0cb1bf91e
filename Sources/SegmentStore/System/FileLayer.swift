import CLinux
import Glibc

/// A system call that failed: which one, and with which `errno`.
package struct SystemError: Error, Sendable, Equatable {
    package var call: String
    package var number: CInt

    package init(call: String, number: CInt) {
        self.call = call
        self.number = number
    }

    /// True if bytes or names that were to reach the disk may not have, and may be gone from memory too.
    var isFailedFlush: Bool { ["msync", "fdatasync", "fsync"].contains(call) }
}

/// What the engine asks of a file's metadata.
package struct FileStatus: Sendable, Equatable {
    package var length: Int
    package var allocatedBytes: Int
    package var device: UInt64
    package var inode: UInt64
    package var isRegularFile: Bool

    package init(length: Int, allocatedBytes: Int, device: UInt64, inode: UInt64, isRegularFile: Bool) {
        self.length = length
        self.allocatedBytes = allocatedBytes
        self.device = device
        self.inode = inode
        self.isRegularFile = isRegularFile
    }
}

/// Every system call of the engine that touches a file or a mapping: the one place where tests make them fail.
///
/// Calls mean what the system's do: they may be interrupted, after which `RetryingFileLayer` makes them again, and may
/// move fewer bytes than asked; `FileLayer+Whole.swift` makes whole operations of them.
package protocol FileLayer: Sendable {
    func open(_ path: String, flags: CInt, mode: UInt32) throws(SystemError) -> CInt
    func close(_ descriptor: CInt)
    func status(of descriptor: CInt) throws(SystemError) -> FileStatus
    func status(at path: String) throws(SystemError) -> FileStatus
    /// The file system's magic number, as `statfs` gives it.
    func fileSystemType(of descriptor: CInt) throws(SystemError) -> Int
    /// Neither zero nor all ones, and another one each time the machine was started.
    var bootIdentity: UInt64 { get }
    func names(inDirectory path: String) throws(SystemError) -> [String]
    func makeDirectory(_ path: String, mode: UInt32) throws(SystemError)
    func rename(_ source: String, to destination: String) throws(SystemError)
    func unlink(_ path: String) throws(SystemError)

    func allocate(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError)
    func punchHole(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError)
    func read(_ descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemError) -> Int
    func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError) -> Int

    func map(_ descriptor: CInt, count: Int, writable: Bool) throws(SystemError) -> UnsafeMutableRawPointer
    func unmap(_ base: UnsafeMutableRawPointer, count: Int)
    /// Allows or forbids stores to a mapping; allowing needs a file that was opened for writing when it was mapped.
    func protect(_ base: UnsafeMutableRawPointer, count: Int, writable: Bool) throws(SystemError)
    /// Asks for huge pages in a mapping from now on, or for small ones, and for none but the one that is touched; a hint.
    func preferHugePages(_ base: UnsafeMutableRawPointer, count: Int, _ isPreferred: Bool)
    /// Faults pages in for writing, ahead of their use; a hint, whose failure costs only speed.
    func populate(_ base: UnsafeMutableRawPointer, offset: Int, count: Int)
    /// Has the system begin to write a range of a file to the disk, whose forcing then takes less time; a hint.
    func startWriting(_ path: String, offset: Int, count: Int)
    /// Forces a range of a mapping to the disk and waits for it; `offset` is a multiple of the page size.
    func force(
        _ base: UnsafeMutableRawPointer,
        offset: Int,
        count: Int,
        for purpose: ForcePurpose
    ) throws(SystemError)
    func force(_ descriptor: CInt, for purpose: ForcePurpose) throws(SystemError)
    func forceDirectory(_ path: String, for purpose: ForcePurpose) throws(SystemError)

    /// Takes the write lock of an open file description; false if another one holds it.
    func lock(_ descriptor: CInt) throws(SystemError) -> Bool
    func unlock(_ descriptor: CInt)
    /// True if another open file description holds the write lock.
    func isLocked(_ descriptor: CInt) throws(SystemError) -> Bool
}

/// The layer that every store uses outside tests: the calls of Linux.
package struct LinuxFileLayer: FileLayer {
    package init() {}

    package func open(_ path: String, flags: CInt, mode: UInt32) throws(SystemError) -> CInt {
        try checked("open", Glibc.open(path, flags | O_CLOEXEC, mode))
    }

    package func close(_ descriptor: CInt) {
        _ = Glibc.close(descriptor)
    }

    package func status(of descriptor: CInt) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try checked("fstat", fstat(descriptor, &status))
        return FileStatus(status)
    }

    package func status(at path: String) throws(SystemError) -> FileStatus {
        var status = stat()
        _ = try checked("stat", stat(path, &status))
        return FileStatus(status)
    }

    package func fileSystemType(of descriptor: CInt) throws(SystemError) -> Int {
        var information = statfs()
        _ = try checked("fstatfs", fstatfs(descriptor, &information))
        return Int(information.f_type)
    }

    package var bootIdentity: UInt64 { BootIdentity.present }

    package func names(inDirectory path: String) throws(SystemError) -> [String] {
        guard let directory = opendir(path) else { throw SystemError(call: "opendir", number: errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                if errno != 0 { throw SystemError(call: "readdir", number: errno) }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }

    package func makeDirectory(_ path: String, mode: UInt32) throws(SystemError) {
        _ = try checked("mkdir", mkdir(path, mode))
    }

    package func rename(_ source: String, to destination: String) throws(SystemError) {
        _ = try checked("rename", Glibc.rename(source, destination))
    }

    package func unlink(_ path: String) throws(SystemError) {
        _ = try checked("unlink", Glibc.unlink(path))
    }

    package func allocate(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) {
        _ = try checked("fallocate", fallocate(descriptor, 0, offset, count))
    }

    package func punchHole(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) {
        let mode = CInt(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
        _ = try checked("fallocate", fallocate(descriptor, mode, offset, count))
    }

    package func read(
        _ descriptor: CInt,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(SystemError) -> Int {
        try checked("pread", pread(descriptor, buffer.baseAddress, buffer.count, offset))
    }

    package func write(
        _ descriptor: CInt,
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int
    ) throws(SystemError) -> Int {
        try checked("pwrite", pwrite(descriptor, bytes.baseAddress, bytes.count, offset))
    }

    package func map(_ descriptor: CInt, count: Int, writable: Bool) throws(SystemError) -> UnsafeMutableRawPointer {
        let protection = writable ? PROT_READ | PROT_WRITE : PROT_READ
        guard let base = mmap(nil, count, protection, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
            throw SystemError(call: "mmap", number: errno)
        }
        return base
    }

    package func unmap(_ base: UnsafeMutableRawPointer, count: Int) {
        _ = munmap(base, count)
    }

    package func protect(_ base: UnsafeMutableRawPointer, count: Int, writable: Bool) throws(SystemError) {
        _ = try checked("mprotect", mprotect(base, count, writable ? PROT_READ | PROT_WRITE : PROT_READ))
    }

    package func preferHugePages(_ base: UnsafeMutableRawPointer, count: Int, _ isPreferred: Bool) {
        // Reading ahead fills the cache with small pages, which stay where huge ones were to be.
        _ = madvise(base, count, MADV_RANDOM)
        _ = madvise(base, count, isPreferred ? MADV_HUGEPAGE : MADV_NOHUGEPAGE)
    }

    package func populate(_ base: UnsafeMutableRawPointer, offset: Int, count: Int) {
        _ = madvise(base + offset, count, MADV_POPULATE_WRITE)
    }

    package func startWriting(_ path: String, offset: Int, count: Int) {
        guard let descriptor = try? open(path, flags: O_RDONLY, mode: 0) else { return }
        defer { close(descriptor) }
        _ = sync_file_range(descriptor, off64_t(offset), off64_t(count), UInt32(SYNC_FILE_RANGE_WRITE))
    }

    package func force(
        _ base: UnsafeMutableRawPointer,
        offset: Int,
        count: Int,
        for purpose: ForcePurpose
    ) throws(SystemError) {
        _ = try checked("msync", msync(base + offset, count, MS_SYNC))
    }

    package func force(_ descriptor: CInt, for purpose: ForcePurpose) throws(SystemError) {
        _ = try checked("fdatasync", fdatasync(descriptor))
    }

    package func forceDirectory(_ path: String, for purpose: ForcePurpose) throws(SystemError) {
        let descriptor = try open(path, flags: O_RDONLY | O_DIRECTORY, mode: 0)
        defer { close(descriptor) }
        _ = try checked("fsync", fsync(descriptor))
    }

    package func lock(_ descriptor: CInt) throws(SystemError) -> Bool {
        var request = wholeFileLock()
        if granary_lock(descriptor, F_OFD_SETLK, &request) == 0 { return true }
        if errno == EAGAIN || errno == EACCES { return false }
        throw SystemError(call: "fcntl(F_OFD_SETLK)", number: errno)
    }

    package func unlock(_ descriptor: CInt) {
        var request = wholeFileLock()
        request.l_type = Int16(F_UNLCK)
        _ = granary_lock(descriptor, F_OFD_SETLK, &request)
    }

    package func isLocked(_ descriptor: CInt) throws(SystemError) -> Bool {
        var request = wholeFileLock()
        _ = try checked("fcntl(F_OFD_GETLK)", granary_lock(descriptor, F_OFD_GETLK, &request))
        return request.l_type != Int16(F_UNLCK)
    }

    private func wholeFileLock() -> flock {
        var request = flock()
        request.l_type = Int16(F_WRLCK)
        request.l_whence = Int16(SEEK_SET)
        return request
    }

    private func checked<Result: SignedInteger>(_ call: String, _ result: Result) throws(SystemError) -> Result {
        if result < 0 { throw SystemError(call: call, number: errno) }
        return result
    }
}

extension FileStatus {
    fileprivate init(_ status: stat) {
        self.init(
            length: Int(status.st_size),
            allocatedBytes: Int(status.st_blocks) * 512,
            device: UInt64(status.st_dev),
            inode: UInt64(status.st_ino),
            isRegularFile: status.st_mode & S_IFMT == S_IFREG
        )
    }
}
