import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Read-only openers beside a writer.
@Suite(.inTurnOnOwnThread) struct ReaderTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test(arguments: [true, false])
    func seesWhatWasWrittenAfterARefresh(startsEmpty: Bool) throws {
        let writer = try SegmentStore(directory: directory.path)
        if !startsEmpty { try writer.set("first", to: [1]) }
        let reader = try SegmentStore(directory: directory.path, options: .readOnly)
        #expect(try reader.get("first") == (startsEmpty ? nil : [1]))
        try writer.set("first", to: [2])
        for number in 0..<3_000 { try writer.set("key-\(number)", to: [UInt8](repeating: 3, count: 1_000)) }
        try writer.remove("key-9")
        try reader.refresh()
        #expect(try reader.get("first") == [2])
        #expect(reader.count == 3_000)
        #expect(try reader.get("key-9") == nil)
        #expect(reader.invariantViolations() == [])
        try writer.removeAll()
        try writer.set("after", to: [4])
        #expect(try reader.get("first") == [2])
        try reader.refresh()
        #expect(reader.count == 1)
        #expect(try reader.get("first") == nil)
        #expect(try reader.get("after") == [4])
        #expect(reader.invariantViolations() == [])
        try writer.close()
        try reader.refresh()
        #expect(try reader.get("after") == [4])
        let again = try SegmentStore(directory: directory.path)
        try again.set("later", to: [5])
        try again.close()
        try reader.refresh()
        #expect(try reader.get("later") == [5])
        #expect(reader.invariantViolations() == [])
    }

    /// A writer carries what is read, and uses the files that it lay in again.
    @Test func findsWhatAWriterCarriedElsewhere() throws {
        var options = StoreOptions.stepped()
        options.compression = .none
        options.sizeLimit = 1 << 20
        let writer = try SegmentStore(directory: directory.path, options: options)
        let keys = (0..<50).map { "kept-\($0)" }
        for key in keys { try writer.set(key, to: text("value of \(key)")) }
        let reader = try SegmentStore(directory: directory.path, options: .readOnly)
        for number in 0..<5_000 {
            try writer.set("passing-\(number)", to: [UInt8](repeating: 7, count: 2_000))
            if number % 20 == 0 { for key in keys { _ = try writer.get(key) } }
            guard number % 500 == 499 else { continue }
            for key in keys { #expect(try reader.get(key) == text("value of \(key)")) }
        }
        #expect(try writer.statistics().reclamation.carried >= keys.count)
        #expect(try reader.statistics().damagedReads == 0)
        try reader.refresh()
        #expect(reader.invariantViolations() == [])
        try reader.close()
        try writer.close()
    }

    /// Between two steps a record lies in two segments, and one of them goes; whoever looked then must find the other.
    @Test func findsWhatWasBeingCarriedWhenItLooked() throws {
        var options = StoreOptions.stepped(.never)
        options.compression = .none
        options.sizeLimit = 1 << 20
        let looker = Looker(directory.path)
        options.betweenReclaimSteps = { _ in looker.look() }
        let writer = try SegmentStore(directory: directory.path, options: options)
        let keys = (0..<200).map { "kept-\($0)" }
        for key in keys { try writer.set(key, to: text("value of \(key)")) }
        looker.readers = [try SegmentStore(directory: directory.path, options: .readOnly)]
        var chances = 0
        for number in 0..<6_000 {
            try writer.set("passing-\(number)", to: [UInt8](repeating: 7, count: number % 2_000))
            // Some are set again, into segments that are younger than the one that they will be carried to.
            if number % 60 == 0 { for key in keys.prefix(100) { try writer.set(key, to: text("value of \(key)")) } }
            if number % 20 == 0 { for key in keys { _ = try writer.get(key) } }
            guard number % 50 == 49 else { continue }
            for reader in looker.readers {
                chances += reader.copies.withLock { $0.count }
                try reader.refresh()
                for key in keys {
                    let expected = try writer.get(key)
                    try #expect(reader.get(key) == expected, "\(key), passing \(number)")
                }
                #expect(reader.invariantViolations() == [])
            }
        }
        #expect(chances > 1_000)
        #expect(looker.readers.count > 1)
        for reader in looker.readers {
            try reader.refresh()
            // Nothing is kept for longer than the segments are there.
            #expect(reader.copies.withLock { $0.count } <= 2_000)
            try reader.close()
        }
        try writer.close()
    }

    @Test func refusesChangesAndCreatesNothing() throws {
        #expect(throws: StoreError.self) {
            _ = try SegmentStore(directory: directory.path + "/missing", options: .readOnly)
        }
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/missing"))
        let reader = try SegmentStore(directory: directory.path, options: .readOnly)
        #expect(reader.count == 0)
        #expect(throws: StoreError.self) { try reader.set("key", to: [1]) }
        #expect(throws: StoreError.self) { try reader.remove("key") }
        #expect(throws: StoreError.self) { try reader.removeAll() }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
    }
}

/// Has readers look, and now and then opens another one, between steps of reclamation.
///
/// `@unchecked`: steps run on the thread of the test.
private final class Looker: @unchecked Sendable {
    var readers: [SegmentStore] = []
    private let path: String
    private var steps = 0

    init(_ path: String) { self.path = path }

    func look() {
        guard !readers.isEmpty else { return }
        steps += 1
        if steps % 37 == 0 { for reader in readers { try? reader.refresh() } }
        if steps % 2_003 == 0, readers.count < 4, let reader = try? SegmentStore(directory: path, options: .readOnly) {
            readers.append(reader)
        }
    }
}
