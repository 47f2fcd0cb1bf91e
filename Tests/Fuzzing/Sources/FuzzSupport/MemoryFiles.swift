import Glibc

@testable package import SegmentStore

/// A directory of files in memory, whose mappings are the files' own bytes: opening a store takes no system call.
///
/// Small files lie on the heap, exactly as long as they are, so that the sanitizer sees a byte read behind the end.
/// `@unchecked`: all state stands behind one mutex; the bytes are the store's business.
package final class MemoryFiles: FileLayer, @unchecked Sendable {
    package static let directory = "/memory"
    private static let firstDescriptor = 100

    private struct File {
        var bytes: UnsafeMutableRawBufferPointer
        var isMapped: Bool
    }
    private struct State {
        var files: [File] = []
        var names: [String: Int] = [:]
        var descriptors: [Int] = []
        var openDescriptors = 0
        var mappings = 0
        var random: UInt64 = 0
        /// Which descriptor has the lock; a second one is refused it.
        var holder: CInt?
    }
    private var state = State()
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    package init() { pthread_mutex_init(mutex, nil) }

    deinit {
        for file in state.files { Self.deallocate(file) }
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Adds a file with the bytes, which it takes over.
    package func add(_ name: String, _ bytes: UnsafeMutableRawBufferPointer) {
        state.names[Self.directory + "/" + name] = state.files.count
        state.files.append(File(bytes: bytes, isMapped: false))
    }

    /// Descriptors and mappings that nobody gave back.
    package var leaks: (descriptors: Int, mappings: Int) {
        (state.openDescriptors, state.mappings)
    }

    /// The files that have a name, by name.
    package var contents: [(name: String, bytes: UnsafeRawBufferPointer)] {
        state.names.sorted { $0.key < $1.key }
            .map { ($0.key, UnsafeRawBufferPointer(state.files[$0.value].bytes)) }
    }

    /// Numbers for a store to take as random ones, the same in every run.
    package func nextRandom() -> UInt64 {
        locked {
            state.random &+= 0x9E37_79B9_7F4A_7C15
            return state.random ^ state.random >> 29
        }
    }

    // MARK: Memory

    /// From here on pages are mapped, and cost only where they are touched.
    private static let mappedFrom = 1 << 18

    private static func allocate(_ count: Int) -> File {
        guard count >= mappedFrom else {
            let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            return File(bytes: bytes, isMapped: false)
        }
        let base = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let base, base != MAP_FAILED else { fail("no memory for a file of \(count) bytes") }
        return File(bytes: UnsafeMutableRawBufferPointer(start: base, count: count), isMapped: true)
    }

    private static func deallocate(_ file: File) {
        if file.isMapped { munmap(file.bytes.baseAddress, file.bytes.count) } else { file.bytes.deallocate() }
    }

    private static func zero(_ file: File, _ offset: Int, _ count: Int) {
        guard let base = file.bytes.baseAddress else { return }
        let first = (offset + 4_095) & ~4_095
        let last = (offset + count) & ~4_095
        guard file.isMapped, last > first else {
            memset(base + offset, 0, count)
            return
        }
        memset(base + offset, 0, first - offset)
        madvise(base + first, last - first, MADV_DONTNEED)
        memset(base + last, 0, offset + count - last)
    }

    // MARK: Names

    package func open(_ path: String, flags: CInt, mode: UInt32) throws(SystemError) -> CInt {
        try locked { () throws(SystemError) in
            var file = -1
            if let known = state.names[path] {
                file = known
            } else if path != Self.directory {
                guard flags & O_CREAT != 0 else { throw SystemError(call: "open", number: ENOENT) }
                file = state.files.count
                state.files.append(Self.allocate(0))
                state.names[path] = file
            }
            state.descriptors.append(file)
            state.openDescriptors += 1
            return CInt(state.descriptors.count - 1 + Self.firstDescriptor)
        }
    }

    package func close(_ descriptor: CInt) {
        locked {
            state.openDescriptors -= 1
            if state.holder == descriptor { state.holder = nil }
        }
    }

    package func status(of descriptor: CInt) throws(SystemError) -> FileStatus {
        try locked { () throws(SystemError) in status(try file(descriptor)) }
    }

    package func status(at path: String) throws(SystemError) -> FileStatus {
        try locked { () throws(SystemError) in
            if path == Self.directory { return status(nil) }
            guard let file = state.names[path] else { throw SystemError(call: "stat", number: ENOENT) }
            return status(file)
        }
    }

    private func status(_ file: Int?) -> FileStatus {
        let length = file.map { state.files[$0].bytes.count } ?? 4_096
        return FileStatus(
            length: length,
            allocatedBytes: (length + 4_095) & ~4_095,
            device: 1,
            inode: UInt64((file ?? -1) + 2),
            isRegularFile: file != nil
        )
    }

    package func fileSystemType(of descriptor: CInt) throws(SystemError) -> Int { 0xEF53 }

    package func names(inDirectory path: String) throws(SystemError) -> [String] {
        locked { state.names.keys.map { String($0.utf8.dropFirst(Self.directory.utf8.count + 1)) ?? $0 } }
    }

    package func makeDirectory(_ path: String, mode: UInt32) throws(SystemError) {
        throw SystemError(call: "mkdir", number: EEXIST)
    }

    package func rename(_ source: String, to destination: String) throws(SystemError) {
        try locked { () throws(SystemError) in
            guard let file = state.names.removeValue(forKey: source) else {
                throw SystemError(call: "rename", number: ENOENT)
            }
            state.names[destination] = file
        }
    }

    package func unlink(_ path: String) throws(SystemError) {
        try locked { () throws(SystemError) in
            if state.names.removeValue(forKey: path) == nil { throw SystemError(call: "unlink", number: ENOENT) }
        }
    }

    // MARK: Bytes

    package func allocate(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) {
        try locked { () throws(SystemError) in
            Self.grow(&state.files[try file(descriptor)], to: offset + count)
        }
    }

    /// Files grow before they are mapped, and the engine never shortens one.
    private static func grow(_ file: inout File, to length: Int) {
        guard length > file.bytes.count else { return }
        let larger = allocate(length)
        larger.bytes.copyMemory(from: UnsafeRawBufferPointer(file.bytes))
        deallocate(file)
        file = larger
    }

    package func punchHole(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) {
        try locked { () throws(SystemError) in
            let target = state.files[try file(descriptor)]
            check(offset >= 1_024 && offset + count <= target.bytes.count, "a hole of \(count) bytes at \(offset)")
            Self.zero(target, offset, count)
        }
    }

    package func read(
        _ descriptor: CInt,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(SystemError) -> Int {
        try locked { () throws(SystemError) in
            let bytes = state.files[try file(descriptor)].bytes
            let count = max(0, min(buffer.count, bytes.count - offset))
            if count > 0 { buffer.copyMemory(from: UnsafeRawBufferPointer(bytes).part(offset, count)) }
            return count
        }
    }

    package func write(
        _ descriptor: CInt,
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int
    ) throws(SystemError) -> Int {
        try locked { () throws(SystemError) in
            let file = try self.file(descriptor)
            Self.grow(&state.files[file], to: offset + bytes.count)
            UnsafeMutableRawBufferPointer(rebasing: state.files[file].bytes[offset...]).copyMemory(from: bytes)
            return bytes.count
        }
    }

    // MARK: Mappings

    package func map(_ descriptor: CInt, count: Int, writable: Bool) throws(SystemError) -> UnsafeMutableRawPointer {
        try locked { () throws(SystemError) -> UnsafeMutableRawPointer in
            let bytes = state.files[try file(descriptor)].bytes
            guard count > 0, let base = bytes.baseAddress else { throw SystemError(call: "mmap", number: EINVAL) }
            check(count <= bytes.count, "a mapping of \(count) bytes of a file of \(bytes.count)")
            state.mappings += 1
            return base
        }
    }

    package func unmap(_ base: UnsafeMutableRawPointer, count: Int) { locked { state.mappings -= 1 } }
    package func protect(_ base: UnsafeMutableRawPointer, count: Int, writable: Bool) throws(SystemError) {}
    package var bootIdentity: UInt64 { 1 }
    package func preferHugePages(_ base: UnsafeMutableRawPointer, count: Int, _ isPreferred: Bool) {}
    package func populate(_ base: UnsafeMutableRawPointer, offset: Int, count: Int) {}
    package func startWriting(_ path: String, offset: Int, count: Int) {}
    package func force(
        _ base: UnsafeMutableRawPointer,
        offset: Int,
        count: Int,
        for purpose: ForcePurpose
    ) throws(SystemError) {}
    package func force(_ descriptor: CInt, for purpose: ForcePurpose) throws(SystemError) {}
    package func forceDirectory(_ path: String, for purpose: ForcePurpose) throws(SystemError) {}

    // MARK: Lock

    package func lock(_ descriptor: CInt) throws(SystemError) -> Bool {
        locked {
            guard state.holder == nil || state.holder == descriptor else { return false }
            state.holder = descriptor
            return true
        }
    }

    package func unlock(_ descriptor: CInt) { locked { state.holder = nil } }

    package func isLocked(_ descriptor: CInt) throws(SystemError) -> Bool {
        locked { state.holder != nil && state.holder != descriptor }
    }

    // MARK: State

    private func locked<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    private func file(_ descriptor: CInt) throws(SystemError) -> Int {
        let number = Int(descriptor) - Self.firstDescriptor
        guard state.descriptors.indices.contains(number), state.descriptors[number] >= 0 else {
            throw SystemError(call: "read", number: EISDIR)
        }
        return state.descriptors[number]
    }
}
