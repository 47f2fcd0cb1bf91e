import CLinux
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Full disks, read-only media, processes that fork or die: real ones.
@Suite(.serialized, .inTurnOnOwnThread) struct HostileSystemTests {
    /// Mounts need root. In CI their absence is a failure; elsewhere the test says that it did not run.
    private func mount(_ options: String, at path: String) -> Bool {
        if run("/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", path) == 0 { return true }
        if ProcessInfo.processInfo.environment["CI"] != nil { Issue.record("cannot mount a tmpfs") }
        print("not run: mounting a tmpfs is not allowed here")
        return false
    }

    private func run(_ path: String, _ arguments: String...) -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return -1 }
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test func aFullDiskIsAnErrorAndTheStoreGoesOnOnceThereIsRoom() throws {
        let directory = try TemporaryDirectory()
        guard mount("size=6m", at: directory.path) else { return }
        defer { _ = run("/bin/umount", "-l", directory.path) }
        let ballast = directory.path + "/ballast"
        try Data(repeating: 1, count: 3 << 20).write(to: URL(fileURLWithPath: ballast))
        let path = directory.path + "/store"
        var store = try SegmentStore(directory: path)
        var stored = 0
        var failure: StoreError?
        while failure == nil && stored < 20_000 {
            do {
                try store.set("key-\(stored)", to: text("value \(stored)") + [UInt8](repeating: 1, count: 1_000))
            } catch {
                failure = error
                break
            }
            stored += 1
        }
        #expect(failure?.code == .noSpace)
        #expect(failure?.path?.hasPrefix(path) == true)
        #expect(stored > 500)
        for number in 0..<stored { #expect(try store.get("key-\(number)") != nil) }
        #expect(throws: StoreError.self) { try store.set("large", to: [UInt8](repeating: 2, count: 4 << 20)) }

        // Closing needs no room, and what is there is found again on the full disk.
        try store.close()
        store = try SegmentStore(directory: path)
        #expect(store.count == stored)
        try FileManager.default.removeItem(atPath: ballast)
        for number in 0..<1_000 { try store.set("later-\(number)", to: [UInt8](repeating: 3, count: 1_000)) }
        try store.close()
        store = try SegmentStore(directory: path)
        #expect(store.count == stored + 1_000)
        #expect(try store.verify().findings == [])
    }

    @Test func aReadOnlyFileSystemCanBeReadAndIsNotTouched() throws {
        let directory = try TemporaryDirectory()
        guard mount("size=6m", at: directory.path) else { return }
        defer { _ = run("/bin/umount", "-l", directory.path) }
        let path = directory.path + "/store"
        let store = try SegmentStore(directory: path)
        try store.set("key", to: [1])
        try store.close()
        #expect(run("/bin/mount", "-o", "remount,ro", directory.path) == 0)
        let reader = try SegmentStore(directory: path, options: .readOnly)
        #expect(try reader.get("key") == [1])
        let existing = #expect(throws: StoreError.self) { _ = try SegmentStore(directory: path) }
        #expect(existing?.code == .permissionDenied && existing?.path?.hasPrefix(path) == true)
        let new = #expect(throws: StoreError.self) { _ = try SegmentStore(directory: directory.path + "/new") }
        #expect(new?.code == .permissionDenied)
    }

    @Test func aFileInTheDirectorysPlaceIsAnError() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/file"
        try Data("text".utf8).write(to: URL(fileURLWithPath: path))
        for options in [StoreOptions(), .readOnly] {
            let error = #expect(throws: StoreError.self) { _ = try SegmentStore(directory: path, options: options) }
            #expect(error?.code == .notADirectory && error?.path == path)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("text".utf8))
    }

    @Test func createsParentsAndKeepsModes() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/a/b/c"
        try SegmentStore(directory: path).close()
        func mode(_ path: String) throws -> UInt16 {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            return (attributes[.posixPermissions] as? NSNumber)?.uint16Value ?? 0
        }
        #expect(try mode(path) == 0o700 && mode(directory.path + "/a") == 0o700)
        chmod(path, 0o755)
        let store = try SegmentStore(directory: path)
        try store.set("key", to: [1])
        try store.close()
        #expect(try mode(path) == 0o755)
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            #expect(try mode(path + "/" + name) == 0o600)
        }
    }

    /// Swift hides fork, for good reasons: a child here does nothing but call the store, or wait, and leave.
    private static func fork() -> pid_t? {
        dlsym(UnsafeMutableRawPointer(bitPattern: 0), "fork").map {
            unsafeBitCast($0, to: (@convention(c) () -> pid_t).self)()
        }
    }

    @Test func aForkedChildIsRefusedEveryCall() throws {
        let directory = try TemporaryDirectory()
        let store = try SegmentStore(directory: directory.path)
        try store.set("key", to: [1])
        let child = try #require(Self.fork())
        if child == 0 {
            var refused: Int32 = 0
            do { _ = try store.get("key") } catch { if error.code == .forkedChild { refused += 1 } }
            do { try store.set("key", to: [2]) } catch { if error.code == .forkedChild { refused += 1 } }
            do { try store.close() } catch { if error.code == .forkedChild { refused += 1 } }
            // A store of its own is the child's to use, and its parent's stays refused.
            if let own = try? SegmentStore(directory: directory.path, options: .stepped(.never)) { own.abandon() }
            let reader = try? SegmentStore(directory: directory.path, options: .readOnly)
            if (try? reader?.get("key")) == [1] { refused += 1 }
            do { _ = try store.get("key") } catch { if error.code == .forkedChild { refused += 1 } }
            _exit(refused)
        }
        var status: Int32 = 0
        #expect(waitpid(child, &status, 0) == child)
        #expect((status >> 8) & 0xFF == 5)
        #expect(try store.get("key") == [1])
        try store.close()
    }

    /// Between its fork and the start of its program a child has every descriptor, and with them their locks.
    @Test func aLockThatAFailedOpeningTookIsNotLeftToAForkedChild() throws {
        let directory = try TemporaryDirectory()
        let files = FaultyFileLayer()
        var options = StoreOptions(durability: .everySet)
        options.files = files
        files.arm(FaultyFileLayer.Fault(calls: [.forceDirectory], effect: .error(EIO), isLasting: true))
        let child = Mutex<pid_t?>(nil)
        files.beforeForcing { _ in
            child.withLock { child in
                if child == nil { child = Self.fork() }
                if child == 0 { while true { pause() } }
            }
        }
        #expect(throws: StoreError.self) { try SegmentStore(directory: directory.path, options: options) }
        let forked = try #require(child.withLock { $0 })
        defer {
            kill(forked, SIGKILL)
            waitpid(forked, nil, 0)
        }
        files.arm(nil)
        try SegmentStore(directory: directory.path, options: options).close()
    }

    @Test func removesWhatAWriterDiedMaking() throws {
        let directory = try TemporaryDirectory()
        let unfinished = directory.path + "/0000000009.segment.new"
        let other = directory.path + "/notes.segment.new"
        for path in [unfinished, other] { try Data("text".utf8).write(to: URL(fileURLWithPath: path)) }
        try SegmentStore(directory: directory.path).close()
        #expect(!FileManager.default.fileExists(atPath: unfinished))
        #expect(FileManager.default.fileExists(atPath: other))
    }
}
