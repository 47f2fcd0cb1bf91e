import Glibc

@testable package import SegmentStore

/// One file in memory, whatever the descriptor: for what reads a file and does nothing else.
///
/// `@unchecked`: the bytes are the target's, which uses one thread.
package struct OneFile: FileLayer, @unchecked Sendable {
    private let bytes: UnsafeRawBufferPointer

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package func status(of descriptor: CInt) throws(SystemError) -> FileStatus {
        FileStatus(length: bytes.count, allocatedBytes: bytes.count, device: 1, inode: 1, isRegularFile: true)
    }

    package func read(
        _ descriptor: CInt,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(SystemError) -> Int {
        let count = max(0, min(buffer.count, bytes.count - offset))
        if count > 0 { buffer.copyMemory(from: bytes.part(offset, count)) }
        return count
    }

    package func open(_ path: String, flags: CInt, mode: UInt32) throws(SystemError) -> CInt { 0 }
    package func close(_ descriptor: CInt) {}
    package func status(at path: String) throws(SystemError) -> FileStatus { try status(of: 0) }
    package func fileSystemType(of descriptor: CInt) throws(SystemError) -> Int { 0 }
    package func names(inDirectory path: String) throws(SystemError) -> [String] { [] }
    package func makeDirectory(_ path: String, mode: UInt32) throws(SystemError) { throw refused }
    package func rename(_ source: String, to destination: String) throws(SystemError) { throw refused }
    package func unlink(_ path: String) throws(SystemError) { throw refused }
    package func allocate(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) { throw refused }
    package func punchHole(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) { throw refused }
    package func write(
        _ descriptor: CInt,
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int
    ) throws(SystemError) -> Int { throw refused }
    package func map(_ descriptor: CInt, count: Int, writable: Bool) throws(SystemError) -> UnsafeMutableRawPointer {
        throw refused
    }
    package func unmap(_ base: UnsafeMutableRawPointer, count: Int) {}
    package func protect(_ base: UnsafeMutableRawPointer, count: Int, writable: Bool) throws(SystemError) {
        throw refused
    }
    package var bootIdentity: UInt64 { 1 }
    package func preferHugePages(_ base: UnsafeMutableRawPointer, count: Int, _ isPreferred: Bool) {}
    package func populate(_ base: UnsafeMutableRawPointer, offset: Int, count: Int) {}
    package func startWriting(_ path: String, offset: Int, count: Int) {}
    package func force(
        _ base: UnsafeMutableRawPointer,
        offset: Int,
        count: Int,
        for purpose: ForcePurpose
    ) throws(SystemError) { throw refused }
    package func force(_ descriptor: CInt, for purpose: ForcePurpose) throws(SystemError) { throw refused }
    package func forceDirectory(_ path: String, for purpose: ForcePurpose) throws(SystemError) { throw refused }
    package func lock(_ descriptor: CInt) throws(SystemError) -> Bool { false }
    package func unlock(_ descriptor: CInt) {}
    package func isLocked(_ descriptor: CInt) throws(SystemError) -> Bool { false }

    private var refused: SystemError { SystemError(call: "write", number: EROFS) }
}
