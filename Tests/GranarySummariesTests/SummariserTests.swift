import Granary
import Synchronization
import TestSupport
import Testing

@testable import GranarySummaries

@Suite(.inTurn) struct SummariserTests {
    private func conversation(_ id: String, _ contents: String..., metadata: JSONObject? = nil) -> Conversation {
        Conversation(chatID: id, messages: contents.map { Message(role: "user", content: $0) }, metadata: metadata)
    }

    @Test func reusesEverythingInTheSecondRun() async throws {
        let cache = MemoryCache()
        let model = EchoModel()
        let conversations = (0..<100).map {
            conversation("id-\($0)", "text \($0)", metadata: ["n": .number(JSONNumber($0))])
        }
        let first = try await Summariser(model: model, cache: cache).summarise(conversations)
        #expect(first.computed == 100 && first.reused == 0 && first.failed == 0)
        let second = try await Summariser(model: model, cache: cache).summarise(conversations)
        #expect(second.computed == 0 && second.reused == 100)
        #expect(model.callCount == 100)
        #expect(second.summaries == first.summaries)
        #expect(second.summaries.map { $0?.chatID } == conversations.map(\.chatID))
        #expect(
            SummaryFile.json(first.summaries.compactMap { $0 }) == SummaryFile.json(second.summaries.compactMap { $0 })
        )
    }

    @Test func takesIdentityFromTheConversationAskedForNeverFromTheCache() async throws {
        let cache = MemoryCache()
        let model = EchoModel()
        _ = try await Summariser(model: model, cache: cache).summarise([conversation("a", "same", metadata: ["x": 1])])
        let report = try await Summariser(model: model, cache: cache)
            .summarise([conversation("b", "same", metadata: ["y": 2]), conversation("c", "same")])
        #expect(report.reused == 2 && model.callCount == 1)
        #expect(report.summaries[0]?.chatID == "b" && report.summaries[0]?.metadata == ["y": 2])
        #expect(report.summaries[1]?.chatID == "c" && report.summaries[1]?.metadata == nil)
    }

    @Test func computesEqualConversationsOnce() async throws {
        let model = EchoModel()
        let report = try await Summariser(model: model, cache: nil)
            .summarise((0..<20).map { conversation("id-\($0)", "same") })
        #expect(model.callCount == 1)
        #expect(report.computed == 1 && report.reused == 19)
        #expect(report.summaries.map { $0?.chatID } == (0..<20).map { "id-\($0)" })
    }

    @Test func oneFailureEndsOneSummaryAndTheNextRunPaysForThatAlone() async throws {
        let cache = MemoryCache()
        let conversations = (0..<10).map { conversation("id-\($0)", "text \($0)") }
        let failing = EchoModel(refusing: { $0 == "text 3" })
        let first = try await Summariser(model: failing, cache: cache).summarise(conversations)
        #expect(first.computed == 9 && first.failed == 1)
        #expect(first.failures.map(\.index) == [3] && first.failures.map(\.chatID) == ["id-3"])
        #expect(first.summaries[3] == nil)
        let model = EchoModel()
        let second = try await Summariser(model: model, cache: cache).summarise(conversations)
        #expect(second.computed == 1 && second.reused == 9)
        #expect(model.calls == ["text 3"])
    }

    @Test func storesEachAnswerTheMomentItExists() async throws {
        let cache = MemoryCache()
        let conversations = (0..<5).map { conversation("id-\($0)", "text \($0)") }
        let seen = Mutex<[Int]>([])
        var options = Summariser.Options()
        options.concurrency = 1
        let summariser = Summariser(model: EchoModel(), cache: cache, options: options) { progress in
            seen.withLock { $0.append(progress.done) }
        }
        _ = try await summariser.summarise(conversations)
        #expect(seen.withLock { $0 } == [1, 2, 3, 4, 5])
        #expect(try await cache.count() == 5)
    }

    /// Loses everything, loudly.
    struct BrokenCache: CacheStrategy {
        struct Failure: Error {}
        func get(_ key: String) async throws -> CacheValue? { throw Failure() }
        func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws { throw Failure() }
    }

    @Test func goesOnWithoutACacheThatFails() async throws {
        let report = try await Summariser(model: EchoModel(), cache: BrokenCache())
            .summarise([conversation("a", "x"), conversation("b", "y")])
        #expect(report.computed == 2 && report.failed == 0)
        #expect(report.cacheFailure != nil)
    }

    @Test func aDamagedOrForeignEntryIsAMiss() async throws {
        let cache = MemoryCache()
        let model = EchoModel()
        let asked = conversation("a", "x")
        let key = SummaryKey(of: model.request(for: asked), prompt: model.prompt).text
        let whole = SummaryEnvelope(content: SummaryContent(summary: "x")).value
        let values = [
            CacheValue(Array("{".utf8), coding: .json), CacheValue([1, 2, 3]), CacheValue(whole.bytes),
            CacheValue(whole.bytes.dropLast(30), coding: .json),
            CacheValue(Array(#"{"summary": "x"}"#.utf8), coding: .json),
        ]
        for value in values {
            try await cache.set(key, to: value)
            let report = try await Summariser(model: model, cache: cache).summarise([asked])
            #expect(report.computed == 1)
        }
        try await cache.set(key, to: whole)
        #expect(try await Summariser(model: model, cache: cache).summarise([asked]).reused == 1)
    }
}
