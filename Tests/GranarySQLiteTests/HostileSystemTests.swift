import Foundation
import GRDB
import Granary
import GranarySQLite
import TestSupport
import Testing

/// Files that are no cache, read-only media and full disks: real ones.
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

    private func openingError(_ file: String) async -> SQLiteCacheError? {
        await error { _ = try await SQLiteCache(file: file) }
    }

    @Test func makesTheDirectoriesAndKeepsOthersOut() async throws {
        let directory = try TemporaryDirectory()
        let file = directory.path + "/a/b/cache.sqlite"
        let cache = try await SQLiteCache(file: file)
        try await cache.set("key", to: CacheValue([1]))
        for name in ["", "-wal", "-shm"] { #expect(try mode(file + name) == 0o600) }
        #expect(try mode(directory.path + "/a/b") == 0o700 && mode(directory.path + "/a") == 0o700)
        try await cache.close()
    }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
    }

    @Test(arguments: ["text", String(repeating: "This is no database. ", count: 1_000)])
    func aFileThatIsNoDatabaseIsRefusedAndNotTouched(text: String) async throws {
        let directory = try TemporaryDirectory()
        try Data(text.utf8).write(to: URL(fileURLWithPath: directory.file))
        let failure = await openingError(directory.file)
        #expect(failure?.code == .notADatabase && failure?.path == directory.file)
        #expect(try Data(contentsOf: URL(fileURLWithPath: directory.file)) == Data(text.utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["cache.sqlite"])
    }

    @Test(arguments: ["CREATE TABLE entries (key TEXT)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"])
    func theDatabaseOfAnotherProgramIsRefusedAndNotTouched(sql: String) async throws {
        let directory = try TemporaryDirectory()
        try directory.run(sql)
        let before = try Data(contentsOf: URL(fileURLWithPath: directory.file))
        let failure = await openingError(directory.file)
        #expect(failure?.code == .foreignDatabase && failure?.path == directory.file)
        #expect(try Data(contentsOf: URL(fileURLWithPath: directory.file)) == before)
    }

    @Test func aCacheOfANewerVersionIsRefusedAndNotTouched() async throws {
        let directory = try TemporaryDirectory()
        try await SQLiteCache(file: directory.file).close()
        try directory.run("PRAGMA user_version = 2")
        let before = try Data(contentsOf: URL(fileURLWithPath: directory.file))
        let failure = await openingError(directory.file)
        #expect(failure?.code == .newerSchema && failure?.description.contains("version 2") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: directory.file)) == before)
    }

    @Test func aPathThatLeadsNowhereIsAnError() async throws {
        let directory = try TemporaryDirectory()
        try Data().write(to: URL(fileURLWithPath: directory.path + "/file"))
        for path in [directory.path, directory.path + "/file/cache.sqlite", directory.path + "/new/", ""] {
            let failure = await openingError(path)
            #expect(failure?.code == .invalidPath && failure?.path.hasPrefix(path) == true, "\(path)")
        }
        // An empty file is an empty database.
        try await SQLiteCache(file: directory.path + "/file").close()
    }

    @Test func aReadOnlyFileSystemIsAnErrorAndIsNotTouched() async throws {
        let directory = try TemporaryDirectory()
        guard mount("size=6m", at: directory.path) else { return }
        defer { _ = run("/bin/umount", "-l", directory.path) }
        try await SQLiteCache(file: directory.file).close()
        #expect(run("/bin/mount", "-o", "remount,ro", directory.path) == 0)
        for path in [directory.file, directory.path + "/new.sqlite", directory.path + "/a/new.sqlite"] {
            let failure = await openingError(path)
            #expect(failure?.code == .permissionDenied && failure?.detail.contains("read-only") == true, "\(path)")
        }
    }

    @Test func aFullDiskIsAnErrorAndTheCacheGoesOnOnceThereIsRoom() async throws {
        let directory = try TemporaryDirectory()
        guard mount("size=6m", at: directory.path) else { return }
        defer { _ = run("/bin/umount", "-l", directory.path) }
        let ballast = directory.path + "/ballast"
        try Data(repeating: 1, count: 3 << 20).write(to: URL(fileURLWithPath: ballast))
        var cache = try await SQLiteCache(file: directory.file)
        func value(_ number: Int) -> CacheValue {
            CacheValue(Array("\(number)".utf8) + [UInt8](repeating: 1, count: 1_000))
        }
        var stored = 0
        var failure: SQLiteCacheError?
        while failure == nil && stored < 20_000 {
            failure = await error { try await cache.set("key-\(stored)", to: value(stored)) }
            if failure == nil { stored += 1 }
        }
        #expect(failure?.code == .noSpace && failure?.path == directory.file)
        #expect(stored > 100)
        for number in 0..<stored { #expect(try await cache.get("key-\(number)") == value(number)) }
        let large = await error { try await cache.set("large", to: CacheValue([UInt8](repeating: 2, count: 4 << 20))) }
        #expect(large?.code == .noSpace)
        // Closing on the full disk may fail to put the log into the database; nothing is lost.
        try? await cache.close()
        try FileManager.default.removeItem(atPath: ballast)
        cache = try await SQLiteCache(file: directory.file)
        #expect(try await cache.count() == stored)
        for number in 0..<500 { try await cache.set("later-\(number)", to: value(number)) }
        for number in 0..<stored { #expect(try await cache.get("key-\(number)") == value(number)) }
        #expect(try await cache.count() == stored + 500)
        try await cache.close()
        #expect(try directory.text("PRAGMA integrity_check") == "ok")
    }
}
