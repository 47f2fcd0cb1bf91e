import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Calls that meet at one moment, which the tests choose.
@Suite(.inTurnOnOwnThread) struct RaceTests {
    /// A closed segment that could not be continued, the disk being full, is continued while a clear that ends it is on
    /// its way to the disk.
    @Test func aClearLeavesASegmentThatWasContinuedMeanwhile() throws {
        let directory = try TemporaryDirectory()
        let before = try SegmentStore(directory: directory.path)
        try before.set("old", to: [UInt8](repeating: 1, count: 100))
        try before.close()

        let files = FaultyFileLayer()
        var options = StoreOptions.stepped(.interval(.seconds(1_000)))
        options.compression = .none
        options.files = files
        let store = try SegmentStore(directory: directory.path, options: options)
        files.arm(FaultyFileLayer.Fault(calls: [.allocate], number: 1, effect: .error(ENOSPC)))
        try store.set("first", to: [1])
        files.arm(nil)

        let keys = (0..<110).map { "key-\($0)" }
        let value = [UInt8](repeating: 7, count: 10_000)
        let failures = Mutex<[String]>([])
        files.beforeForcing { purpose in
            guard purpose == .clearBeforeDrop else { return }
            files.beforeForcing(nil)
            inParallelThreads(1) { _ in
                do {
                    for key in keys { try store.set(key, to: value) }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        try store.removeAll()
        #expect(failures.withLock { $0 } == [])
        #expect(store.segments.isInUse(store.reservation.withLock { $0.active }))
        for key in keys { #expect(try store.get(key) == value) }
        #expect(try store.get("old") == nil)
        store.abandon()

        let after = try SegmentStore(directory: directory.path)
        for key in keys { #expect(try after.get(key) == value) }
        #expect(try after.get("old") == nil)
        try after.close()
    }

    @Test func aKeyThatLivesThroughoutIsAlwaysCounted() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try SegmentStore(directory: directory.path, options: StoreOptions(durability: .never))
        try store.set("stays", to: [1])
        let wrong = Mutex<Set<Int>>([])
        let isDone = Atomic<Bool>(false)
        inParallelThreads(2) { thread in
            if thread == 0 {
                for number in 0..<200_000 { try? store.set("stays", to: [UInt8(truncatingIfNeeded: number)]) }
                isDone.store(true, ordering: .releasing)
            } else {
                while !isDone.load(ordering: .acquiring) {
                    let count = store.count
                    if count != 1 { wrong.withLock { _ = $0.insert(count) } }
                }
            }
        }
        #expect(wrong.withLock { $0 } == [])
        try store.close()
    }
}
