import Glibc

/// Makes every call again that a signal interrupted: the layer that the engine sees, over the one it was given.
///
/// Linux restarts most of these calls by itself, but not on every file system.
struct RetryingFileLayer: FileLayer {
    private let base: any FileLayer

    init(_ base: any FileLayer) { self.base = base }

    var bootIdentity: UInt64 { base.bootIdentity }

    private func retrying<Result>(_ call: () throws(SystemError) -> Result) throws(SystemError) -> Result {
        while true {
            do throws(SystemError) {
                return try call()
            } catch  where error.number == EINTR {
                continue
            }
        }
    }

    func open(_ path: String, flags: CInt, mode: UInt32) throws(SystemError) -> CInt {
        try retrying { () throws(SystemError) in try base.open(path, flags: flags, mode: mode) }
    }

    /// Not made again: Linux has closed the descriptor whatever `close` returns.
    func close(_ descriptor: CInt) { base.close(descriptor) }

    func status(of descriptor: CInt) throws(SystemError) -> FileStatus {
        try retrying { () throws(SystemError) in try base.status(of: descriptor) }
    }

    func status(at path: String) throws(SystemError) -> FileStatus {
        try retrying { () throws(SystemError) in try base.status(at: path) }
    }

    func fileSystemType(of descriptor: CInt) throws(SystemError) -> Int {
        try retrying { () throws(SystemError) in try base.fileSystemType(of: descriptor) }
    }

    func names(inDirectory path: String) throws(SystemError) -> [String] {
        try retrying { () throws(SystemError) in try base.names(inDirectory: path) }
    }

    func makeDirectory(_ path: String, mode: UInt32) throws(SystemError) {
        try retrying { () throws(SystemError) in try base.makeDirectory(path, mode: mode) }
    }

    func rename(_ source: String, to destination: String) throws(SystemError) {
        try retrying { () throws(SystemError) in try base.rename(source, to: destination) }
    }

    func unlink(_ path: String) throws(SystemError) {
        try retrying { () throws(SystemError) in try base.unlink(path) }
    }

    func allocate(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) {
        try retrying { () throws(SystemError) in try base.allocate(descriptor, offset: offset, count: count) }
    }

    func punchHole(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) {
        try retrying { () throws(SystemError) in try base.punchHole(descriptor, offset: offset, count: count) }
    }

    func read(
        _ descriptor: CInt,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(SystemError) -> Int {
        try retrying { () throws(SystemError) in try base.read(descriptor, into: buffer, at: offset) }
    }

    func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError) -> Int {
        try retrying { () throws(SystemError) in try base.write(descriptor, bytes, at: offset) }
    }

    func map(_ descriptor: CInt, count: Int, writable: Bool) throws(SystemError) -> UnsafeMutableRawPointer {
        try retrying { () throws(SystemError) in try base.map(descriptor, count: count, writable: writable) }
    }

    func unmap(_ base: UnsafeMutableRawPointer, count: Int) { self.base.unmap(base, count: count) }

    func protect(_ base: UnsafeMutableRawPointer, count: Int, writable: Bool) throws(SystemError) {
        try retrying { () throws(SystemError) in try self.base.protect(base, count: count, writable: writable) }
    }

    func preferHugePages(_ base: UnsafeMutableRawPointer, count: Int, _ isPreferred: Bool) {
        self.base.preferHugePages(base, count: count, isPreferred)
    }

    func populate(_ base: UnsafeMutableRawPointer, offset: Int, count: Int) {
        self.base.populate(base, offset: offset, count: count)
    }

    func startWriting(_ path: String, offset: Int, count: Int) {
        base.startWriting(path, offset: offset, count: count)
    }

    func force(
        _ base: UnsafeMutableRawPointer,
        offset: Int,
        count: Int,
        for purpose: ForcePurpose
    ) throws(SystemError) {
        try retrying { () throws(SystemError) in
            try self.base.force(base, offset: offset, count: count, for: purpose)
        }
    }

    func force(_ descriptor: CInt, for purpose: ForcePurpose) throws(SystemError) {
        try retrying { () throws(SystemError) in try base.force(descriptor, for: purpose) }
    }

    func forceDirectory(_ path: String, for purpose: ForcePurpose) throws(SystemError) {
        try retrying { () throws(SystemError) in try base.forceDirectory(path, for: purpose) }
    }

    func lock(_ descriptor: CInt) throws(SystemError) -> Bool {
        try retrying { () throws(SystemError) in try base.lock(descriptor) }
    }

    func unlock(_ descriptor: CInt) { base.unlock(descriptor) }

    func isLocked(_ descriptor: CInt) throws(SystemError) -> Bool {
        try retrying { () throws(SystemError) in try base.isLocked(descriptor) }
    }
}
