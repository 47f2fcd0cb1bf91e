import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// A store has so many slots for segments, and one is free again once its segment has left: what was made since the store
/// was opened is without end.
@Suite(.inTurnOnOwnThread) struct SlotTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    private func options(sizeLimit: Int? = nil) -> StoreOptions {
        var options = StoreOptions.stepped()
        options.compression = .none
        options.sizeLimit = sizeLimit
        options.sizes.slots = 64
        return options
    }

    /// A value that says whose it is in every byte.
    private func value(_ number: Int, count: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: count)
    }

    @Test func recordsInSegmentsOfTheirOwnGiveTheirSlotsBack() throws {
        let store = try SegmentStore(directory: directory.path, options: options(sizeLimit: 1 << 20))
        for number in 0..<1_000 {
            try store.set("large-\(number)", to: value(number, count: 40_000 + number))
            #expect(try store.get("large-\(number)") == value(number, count: 40_000 + number))
            try store.set("small-\(number)", to: value(number, count: 100))
        }
        #expect(store.segments.count <= 64)
        #expect(store.invariantViolations() == [])
        try store.close()
    }

    @Test func clearedSegmentsGiveTheirSlotsBack() throws {
        let store = try SegmentStore(directory: directory.path, options: options())
        for number in 0..<300 {
            try store.set("large", to: value(number, count: 600_000))
            for key in 0..<10 { try store.set("small-\(key)", to: value(number, count: 20_000)) }
            #expect(try store.get("large") == value(number, count: 600_000))
            try store.removeAll()
            #expect(try store.get("large") == nil)
            #expect(store.count == 0)
        }
        #expect(store.segments.count <= 64)
        try store.close()
    }

    @Test func anOpenerThatOnlyReadsFollowsReusedFilesWithoutEnd() throws {
        let writer = try SegmentStore(directory: directory.path, options: options(sizeLimit: 1 << 20))
        var readOnly = options()
        readOnly.access = .readOnly
        let reader = try SegmentStore(directory: directory.path, options: readOnly)
        for number in 0..<400 {
            for key in 0..<8 { try writer.set("\(number)-\(key)", to: value(number, count: 8_000)) }
            try reader.refresh()
            for key in 0..<8 { #expect(try reader.get("\(number)-\(key)") == value(number, count: 8_000)) }
        }
        #expect(reader.segments.count <= 64)
        try reader.close()
        try writer.close()
    }

    /// A lend keeps its bytes, and its slot, whatever takes the other slots over.
    @Test func aLendKeepsItsSlot() throws {
        let store = try SegmentStore(directory: directory.path, options: options(sizeLimit: 1 << 20))
        let expected = value(7, count: 50_000)
        try store.set("lent", to: expected)
        let isSame = try store.withValue("lent") { span in
            _ = try? store.remove("lent")
            for number in 0..<200 { try? store.set("large-\(number)", to: value(number, count: 45_000)) }
            return span.withUnsafeBytes { $0.elementsEqual(expected) }
        }
        #expect(isSame == true)
        #expect(try store.get("lent") == nil)
        try store.close()
    }

    /// Readers, sets of large and small records, and clears, so that slots change hands under the readers.
    @Test func readersNeverSeeAnotherSegmentInTheirSlot() throws {
        var options = options(sizeLimit: 1 << 20)
        options.runsBackgroundThread = true
        let store = try SegmentStore(directory: directory.path, options: options)
        let failures = Mutex<[String]>([])
        let reads = Atomic<Int>(0)
        let isDone = Atomic<Bool>(false)
        let seed = SeededGenerator.seed()
        print("slot test: seed \(seed)")
        inParallelThreads(4) { thread in
            var random = SeededGenerator(seed: seed &+ UInt64(thread))
            do {
                switch thread {
                case 0:
                    for number in 0..<3_000 {
                        let key = number % 40
                        try store.set("key-\(key)", to: value(key, count: random.chance(30) ? 40_000 : 500))
                        if number % 50 == 49 { try store.removeAll() }
                    }
                    isDone.store(true, ordering: .releasing)
                case 1:
                    while !isDone.load(ordering: .acquiring) {
                        let statistics = try store.statistics()
                        if statistics.allocatedBytes > 1 << 20 { failures.withLock { $0.append("too large") } }
                    }
                default:
                    while !isDone.load(ordering: .acquiring) {
                        let key = Int.random(in: 0..<40, using: &random)
                        guard let found = try store.get("key-\(key)") else { continue }
                        reads.wrappingAdd(1, ordering: .relaxed)
                        let isWrong = found.contains { $0 != UInt8(key) } || ![500, 40_000].contains(found.count)
                        if isWrong { failures.withLock { $0.append("key-\(key): \(found.count) bytes") } }
                    }
                }
            } catch {
                failures.withLock { $0.append("\(error)") }
                isDone.store(true, ordering: .releasing)
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(reads.load(ordering: .relaxed) > 100)
        #expect(store.invariantViolations() == [])
        try store.close()
    }
}
