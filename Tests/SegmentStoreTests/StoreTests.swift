import Foundation
import TestSupport
import Testing

@testable import SegmentStore

@Suite(.inTurnOnOwnThread) struct StoreTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test func givesBackWhatWasSet() throws {
        let store = try SegmentStore(directory: directory.path)
        try store.set("key", to: text("value"))
        #expect(try store.get("key") == text("value"))
        #expect(try store.get("other") == nil)
        #expect(store.count == 1)
        try store.set("key", to: text("newer"))
        #expect(try store.get("key") == text("newer"))
        #expect(store.count == 1)
        #expect(try store.remove("key"))
        #expect(try !store.remove("key"))
        #expect(try store.get("key") == nil)
        #expect(store.count == 0)
        #expect(store.invariantViolations() == [])
        try store.close()
    }

    @Test(arguments: [0, 1, 7, 8, 9, 4_095, 4_096, 70_000, 600_000, 5_000_000])
    func keepsValuesOfEverySizeAcrossReopening(size: Int) throws {
        var generator = SeededGenerator(seed: UInt64(size))
        let random = generator.bytes(size)
        let repetitive = [UInt8](repeating: 7, count: size)
        var store = try SegmentStore(directory: directory.path)
        try store.set("random", to: random)
        try store.set("repetitive", to: repetitive)
        for _ in 0..<2 {
            #expect(try store.get("random") == random)
            #expect(try store.get("repetitive") == repetitive)
            #expect(try store.entry("repetitive")?.valueLength == size)
            var buffer = text("before")
            #expect(try store.get(text("random").span.bytes, appendingTo: &buffer))
            #expect(buffer == text("before") + random)
            let lent = try store.withValue("repetitive") { value in value.withUnsafeBytes { Array($0) } }
            #expect(lent == repetitive)
            #expect(store.invariantViolations() == [])
            try store.close()
            store = try SegmentStore(directory: directory.path)
        }
        #expect(try store.verify().findings == [])
    }

    @Test func refusesKeysAndTagsOutsideTheirLimits() throws {
        let store = try SegmentStore(directory: directory.path)
        #expect(throws: StoreError.self) { try store.set([UInt8](), to: [1]) }
        #expect(throws: StoreError.self) { try store.set([UInt8](repeating: 1, count: 65_536), to: [1]) }
        #expect(throws: StoreError.self) { try store.set("k", to: [1], options: SetOptions(tag: [])) }
        let longest = [UInt8](repeating: 1, count: 65_535)
        try store.set(longest, to: [1], options: SetOptions(tag: [UInt8](repeating: 2, count: 255)))
        #expect(try store.get(longest) == [1])
        #expect(try store.entry(longest)?.tag?.count == 255)
    }

    @Test func keepsTagExpiryAndCallerByte() throws {
        let clock = ManualClock()
        let options = StoreOptions(clock: clock.clock)
        var store = try SegmentStore(directory: directory.path, options: options)
        let set = SetOptions(expiry: clock.now + 1_000, tag: text("model"), callerByte: 3)
        try store.set("key", to: text("value"), options: set)
        try store.close()
        store = try SegmentStore(directory: directory.path, options: options)
        let entry = try #require(try store.entry("key"))
        #expect(entry.tag == text("model"))
        #expect(entry.expiry == clock.now + 1_000)
        #expect(entry.callerByte == 3)
        #expect(entry.created == UInt32(clock.now / 1_000))
    }

    @Test func neverReturnsAnExpiredEntryEvenIfTheClockGoesBack() throws {
        let clock = ManualClock()
        let store = try SegmentStore(directory: directory.path, options: StoreOptions(clock: clock.clock))
        try store.set("key", to: text("old"))
        try store.set("key", to: text("value"), options: SetOptions(expiry: clock.now + 10))
        #expect(try store.get("key") == text("value"))
        clock.advance(by: 10)
        #expect(try store.get("key") == nil)
        clock.advance(by: -10)
        #expect(try store.get("key") == nil)
        #expect(try !store.contains("key"))
        #expect(store.count == 0)
        #expect(store.invariantViolations() == [])
        try store.set("key", to: text("again"))
        #expect(store.count == 1)
        #expect(store.invariantViolations() == [])
    }

    @Test func tellsComposedFromDecomposedKeys() throws {
        let store = try SegmentStore(directory: directory.path)
        try store.set("\u{E9}", to: text("composed"))
        try store.set("e\u{301}", to: text("decomposed"))
        #expect(try store.get("\u{E9}") == text("composed"))
        #expect(try store.get("e\u{301}") == text("decomposed"))
        #expect(store.count == 2)
    }

    @Test func setsManyAtOnceWithTheLaterOfEqualKeysCounting() throws {
        let store = try SegmentStore(directory: directory.path)
        var generator = SeededGenerator(seed: 1)
        var batch: [BatchEntry] = []
        var expected: [[UInt8]: [UInt8]] = [:]
        for number in 0..<5_000 {
            let key = text("key-\(number % 4_000)")
            let size = number % 997 == 0 ? 700_000 : number % 50 == 0 ? 10_000 : number % 300
            let value = number % 2 == 0 ? generator.bytes(size) : [UInt8](repeating: 1, count: size)
            batch.append(BatchEntry(key: key, value: value))
            expected[key] = value
        }
        try store.set(batch)
        #expect(store.count == 4_000)
        for (key, value) in expected { #expect(try store.get(key) == value) }
        #expect(store.invariantViolations() == [])
    }

    @Test func seesEachKeyWithThePrefixOnce() throws {
        let store = try SegmentStore(directory: directory.path)
        for number in 0..<3_000 { try store.set("a/\(number)", to: [1]) }
        for number in 0..<100 { try store.set("b/\(number)", to: [1]) }
        try store.remove("a/5")
        var seen: [[UInt8]] = []
        try store.forEachKey(hasPrefix: text("a/")) { key in key.withUnsafeBytes { seen.append(Array($0)) } }
        #expect(seen.count == 2_999)
        #expect(Set(seen).count == 2_999)
        #expect(!seen.contains(text("a/5")))
    }

    @Test func clearsEverythingAndGivesTheRoomBack() throws {
        var store = try SegmentStore(directory: directory.path)
        for number in 0..<5_000 { try store.set("key-\(number)", to: [UInt8](repeating: 1, count: 1_000)) }
        let lent = try store.withValue("key-7") { value in
            try? store.removeAll()
            // The segment is gone by now, the lent bytes are not.
            return value.withUnsafeBytes { Array($0) }
        }
        #expect(lent == [UInt8](repeating: 1, count: 1_000))
        #expect(store.count == 0)
        #expect(try store.get("key-7") == nil)
        try store.set("after", to: [1])
        #expect(store.invariantViolations() == [])
        try store.close()
        store = try SegmentStore(directory: directory.path)
        #expect(store.count == 1)
        #expect(try store.get("key-7") == nil)
        #expect(try store.get("after") == [1])
        #expect(try store.statistics().allocatedBytes < 100_000)
    }

    @Test func staysSmallForFewEntries() throws {
        let store = try SegmentStore(directory: directory.path)
        for number in 0..<10 { try store.set("key-\(number)", to: [UInt8](repeating: 1, count: 1_024)) }
        try store.close()
        let reader = try SegmentStore(directory: directory.path, options: .readOnly)
        #expect(try reader.statistics().allocatedBytes < 64 << 10)
    }

    @Test func continuesTheLastSegmentAfterACleanClose() throws {
        for number in 0..<200 {
            let store = try SegmentStore(directory: directory.path)
            try store.set("key-\(number)", to: [UInt8](repeating: 1, count: 1_000))
            #expect(store.recoveryReport.segmentsScanned == 0)
            try store.close()
        }
        #expect(directory.segmentPaths.count == 1)
        let store = try SegmentStore(directory: directory.path)
        #expect(store.count == 200)
        #expect(try store.verify().findings == [])
        #expect(store.invariantViolations() == [])
    }

    @Test func largeSetsFromManyThreadsAllCount() throws {
        let store = try SegmentStore(directory: directory.path)
        inParallelThreads(6) { thread in
            for number in 0..<6 {
                let value = [UInt8](repeating: UInt8(thread * 10 + number), count: 1_000_000 + thread)
                do { try store.set("key-\(thread)-\(number)", to: value) } catch { Issue.record(error) }
            }
        }
        for thread in 0..<6 {
            for number in 0..<6 {
                let value = [UInt8](repeating: UInt8(thread * 10 + number), count: 1_000_000 + thread)
                #expect(try store.get("key-\(thread)-\(number)") == value)
            }
        }
        #expect(store.invariantViolations() == [])
    }

    @Test func theOriginalOfACopiedSegmentCounts() throws {
        var store = try SegmentStore(directory: directory.path)
        try store.set("key", to: [1])
        try store.close()
        let path = try #require(directory.segmentPaths.first)
        try FileManager.default.copyItem(atPath: path, toPath: directory.path + "/0000000001 (copy).segment")
        store = try SegmentStore(directory: directory.path)
        try store.set("key", to: [2])
        try store.close()
        store = try SegmentStore(directory: directory.path)
        #expect(try store.get("key") == [2])
        #expect(store.recoveryReport.findings.map(\.kind) == [.foreignSegment])
    }

    @Test func everyCallAfterCloseIsRefused() throws {
        let store = try SegmentStore(directory: directory.path)
        try store.close()
        try store.close()
        for call: () throws -> Void in [
            { _ = try store.get("k") }, { try store.set("k", to: [1]) }, { try store.remove("k") },
            { try store.removeAll() }, { try store.flush() }, { _ = try store.verify() },
            { _ = try store.statistics() },
            { try store.forEachKey { _ in } }, { try store.refresh() },
            { try store.set([BatchEntry(key: [1], value: [])]) },
        ] {
            do {
                try call()
                Issue.record("a closed store took a call")
            } catch let error as StoreError {
                #expect(error.code == .closed)
            }
        }
    }

    @Test func excludesASecondWriterAndNamesTheFirst() throws {
        let store = try SegmentStore(directory: directory.path)
        do {
            _ = try SegmentStore(directory: directory.path)
            Issue.record("two writers at once")
        } catch let error {
            #expect(error.code == .locked)
            #expect(error.holder?.processID == Int(getpid()))
        }
        try store.close()
        _ = try SegmentStore(directory: directory.path)
    }
}
