import Foundation
import Granary
import SegmentStore
import Synchronization
import TestSupport
import Testing

/// The code of the article "A cache over any strategy".
@Suite(.inTurn) struct TutorialTests {
    struct Answer: Codable, Sendable, Equatable {
        var text: String
    }

    final class DictionaryCache: CacheStrategy {
        private let entries = Mutex<[[UInt8]: (value: CacheValue, expiry: UInt64)]>([:])
        private let clock = StoreClock.system

        func get(_ key: String) async throws -> CacheValue? {
            let now = clock.milliseconds()
            return entries.withLock { entries in
                guard let entry = entries[Array(key.utf8)], entry.expiry > now else { return nil }
                return entry.value
            }
        }

        func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws {
            let expiry = options.expiry?.milliseconds(now: clock.milliseconds()) ?? .max
            entries.withLock { $0[Array(key.utf8)] = (value, expiry) }
        }
    }

    /// What the article calls the model: it answers with the question, and counts.
    private final class Model: Sendable {
        private let calls = Atomic<Int>(0)

        var callCount: Int { calls.load(ordering: .relaxed) }

        func answer(_ question: String) async throws -> String {
            calls.wrappingAdd(1, ordering: .relaxed)
            // Long enough for another task to ask as well.
            for _ in 0..<100 { await Task.yield() }
            return question
        }
    }

    private let model = Model()
    private let question = "What is a granary?"

    @Test func theArticleShowsOnlyCodeOfThisFile() throws {
        let article = try Article("Sources/Granary/Granary.docc/ACacheOverAnyStrategy.md", testFile: #filePath)
        #expect(article.codeBlocks.count == 10)
        #expect(try article.codeMissing(from: #filePath) == [])
    }

    @Test func anAnswerIsComputedOnceAndManaged() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "granary-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let segments = try SegmentCache(directory: directory)
        let cache = Cache<Answer>(over: segments)

        for _ in 0..<2 {
            let answer = try await cache.value(forKey: question) {
                Answer(text: try await model.answer(question))
            }
            #expect(answer == Answer(text: question))
        }
        #expect(model.callCount == 1)

        async let first = cache.value(forKey: "twice") { Answer(text: try await model.answer("twice")) }
        async let second = cache.value(forKey: "twice") { Answer(text: try await model.answer("twice")) }
        let areEqual = try await first == second
        #expect(areEqual && model.callCount == 2)

        let forADay = CacheSetOptions(expiry: .after(.seconds(86_400)), tag: "weather")
        try await cache.set(Answer(text: "Yes."), forKey: "Is it raining?", options: forADay)
        let isItRaining = try await cache.value(forKey: "Is it raining?")
        #expect(isItRaining == Answer(text: "Yes."))
        #expect(try segments.store.entry("Is it raining?")?.tag == Array("weather".utf8))

        var keys: [String] = []
        for try await key in segments.keys(hasPrefix: "Is") { keys.append(key) }
        let wasThere = try await segments.remove("Is it raining?")
        let count = try await segments.count()
        #expect(keys == ["Is it raining?"] && wasThere && count == 2)

        try await segments.close()
    }

    @Test func codecsTurnValuesIntoBytes() async throws {
        let embeddings = Cache<[Float]>(over: MemoryCache())
        try await embeddings.set([0.25, -1], forKey: "granary")

        let bigEndian = ValueCodec<UInt32>(coding: ValueCoding(rawValue: 128)) { number in
            withUnsafeBytes(of: number.bigEndian) { Array($0) }
        } decode: { bytes in
            bytes.count == 4 ? bytes.reduce(0) { $0 << 8 | UInt32($1) } : nil
        }
        let numbers = Cache<UInt32>(over: MemoryCache(), codec: bigEndian)
        try await numbers.set(1_700_000_000, forKey: "time")

        #expect(try await embeddings.value(forKey: "granary") == [0.25, -1])
        #expect(try await numbers.value(forKey: "time") == 1_700_000_000)
        #expect(try await numbers.strategy.get("time")?.bytes == [0x65, 0x53, 0xF1, 0x00])
    }

    @Test func twoMethodsMakeAStrategy() async throws {
        let texts = Cache<String>(over: DictionaryCache())
        let text = try await texts.value(forKey: question) { try await model.answer(question) }
        #expect(text == question)
        #expect(try await texts.value(forKey: question) == question)
        #expect(model.callCount == 1)

        let ended = CacheSetOptions(expiry: .at(milliseconds: 1))
        try await texts.set("old", forKey: "key", options: ended)
        #expect(try await texts.value(forKey: "key") == nil)
    }
}
