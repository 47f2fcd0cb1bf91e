import Foundation
import Synchronization

@testable import SegmentStore

/// A file layer over real files that knows what a disk would hold if the power went now.
///
/// It is harsher than Linux: forcing a range of a mapping forces the sectors of the range, but neither the file's length
/// nor its name; forcing a file forces its bytes and its length, not its name; only forcing the directory forces names.
/// Whatever is not forced may have reached the disk all the same, any sector and any name without any other.
///
/// Its choices come from the seed; calls that change nothing on a disk make none, and may come from any thread.
final class SimulatedDisk: FileLayer, Sendable {
    private let system = LinuxFileLayer()
    private let state: Mutex<SimulatedDiskState>
    /// A force that reports success and does nothing.
    private let ignoredPurpose: ForcePurpose?

    init(seed: UInt64, ignoring purpose: ForcePurpose? = nil) throws {
        state = Mutex(try SimulatedDiskState(seed: seed))
        ignoredPurpose = purpose
    }

    // MARK: What the test does

    /// Where stores may be made; another place after each cut.
    var root: String { state.withLock { $0.world } }
    var ending: SimulatedDiskState.Ending? { state.withLock { $0.ended } }

    /// Ends the present run at the event of the number from now: there are one to three in every call that changes
    /// something, and one in every `tick`; with a kind, only events in calls of that kind count.
    func arm(_ ending: SimulatedDiskState.Ending, after events: Int, of kind: SimulatedDiskState.Kind?) {
        state.withLock { $0.arm(ending, after: events, of: kind) }
    }

    func disarm() { state.withLock { $0.disarm() } }

    /// A moment between two calls.
    func tick() { state.withLock { $0.event() } }

    /// Cuts the power, unless that has happened.
    func cut() { state.withLock { $0.end(.cut) } }

    /// What the disk held at the cut, or what the kernel holds after a death, becomes what there is.
    func restart() throws { try state.withLock { state in try state.restart() } }

    // MARK: Calls that change nothing on a disk

    func close(_ descriptor: CInt) {
        state.withLock { $0.descriptors[descriptor] = nil }
        system.close(descriptor)
    }
    func status(of descriptor: CInt) throws(SystemError) -> FileStatus { try system.status(of: descriptor) }
    func status(at path: String) throws(SystemError) -> FileStatus { try system.status(at: path) }
    func fileSystemType(of descriptor: CInt) throws(SystemError) -> Int { try system.fileSystemType(of: descriptor) }
    var bootIdentity: UInt64 { state.withLock { $0.bootIdentity } }
    func names(inDirectory path: String) throws(SystemError) -> [String] { try system.names(inDirectory: path) }
    func read(
        _ descriptor: CInt,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(SystemError) -> Int {
        try system.read(descriptor, into: buffer, at: offset)
    }
    func map(_ descriptor: CInt, count: Int, writable: Bool) throws(SystemError) -> UnsafeMutableRawPointer {
        let base = try system.map(descriptor, count: count, writable: writable)
        let address = UInt(bitPattern: base)
        state.withLock { $0.mappings[address] = $0.descriptors[descriptor] }
        return base
    }
    func unmap(_ base: UnsafeMutableRawPointer, count: Int) {
        let address = UInt(bitPattern: base)
        state.withLock { $0.mappings[address] = nil }
        system.unmap(base, count: count)
    }
    func protect(_ base: UnsafeMutableRawPointer, count: Int, writable: Bool) throws(SystemError) {
        try system.protect(base, count: count, writable: writable)
    }
    func preferHugePages(_ base: UnsafeMutableRawPointer, count: Int, _ isPreferred: Bool) {}

    func populate(_ base: UnsafeMutableRawPointer, offset: Int, count: Int) {
        system.populate(base, offset: offset, count: count)
    }
    /// What is not forced is written at random moments here, whoever asks for it.
    func startWriting(_ path: String, offset: Int, count: Int) {}
    // Nobody else is in this world, but a child that another test forks keeps a lock for as long as it has not begun.
    func lock(_ descriptor: CInt) throws(SystemError) -> Bool { true }
    func unlock(_ descriptor: CInt) {}
    func isLocked(_ descriptor: CInt) throws(SystemError) -> Bool { false }

    // MARK: Calls that change something

    /// Makes a change, with an event before and after it.
    private func changing<Result: Sendable>(
        _ kind: SimulatedDiskState.Kind,
        _ body: (inout SimulatedDiskState) throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        try state.withLock { state throws(SystemError) in
            state.event(kind)
            if state.ended == .death { throw SystemError(call: "dead", number: EIO) }
            let result = try body(&state)
            state.event(kind)
            return result
        }
    }

    func open(_ path: String, flags: CInt, mode: mode_t) throws(SystemError) -> CInt {
        guard flags & O_CREAT != 0 else {
            let descriptor = try system.open(path, flags: flags, mode: mode)
            state.withLock { $0.descriptors[descriptor] = $0.file(at: path) }
            return descriptor
        }
        return try changing(.names) { state throws(SystemError) in
            let descriptor = try system.open(path, flags: flags, mode: mode)
            state.noteOpened(path, descriptor)
            return descriptor
        }
    }

    func makeDirectory(_ path: String, mode: mode_t) throws(SystemError) {
        try changing(.names) { state throws(SystemError) in
            try system.makeDirectory(path, mode: mode)
            state.noteDirectory(path)
        }
    }

    func rename(_ source: String, to destination: String) throws(SystemError) {
        try changing(.names) { state throws(SystemError) in
            try system.rename(source, to: destination)
            state.change(source) { .rename($0, to: (destination as NSString).lastPathComponent) }
        }
    }

    func unlink(_ path: String) throws(SystemError) {
        try changing(.names) { state throws(SystemError) in
            try system.unlink(path)
            state.change(path) { .remove($0) }
        }
    }

    func allocate(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) {
        try changing(.space) { state throws(SystemError) in
            try system.allocate(descriptor, offset: offset, count: count)
            state.file(of: descriptor)?.follow(descriptor)
        }
    }

    func punchHole(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) {
        try changing(.space) { _ throws(SystemError) in
            try system.punchHole(descriptor, offset: offset, count: count)
        }
    }

    func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError) -> Int {
        try changing(.bytes) { state throws(SystemError) in
            // The power may go in the middle of a write, too.
            let half = bytes.count / 2
            var written = try system.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes[..<half]), at: offset)
            state.event(.bytes)
            if state.ended == .death { throw SystemError(call: "dead", number: EIO) }
            if written == half {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[half...])
                written += try system.write(descriptor, rest, at: offset + half)
            }
            if let file = state.file(of: descriptor), offset + written > file.liveLength { file.follow(descriptor) }
            return written
        }
    }

    func force(
        _ base: UnsafeMutableRawPointer,
        offset: Int,
        count: Int,
        for purpose: ForcePurpose
    ) throws(SystemError) {
        let address = UInt(bitPattern: base)
        try changing(.force(purpose)) { state throws(SystemError) in
            if purpose == ignoredPurpose || state.ended != nil { return }
            guard let number = state.mappings[address], let file = state.files[number] else {
                throw SystemError(call: "msync", number: ENOMEM)
            }
            // The call forces whole pages.
            file.persist(offset..<(offset + count + 4_095) / 4_096 * 4_096)
        }
    }

    func force(_ descriptor: CInt, for purpose: ForcePurpose) throws(SystemError) {
        try changing(.force(purpose)) { state throws(SystemError) in
            if purpose == ignoredPurpose || state.ended != nil { return }
            guard let file = state.file(of: descriptor) else { throw SystemError(call: "fdatasync", number: EBADF) }
            file.persist(0..<file.liveLength)
            file.persistLength(file.liveLength)
        }
    }

    func forceDirectory(_ path: String, for purpose: ForcePurpose) throws(SystemError) {
        try changing(.force(purpose)) { state throws(SystemError) in
            if purpose == ignoredPurpose || state.ended != nil { return }
            state.forceNames(inDirectory: path)
        }
    }
}
