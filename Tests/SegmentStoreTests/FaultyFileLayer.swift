import CLinux
import Glibc
import Synchronization

@testable import SegmentStore

/// The calls of Linux, of which chosen ones fail. It counts every call, and what was opened or mapped and is not let go.
final class FaultyFileLayer: FileLayer {
    /// The kinds of calls that can fail.
    enum Call: String, CaseIterable, Sendable {
        case open, statusOfDescriptor, statusAtPath, fileSystemType, names, makeDirectory, rename, unlink
        case allocate, punchHole, read, write
        case map, protect, forceMapping, forceFile, forceDirectory, lock, isLocked
    }

    /// What happens instead of what was asked.
    enum Effect: Sendable, Equatable {
        case error(CInt)
        /// A read or write moves so many bytes at most.
        case short(Int)
        /// A read or write moves half the bytes, rounded up.
        case half

        var isError: Bool {
            if case .error = self { return true }
            return false
        }
    }

    struct Fault: Sendable, Equatable {
        /// The kinds that are counted and fail.
        var calls: Set<Call>
        /// Which one fails, from 1.
        var number = 1
        var effect: Effect
        /// All later ones fail too.
        var isLasting = false
    }

    private struct State: Sendable {
        var counts: [Call: Int] = [:]
        var fault: Fault?
        var firings = 0
        var interruptsFirstAttempts = false
        /// Threads whose last attempt of a call was interrupted.
        var interrupted: Set<Attempt> = []
        var descriptors: [CInt: String] = [:]
        var mappings: [UInt: Int] = [:]
        var misuses: [String] = []
        var refused: String?
        var beforeForcing: (@Sendable (ForcePurpose) -> Void)?
    }

    private struct Attempt: Hashable, Sendable {
        var call: Call
        var thread: UInt
    }

    private let linux = LinuxFileLayer()
    private let state = Mutex(State())

    /// Counts from now on, and makes calls fail as the fault says.
    func arm(_ fault: Fault?) {
        state.withLock { state in
            state.counts = [:]
            state.fault = fault
            state.firings = 0
        }
    }

    /// Interrupts every call once before it is let through.
    func interruptFirstAttempts() { state.withLock { $0.interruptsFirstAttempts = true } }

    /// Denies access to the file, also to root.
    func refuse(_ path: String) { state.withLock { $0.refused = path } }

    /// Runs the closure before every call that forces, which then fails or not.
    func beforeForcing(_ body: (@Sendable (ForcePurpose) -> Void)?) { state.withLock { $0.beforeForcing = body } }

    /// Calls by kind since the layer was armed.
    var counts: [Call: Int] { state.withLock { $0.counts } }
    /// How often the fault showed since then.
    var firings: Int { state.withLock { $0.firings } }

    /// Everything that was opened or mapped and is not let go, and what was let go without being there.
    var leaks: [String] {
        state.withLock { state in
            state.misuses + state.descriptors.map { "descriptor \($0) of \($1) is open" }
                + state.mappings.map { "\($1) bytes are mapped at \($0)" }
        }
    }

    // MARK: Faults

    /// Counts the call; the effect that it must have instead of its own.
    private func effect(on call: Call) -> Effect? {
        state.withLock { state in
            if state.interruptsFirstAttempts {
                let attempt = Attempt(call: call, thread: UInt(pthread_self()))
                if state.interrupted.remove(attempt) == nil {
                    state.interrupted.insert(attempt)
                    state.firings += 1
                    return .error(EINTR)
                }
            }
            state.counts[call, default: 0] += 1
            guard let fault = state.fault, fault.calls.contains(call) else { return nil }
            let number = fault.calls.reduce(0) { $0 + state.counts[$1, default: 0] }
            guard number == fault.number || (fault.isLasting && number > fault.number) else { return nil }
            state.firings += 1
            return fault.effect
        }
    }

    private func check(_ call: Call, _ name: String) throws(SystemError) {
        if case .error(let number) = effect(on: call) { throw SystemError(call: name, number: number) }
    }

    /// The bytes that a read or write of `count` may move.
    private func allowance(_ call: Call, _ name: String, _ count: Int) throws(SystemError) -> Int {
        switch effect(on: call) {
        case .error(let number): throw SystemError(call: name, number: number)
        case .short(let most): return min(most, count)
        case .half: return (count + 1) / 2
        case nil: return count
        }
    }

    // MARK: Files

    func open(_ path: String, flags: CInt, mode: mode_t) throws(SystemError) -> CInt {
        try check(.open, "open")
        if state.withLock({ $0.refused == path }) { throw SystemError(call: "open", number: EACCES) }
        let descriptor = try linux.open(path, flags: flags, mode: mode)
        state.withLock { $0.descriptors[descriptor] = path }
        return descriptor
    }

    func close(_ descriptor: CInt) {
        state.withLock { state in
            if state.descriptors.removeValue(forKey: descriptor) == nil {
                state.misuses.append("descriptor \(descriptor) is closed and was not open")
            }
        }
        linux.close(descriptor)
    }

    func status(of descriptor: CInt) throws(SystemError) -> FileStatus {
        try check(.statusOfDescriptor, "fstat")
        return try linux.status(of: descriptor)
    }

    func status(at path: String) throws(SystemError) -> FileStatus {
        try check(.statusAtPath, "stat")
        return try linux.status(at: path)
    }

    func fileSystemType(of descriptor: CInt) throws(SystemError) -> Int {
        try check(.fileSystemType, "fstatfs")
        return try linux.fileSystemType(of: descriptor)
    }

    func names(inDirectory path: String) throws(SystemError) -> [String] {
        try check(.names, "readdir")
        return try linux.names(inDirectory: path)
    }

    func makeDirectory(_ path: String, mode: mode_t) throws(SystemError) {
        try check(.makeDirectory, "mkdir")
        try linux.makeDirectory(path, mode: mode)
    }

    func rename(_ source: String, to destination: String) throws(SystemError) {
        try check(.rename, "rename")
        try linux.rename(source, to: destination)
    }

    func unlink(_ path: String) throws(SystemError) {
        try check(.unlink, "unlink")
        try linux.unlink(path)
    }

    func allocate(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) {
        try check(.allocate, "fallocate")
        try linux.allocate(descriptor, offset: offset, count: count)
    }

    func punchHole(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) {
        try check(.punchHole, "fallocate")
        try linux.punchHole(descriptor, offset: offset, count: count)
    }

    func read(
        _ descriptor: CInt,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(SystemError) -> Int {
        let count = try allowance(.read, "pread", buffer.count)
        return try linux.read(descriptor, into: .init(rebasing: buffer[..<count]), at: offset)
    }

    func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError) -> Int {
        let count = try allowance(.write, "pwrite", bytes.count)
        return try linux.write(descriptor, .init(rebasing: bytes[..<count]), at: offset)
    }

    // MARK: Mappings

    func map(_ descriptor: CInt, count: Int, writable: Bool) throws(SystemError) -> UnsafeMutableRawPointer {
        try check(.map, "mmap")
        let base = try linux.map(descriptor, count: count, writable: writable)
        state.withLock { $0.mappings[UInt(bitPattern: base)] = count }
        return base
    }

    func unmap(_ base: UnsafeMutableRawPointer, count: Int) {
        state.withLock { state in
            if state.mappings.removeValue(forKey: UInt(bitPattern: base)) != count {
                state.misuses.append("\(count) bytes at \(base) are unmapped and were not mapped")
            }
        }
        linux.unmap(base, count: count)
    }

    func protect(_ base: UnsafeMutableRawPointer, count: Int, writable: Bool) throws(SystemError) {
        try check(.protect, "mprotect")
        try linux.protect(base, count: count, writable: writable)
    }

    var bootIdentity: UInt64 { linux.bootIdentity }

    func preferHugePages(_ base: UnsafeMutableRawPointer, count: Int, _ isPreferred: Bool) {
        linux.preferHugePages(base, count: count, isPreferred)
    }

    func populate(_ base: UnsafeMutableRawPointer, offset: Int, count: Int) {
        linux.populate(base, offset: offset, count: count)
    }

    func startWriting(_ path: String, offset: Int, count: Int) {
        linux.startWriting(path, offset: offset, count: count)
    }

    // MARK: Forcing

    func force(
        _ base: UnsafeMutableRawPointer,
        offset: Int,
        count: Int,
        for purpose: ForcePurpose
    ) throws(SystemError) {
        announce(purpose)
        try check(.forceMapping, "msync")
        try linux.force(base, offset: offset, count: count, for: purpose)
    }

    func force(_ descriptor: CInt, for purpose: ForcePurpose) throws(SystemError) {
        announce(purpose)
        try check(.forceFile, "fdatasync")
        try linux.force(descriptor, for: purpose)
    }

    func forceDirectory(_ path: String, for purpose: ForcePurpose) throws(SystemError) {
        announce(purpose)
        if case .error(let number) = effect(on: .forceDirectory) {
            // A directory has to be opened before it can be forced; what fails then is no flush.
            throw SystemError(call: [EMFILE, EACCES].contains(number) ? "open" : "fsync", number: number)
        }
        try linux.forceDirectory(path, for: purpose)
    }

    private func announce(_ purpose: ForcePurpose) {
        let body = state.withLock { $0.beforeForcing }
        body?(purpose)
    }

    // MARK: Locks

    func lock(_ descriptor: CInt) throws(SystemError) -> Bool {
        try check(.lock, "fcntl(F_OFD_SETLK)")
        return try linux.lock(descriptor)
    }

    func unlock(_ descriptor: CInt) { linux.unlock(descriptor) }

    func isLocked(_ descriptor: CInt) throws(SystemError) -> Bool {
        try check(.isLocked, "fcntl(F_OFD_GETLK)")
        return try linux.isLocked(descriptor)
    }
}
