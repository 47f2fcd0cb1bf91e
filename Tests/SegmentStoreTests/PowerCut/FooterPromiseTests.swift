import Foundation
import TestSupport
import Testing

@testable import SegmentStore

/// What a footer says of the disk is true whenever the power goes: later openers force nothing that it vouches for.
@Suite(.inTurnOnOwnThread) struct FooterPromiseTests {
    /// What a cut takes is drawn from the seed; each of these tests needs a few seeds to lose what it is about.
    private static let seeds: ClosedRange<UInt64> = 1...40

    private func options(_ durability: StoreOptions.Durability, on disk: SimulatedDisk) -> StoreOptions {
        var options = StoreOptions.stepped(durability)
        options.compression = .none
        options.files = disk
        return options
    }

    @Test func aSegmentThatIsClosedEmptyHasItsNameOnTheDisk() throws {
        let value = [UInt8](repeating: 7, count: 300_000)
        for seed in Self.seeds {
            let disk = try SimulatedDisk(seed: seed)
            var store = try SegmentStore(directory: disk.root + "/store", options: options(.never, on: disk))
            for key in ["a", "b"] { try store.set(key, to: value) }
            // Every record is forced, and only then the next segment made.
            try store.flush()
            try store.runBackgroundSteps()
            try store.close()

            store = try SegmentStore(directory: disk.root + "/store", options: options(.everySet, on: disk))
            for key in ["c", "d", "e"] { try store.set(key, to: value) }
            store.abandon()
            disk.cut()
            try disk.restart()

            store = try SegmentStore(directory: disk.root + "/store", options: options(.never, on: disk))
            for key in ["a", "b", "c", "d", "e"] { #expect(try store.get(key) == value, "seed \(seed), key \(key)") }
            store.abandon()
        }
    }

    @Test func aFooterWhoseWriterDiedBeforeForcingItIsForcedByTheNext() throws {
        for seed in Self.seeds {
            let disk = try SimulatedDisk(seed: seed)
            var store = try SegmentStore(directory: disk.root + "/store", options: options(.everySet, on: disk))
            try store.set("key", to: text("value"))
            disk.arm(.death, after: 1, of: .force(.footer))
            #expect(throws: StoreError.self) { try store.close() }
            try disk.restart()

            // This one writes nothing: it is the older footer that its closing vouches for.
            store = try SegmentStore(directory: disk.root + "/store", options: options(.never, on: disk))
            #expect(try store.get("key") == text("value"))
            try store.close()
            disk.cut()
            try disk.restart()

            store = try SegmentStore(directory: disk.root + "/store", options: options(.never, on: disk))
            #expect(try store.get("key") == text("value"))
            #expect(store.recoveryReport.segmentsScanned == 0, "seed \(seed)")
            store.abandon()
        }
    }

    @Test func anEmptySegmentThatWasDeletedComesBackEmptyAndGoesAgain() throws {
        var cameBack = 0
        for seed in Self.seeds {
            let disk = try SimulatedDisk(seed: seed)
            var store = try SegmentStore(directory: disk.root + "/store", options: options(.everySet, on: disk))
            try store.set("key", to: text("value"))
            try store.close()
            // A death between making a segment for a large record and writing it.
            store = try SegmentStore(directory: disk.root + "/store", options: options(.everySet, on: disk))
            disk.arm(.death, after: 1, of: .force(.newSegmentName))
            #expect(throws: StoreError.self) { try store.set("large", to: [UInt8](repeating: 7, count: 600_000)) }
            store.abandon()
            try disk.restart()
            // The next one deletes the segment, and dies before it forces that; the one after it finds no trace of either.
            store = try SegmentStore(directory: disk.root + "/store", options: options(.everySet, on: disk))
            store.abandon()
            store = try SegmentStore(directory: disk.root + "/store", options: options(.everySet, on: disk))
            try store.close()
            disk.cut()
            try disk.restart()

            store = try SegmentStore(directory: disk.root + "/store", options: options(.everySet, on: disk))
            cameBack += store.recoveryReport.segmentsScanned
            try store.close()
            disk.cut()
            try disk.restart()
            store = try SegmentStore(directory: disk.root + "/store", options: options(.everySet, on: disk))
            #expect(try store.get("key") == text("value") && store.count == 1)
            #expect(store.recoveryReport.segments == 1, "seed \(seed)")
            store.abandon()
        }
        #expect(cameBack > 0)
    }
}
