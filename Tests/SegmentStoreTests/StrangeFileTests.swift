import CLinux
import Foundation
import Glibc
import TestSupport
import Testing

@testable import SegmentStore

/// Things with the names of a store's files that are none.
@Suite(.inTurnOnOwnThread) struct StrangeFileTests {
    /// What can stand in a file's place.
    enum Thing: CaseIterable { case directory, fifo, socket, linkLoop, linkToNothing, unreadable }

    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func make(_ thing: Thing, _ path: String) throws {
        switch thing {
        case .directory: try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        case .fifo: try #require(mkfifo(path, 0o600) == 0)
        case .socket: try #require(mknod(path, S_IFSOCK | 0o600, 0) == 0)
        case .linkLoop: try #require(symlink(path, path) == 0)
        case .linkToNothing: try #require(symlink(directory.path + "/nothing/here", path) == 0)
        case .unreadable: try Data("text".utf8).write(to: URL(fileURLWithPath: path))
        }
    }

    /// Root may read everything, so the layer refuses in its place.
    private func options(_ access: StoreOptions.Access, refusing path: String? = nil) -> StoreOptions {
        var options = StoreOptions.stepped()
        options.access = access
        if let path {
            let files = FaultyFileLayer()
            files.refuse(path)
            options.files = files
        }
        return options
    }

    @Test(arguments: Thing.allCases)
    func whatIsNoSegmentIsReportedAndLeftAlone(thing: Thing) throws {
        let writer = try SegmentStore(directory: directory.path)
        try writer.set("key", to: [1])
        try writer.close()
        let path = directory.path + "/x.segment"
        try make(thing, path)
        for access in [StoreOptions.Access.readOnly, .readWrite] {
            let store = try SegmentStore(
                directory: directory.path,
                options: options(access, refusing: thing == .unreadable ? path : nil)
            )
            #expect(try store.get("key") == [1])
            let findings = store.recoveryReport.findings
            #expect(findings.map(\.kind) == (thing == .linkToNothing ? [] : [.foreignSegment]))
            #expect(findings.allSatisfy { $0.path == path })
            try store.refresh()
            try store.close()
        }
        var status = stat()
        #expect(lstat(path, &status) == 0)
    }

    @Test func aSegmentThatMayNotBeReadIsAnError() throws {
        let writer = try SegmentStore(directory: directory.path)
        try writer.set("key", to: [1])
        try writer.close()
        let path = try #require(directory.segmentPaths.first)
        for access in [StoreOptions.Access.readOnly, .readWrite] {
            let error = #expect(throws: StoreError.self) {
                _ = try SegmentStore(directory: directory.path, options: options(access, refusing: path))
            }
            #expect(error?.code == .permissionDenied && error?.path == path)
        }
    }

    @Test(arguments: [Thing.directory, .fifo, .socket, .linkLoop])
    func whatCannotBeLockedIsAnErrorToWritersAtOnce(thing: Thing) throws {
        let writer = try SegmentStore(directory: directory.path)
        try writer.set("key", to: [1])
        try writer.close()
        let path = directory.path + "/lock"
        try FileManager.default.removeItem(atPath: path)
        try make(thing, path)
        let error = #expect(throws: StoreError.self) { _ = try SegmentStore(directory: directory.path) }
        #expect(error?.code == .inputOutput && error?.path == path)
        // Nobody can hold such a lock, so a reader needs none.
        let reader = try SegmentStore(directory: directory.path, options: .readOnly)
        #expect(try reader.get("key") == [1])
        try reader.refresh()
        #expect(try reader.verify().damage == 0)
    }

    /// Taken for unlocked, a store that is being written to would show records as torn.
    @Test func aLockFileThatMayNotBeReadIsAnError() throws {
        let writer = try SegmentStore(directory: directory.path)
        try writer.set("key", to: [1])
        let path = directory.path + "/lock"
        let error = #expect(throws: StoreError.self) {
            _ = try SegmentStore(directory: directory.path, options: options(.readOnly, refusing: path))
        }
        #expect(error?.code == .permissionDenied && error?.path == path)
        try writer.close()
    }
}
