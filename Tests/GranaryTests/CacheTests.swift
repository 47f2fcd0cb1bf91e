import Foundation
import Granary
import SegmentStore
import Synchronization
import TestSupport
import Testing

/// Every strategy keeps the same promises.
@Suite(.inTurn) struct StrategyTests {
    enum Kind: CaseIterable { case segment, memory }

    private func withStrategy(
        _ kind: Kind,
        clock: StoreClock = .system,
        _ body: (any ManagedCacheStrategy) async throws -> Void
    ) async throws {
        switch kind {
        case .memory: try await body(MemoryCache(clock: clock))
        case .segment:
            let path = FileManager.default.temporaryDirectory.appending(path: "granary-\(UUID().uuidString)").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            let cache = try SegmentCache(directory: path, options: StoreOptions(clock: clock))
            try await body(cache)
            try await cache.close()
        }
    }

    @Test(arguments: Kind.allCases)
    func doesWhatADiskCacheUserDoesToday(kind: Kind) async throws {
        try await withStrategy(kind) { cache in
            try await cache.set("a/1", to: CacheValue([1], coding: .json))
            try await cache.set([CacheEntry("a/2", CacheValue([2])), CacheEntry("b", CacheValue([]))])
            #expect(try await cache.get("a/1") == CacheValue([1], coding: .json))
            #expect(try await cache.get(["b", "c", "a/2"]) == [CacheValue([]), nil, CacheValue([2])])
            #expect(try await cache.count() == 3)
            #expect(try await cache.byteCount() > 0)
            var keys: [String] = []
            for try await key in cache.keys(hasPrefix: "a/") { keys.append(key) }
            #expect(keys.sorted() == ["a/1", "a/2"])
            #expect(try await cache.remove("a/1"))
            #expect(try await !cache.remove("a/1"))
            let statistics = try await cache.statistics()
            #expect(statistics.hits == 3 && statistics.misses == 1 && statistics.sets == 3)
            try await cache.flush()
            try await cache.removeAll()
            #expect(try await cache.count() == 0)
            #expect(try await cache.get("b") == nil)
        }
    }

    @Test(arguments: Kind.allCases)
    func returnsNothingThatHasExpired(kind: Kind) async throws {
        let time = TestTime()
        try await withStrategy(kind, clock: time.clock) { cache in
            let options = CacheSetOptions(expiry: .after(.seconds(10)))
            try await cache.set("key", to: CacheValue([1]), options: options)
            time.advance(by: 9_999)
            #expect(try await cache.get("key") == CacheValue([1]))
            time.advance(by: 1)
            #expect(try await cache.get("key") == nil)
            for try await key in cache.keys { Issue.record("an expired key is listed: \(key)") }
        }
    }

    @Test(arguments: Kind.allCases)
    func tellsSpellingsApart(kind: Kind) async throws {
        try await withStrategy(kind) { cache in
            try await cache.set("\u{E9}", to: CacheValue([1]))
            try await cache.set("e\u{301}", to: CacheValue([2]))
            #expect(try await cache.get("\u{E9}") == CacheValue([1]))
            #expect(try await cache.get("e\u{301}") == CacheValue([2]))
        }
    }

    @Test func keepsCachesInSeparateDirectoriesApart() async throws {
        try await withStrategy(.segment) { first in
            try await withStrategy(.segment) { second in
                try await first.set("key", to: CacheValue([1]))
                #expect(try await second.get("key") == nil)
            }
        }
    }
}

/// A clock that tests set.
final class TestTime: Sendable {
    private let time = Mutex<UInt64>(1_700_000_000_000)
    func advance(by milliseconds: UInt64) { time.withLock { $0 += milliseconds } }
    var clock: StoreClock { StoreClock { [self] in time.withLock { $0 } } }
}

@Suite(.inTurn) struct CacheTests {
    struct Answer: Codable, Sendable, Equatable {
        var text: String
        var score: Int
    }
    struct Refused: Error {}

    @Test func codesValuesOfEachKind() async throws {
        let strategy = MemoryCache()
        try await Cache<Answer>(over: strategy).set(Answer(text: "é", score: 3), forKey: "json")
        #expect(try await Cache<Answer>(over: strategy).value(forKey: "json") == Answer(text: "é", score: 3))
        try await Cache<String>(over: strategy).set("text", forKey: "text")
        #expect(try await Cache<String>(over: strategy).value(forKey: "text") == "text")
        #expect(try await strategy.get("text") == CacheValue(Array("text".utf8), coding: .text))
        let vector: [Float] = [0, -0.0, 1.5, .infinity, .leastNonzeroMagnitude]
        try await Cache<[Float]>(over: strategy).set(vector, forKey: "vector")
        let back = try await Cache<[Float]>(over: strategy).value(forKey: "vector")
        #expect(back?.map(\.bitPattern) == vector.map(\.bitPattern))
        // Another kind's bytes, or another type's JSON, are no value.
        #expect(try await Cache<Answer>(over: strategy).value(forKey: "text") == nil)
        #expect(try await Cache<[Int]>(over: strategy).value(forKey: "json") == nil)
    }

    @Test func computesOnceForAllWhoAskAtOnce() async throws {
        let cache = Cache<String>(over: MemoryCache())
        let calls = Counter()
        let gate = Gate()
        let values = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await cache.value(forKey: "key") {
                        calls.increment()
                        await gate.wait()
                        return "answer"
                    }
                }
            }
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(values == Array(repeating: "answer", count: 50))
        #expect(calls.count == 1)
    }

    @Test func oneWaitersCancellationLeavesTheOthersTheirAnswer() async throws {
        let cache = Cache<String>(over: MemoryCache())
        let gate = Gate()
        let started = Gate()
        let compute: @Sendable () async throws -> String = {
            started.open()
            await gate.wait()
            try Task.checkCancellation()
            return "answer"
        }
        let first = Task { try await cache.value(forKey: "key", orCompute: compute) }
        await started.wait()
        let second = Task { try await cache.value(forKey: "key", orCompute: compute) }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        // Whether the second joined the flight or flies by itself, it gets its answer.
        gate.open()
        #expect(try await second.value == "answer")
    }

    @Test func handsAFailureToWhoWaitedAndKeepsNothingOfIt() async throws {
        let cache = Cache<String>(over: MemoryCache())
        await #expect(throws: Refused.self) { try await cache.value(forKey: "key") { throw Refused() } }
        #expect(try await cache.value(forKey: "key") { "answer" } == "answer")
        #expect(try await cache.value(forKey: "key") { throw Refused() } == "answer")
    }

    /// A strategy of two methods, which fails at both.
    struct Broken: CacheStrategy {
        func get(_ key: String) async throws -> CacheValue? { throw Refused() }
        func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws { throw Refused() }
    }

    @Test func aCacheThatFailsIsAMiss() async throws {
        let cache = Cache<String>(over: Broken())
        #expect(try await cache.value(forKey: "key") { "answer" } == "answer")
    }
}

final class Counter: Sendable {
    private let state = Mutex(0)
    func increment() { state.withLock { $0 += 1 } }
    var count: Int { state.withLock { $0 } }
}

/// Lets tasks wait until it is opened.
final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            defer { state = (true, []) }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
