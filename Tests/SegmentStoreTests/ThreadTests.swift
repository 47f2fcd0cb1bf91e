import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Many threads on one store.
@Suite(.inTurnOnOwnThread) struct ThreadTests {
    @Test func eightThreadsAgreeOnEveryKey() throws {
        let seed = SeededGenerator.seed()
        print("thread test: seed \(seed)")
        let directory = try TemporaryDirectory()
        var options = StoreOptions(durability: .interval(.milliseconds(5)))
        options.compression = .lz4(minimumLength: 1_000)
        var store = try SegmentStore(directory: directory.path, options: options)
        let failures = Mutex<[String]>([])
        let shared = store
        inParallelThreads(8) { thread in
            do {
                let wrong = try Self.mix(shared, thread: thread, seed: seed)
                failures.withLock { $0 += wrong }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [], "seed \(seed)")
        // What the threads left is one state, and reopening finds that very state.
        var before: [[UInt8]: [UInt8]] = [:]
        try store.forEachKey { key in
            let key = key.withUnsafeBytes { Array($0) }
            if let value = try? shared.get(key) { before[key] = value }
        }
        #expect(store.count == before.count)
        #expect(store.invariantViolations() == [])
        #expect(try store.verify().findings == [])
        try store.close()
        store = try SegmentStore(directory: directory.path)
        #expect(store.count == before.count)
        for (key, value) in before { #expect(try store.get(key) == value, "seed \(seed)") }
        #expect(store.invariantViolations() == [])
    }

    /// Whatever its threads are at; what they are at they end first, and the last of them may be the one that closes it.
    @Test(.timeLimit(.minutes(30))) func aStoreThatNobodyHasAnyMoreClosesWhileItsThreadsWork() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var options = StoreOptions(durability: .interval(.microseconds(100)))
        options.compression = .none
        options.sizeLimit = 1 << 20
        let value = [UInt8](repeating: 7, count: 3_000)
        for round in 0..<200 {
            let store = try openOnceItIsFree(directory.path, options)
            #expect(round == 0 || store.recoveryReport.segmentsScanned == 0, "round \(round) was not closed")
            #expect(try round == 0 || store.get("key-\(round - 1)") == value)
            // Enough to wake both threads, and now and then to have something reclaimed.
            for number in 0..<round % 50 { try store.set("other-\(number)", to: value) }
            try store.set("key-\(round)", to: value)
        }
    }

    /// Sets use up what the background wins as fast as it does; whoever closes the store need not wait for an end of that.
    @Test(.timeLimit(.minutes(30)), arguments: [1 << 20, 4 << 20])
    func closesBesideThreadsThatGoOnSetting(limit: Int) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var options = StoreOptions(durability: .never)
        options.compression = .none
        options.sizeLimit = limit
        let store = try SegmentStore(directory: directory.path, options: options)
        let isFull = Atomic<Bool>(false)
        inParallelThreads(3) { thread in
            if thread == 2 {
                while !isFull.load(ordering: .acquiring) { sched_yield() }
                #expect(throws: Never.self) { try store.close() }
                return
            }
            let value = [UInt8](repeating: UInt8(thread), count: 2_000)
            for number in 0... {
                do throws(StoreError) {
                    try store.set("\(thread) \(number)", to: value)
                } catch {
                    #expect(error.code == .closed)
                    return
                }
                if number * value.count > 2 * limit { isFull.store(true, ordering: .releasing) }
            }
        }
        #expect(try SegmentStore(directory: directory.path, options: .readOnly).recoveryReport.segmentsScanned == 0)
    }

    private func openOnceItIsFree(_ path: String, _ options: StoreOptions) throws -> SegmentStore {
        while true {
            do throws(StoreError) {
                return try SegmentStore(directory: path, options: options)
            } catch {
                guard error.code == .locked else { throw error }
                sched_yield()
            }
        }
    }

    /// Two threads add keys that two others read as soon as they are there, while every shard grows many times.
    @Test func freshKeysAreSeenWholeOrNotAtAll() throws {
        let directory = try TemporaryDirectory()
        let store = try SegmentStore(directory: directory.path, options: StoreOptions(durability: .never))
        let keyCount = 10_000
        let progress = Progress()
        let failures = Mutex<[String]>([])
        inParallelThreads(4) { thread in
            let isEven = thread.isMultiple(of: 2)
            do {
                for number in 0..<keyCount where thread < 2 {
                    let key = "\(isEven) \(number)"
                    try store.set(key, to: text(key))
                    progress.advance(isEven, to: number + 1)
                }
                while thread >= 2 {
                    // The next key may be on its way, and the one before has just come.
                    let next = progress.of(isEven)
                    for number in max(0, next - 2)...next {
                        let key = "\(isEven) \(number)"
                        guard let value = try store.get(key), value != text(key) else { continue }
                        failures.withLock { $0.append("\(key): \(value)") }
                    }
                    if next == keyCount { break }
                }
            } catch {
                failures.withLock { $0.append("\(error)") }
                // A reader must not wait for what will not come.
                progress.advance(isEven, to: keyCount)
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(store.count == 2 * keyCount)
        for number in 0..<keyCount {
            for isEven in [true, false] {
                let key = "\(isEven) \(number)"
                #expect(try store.get(key) == text(key))
            }
        }
        #expect(store.invariantViolations() == [])
        #expect(try store.statistics().damagedReads == 0)
    }

    /// How far two threads have come. Relaxed: it must not be this that puts a set before the reading of its key.
    private final class Progress: Sendable {
        private let even = Atomic<Int>(0)
        private let odd = Atomic<Int>(0)

        func of(_ isEven: Bool) -> Int {
            isEven ? even.load(ordering: .relaxed) : odd.load(ordering: .relaxed)
        }

        func advance(_ isEven: Bool, to number: Int) {
            if isEven { even.store(number, ordering: .relaxed) } else { odd.store(number, ordering: .relaxed) }
        }
    }

    /// Values say which key they belong to and are long in one byte, so that a mix of two is seen.
    private static func mix(_ store: SegmentStore, thread: Int, seed: UInt64) throws -> [String] {
        var generator = SeededGenerator(seed: seed &+ UInt64(thread))
        var wrong: [String] = []
        for number in 0..<6_000 {
            let key = "key-\(Int.random(in: 0..<200, using: &generator))"
            let own = "own-\(thread)"
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<40:
                let length = generator.chance(2) ? 700_000 : Int.random(in: 0...3_000, using: &generator)
                let filler = [UInt8](repeating: UInt8.random(in: 0...255, using: &generator), count: length)
                try store.set(key, to: text(key + " ") + filler)
            case 40..<50: try store.remove(key)
            case 50..<55:
                let entries = (0..<10).map { BatchEntry(key: text("\(key)-\($0)"), value: text("\(key)-\($0) ")) }
                try store.set(entries)
            case 55..<57: try store.flush()
            case 57: if number % 500 == 0 { try store.removeAll() }
            case 58..<60:
                var seen: Set<[UInt8]> = []
                try store.forEachKey { key in
                    if !seen.insert(key.withUnsafeBytes { Array($0) }).inserted { wrong.append("a key twice") }
                }
            case 60..<65:
                try store.set(own, to: text("\(thread) \(number)"))
                let got = try store.get(own)
                // Only a clear by another thread may come between.
                if let got, got != text("\(thread) \(number)") { wrong.append("own write not seen") }
            default:
                let isRight = try store.withValue(key) { value in
                    value.withUnsafeBytes { bytes in
                        let head = text(key + " ")
                        guard bytes.starts(with: head) else { return false }
                        let rest = bytes.dropFirst(head.count)
                        return rest.allSatisfy { $0 == rest.first }
                    }
                }
                if isRight == false { wrong.append("a mixed or foreign value under \(key)") }
            }
        }
        return wrong
    }
}

/// Runs the body on so many threads at once, and waits for all.
func inParallelThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let threads = (0..<count).compactMap { number in startThread { body(number) } }
    for thread in threads { pthread_join(thread, nil) }
}
