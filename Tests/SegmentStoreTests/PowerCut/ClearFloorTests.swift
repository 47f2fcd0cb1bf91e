import Foundation
import TestSupport
import Testing

@testable import SegmentStore

/// A cut may leave a clear in a header alone, the record lost.
@Suite(.inTurnOnOwnThread) struct ClearFloorTests {
    @Test func aClearThatOnlyAHeaderRemembersStaysWhenThatSegmentIsEmpty() throws {
        let directory = try TemporaryDirectory()
        var options = StoreOptions.stepped(.interval(.seconds(1)))
        options.compression = .none
        var store = try SegmentStore(directory: directory.path, options: options)
        try store.set("key", to: text("cleared"))
        try store.close()
        let before = try directory.copy()

        store = try SegmentStore(directory: directory.path, options: options)
        try store.removeAll()
        // In a segment of its own, whose header knows of the clear.
        try store.set("large", to: [UInt8](repeating: 7, count: 600_000))
        store.abandon()
        let (small, own) = (directory.segmentPaths[0], directory.segmentPaths[1])
        let undone = try Data(contentsOf: URL(fileURLWithPath: before.segmentPaths[0]))
        try undone.write(to: URL(fileURLWithPath: small))
        let whole = try Data(contentsOf: URL(fileURLWithPath: own))
        let headers = whole.prefix(Format.recordsStart)
        try (headers + Data(count: whole.count - headers.count)).write(to: URL(fileURLWithPath: own))

        for _ in 0..<3 {
            store = try SegmentStore(directory: directory.path, options: options)
            #expect(try store.get("key") == nil)
            try store.close()
        }
    }
}
