import Foundation
import Granary
import Synchronization
import TestSupport
import Testing

@testable import GranarySummaries

@Suite(.inTurn) struct SummaryRunTests {
    private func conversations(_ count: Int) -> [Conversation] {
        (0..<count).map { Conversation(chatID: "id-\($0)", messages: [Message(role: "user", content: "text \($0)")]) }
    }

    private func options(_ mode: SummaryCacheMode) -> Summariser.Options {
        var options = Summariser.Options()
        options.mode = mode
        return options
    }

    @Test func modesReadAndWriteAsTheySay() async throws {
        let cache = MemoryCache()
        let model = EchoModel()
        func run(_ mode: SummaryCacheMode, _ count: Int) async throws -> SummaryReport {
            try await Summariser(model: model, cache: cache, options: options(mode)).summarise(conversations(count))
        }
        let readOnly = try await run(.readOnly, 2)
        #expect(readOnly.computed == 2)
        #expect(try await cache.count() == 0)
        let offline = try await run(.offline, 2)
        #expect(offline.failed == 2 && offline.calls == 0)
        #expect(offline.failures.first?.message.contains("not in the cache") == true)
        #expect(try await run(.normal, 2).computed == 2)
        let mixed = try await run(.offline, 3)
        #expect(mixed.reused == 2 && mixed.failed == 1 && mixed.summaries[2] == nil)
        #expect(mixed.savedUsage == TokenUsage(promptTokens: 20, completionTokens: 2))
        let refreshed = try await run(.refresh, 2)
        #expect(refreshed.computed == 2 && refreshed.reused == 0)
        #expect(try await cache.count() == 2)
    }

    @Test(.timeLimit(.minutes(30))) func runsAtOnceShareCalls() async throws {
        let cache = MemoryCache()
        let gate = Gate()
        let model = EchoModel(holding: { _ in await gate.wait() })
        let runs = (0..<3).map { number in
            Task { [conversations = conversations(5)] in
                try await Summariser(model: model, cache: cache)
                    .summarise(conversations.map { Conversation(chatID: "\(number)", messages: $0.messages) })
            }
        }
        while model.callCount < 4 { await Task.yield() }
        gate.open()
        var computed = 0
        for (number, run) in runs.enumerated() {
            let report = try await run.value
            computed += report.computed
            #expect(report.failed == 0 && report.reused + report.computed == 5)
            #expect(report.summaries.allSatisfy { $0?.chatID == "\(number)" })
        }
        #expect(model.callCount == 5 && computed == 5)
    }

    @Test(.timeLimit(.minutes(30))) func oneWaitersCancellationCancelsNoOther() async throws {
        let cache = MemoryCache()
        let gate = Gate()
        let model = EchoModel(holding: { _ in
            await gate.wait()
            try Task.checkCancellation()
        })
        let first = Task { [conversations = conversations(3)] in
            try await Summariser(model: model, cache: cache).summarise(conversations)
        }
        while model.callCount < 3 { await Task.yield() }
        let flights = SummaryFlights.over(cache)
        let second = Task { [conversations = conversations(3)] in
            try await Summariser(model: model, cache: cache).summarise(conversations)
        }
        let keys = conversations(3).map { SummaryKey(of: model.request(for: $0), prompt: "").text }
        while !keys.allSatisfy({ flights.waiters(forKey: $0) == 2 }) { await Task.yield() }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        gate.open()
        let report = try await second.value
        #expect(report.failed == 0 && report.reused == 3)
        #expect(model.callCount == 3)
    }

    /// Lets all through once it is open.
    final class Gate: Sendable {
        private let state = Mutex((isOpen: false, waiting: [CheckedContinuation<Void, Never>]()))

        func wait() async {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }

        func open() {
            let waiting = state.withLock { state in
                state.isOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
    }

    struct Failure: SummaryModelError, CustomStringConvertible {
        var scope: SummaryFailureScope
        var description: String { "failed: \(scope)" }
    }

    @Test(arguments: [
        (SummaryFailureScope.settings, 4), (.service, 4), (.conversation, 50),
    ])
    func stopsWhereEveryOtherCallWouldFailToo(scope: SummaryFailureScope, calls: Int) async throws {
        let model = EchoModel(holding: { _ in throw Failure(scope: scope) })
        let report = try await Summariser(model: model, cache: nil).summarise(conversations(50))
        #expect(report.calls == calls && report.failed == 50 && report.failures.count == calls)
        #expect((report.stopReason == nil) == (scope == .conversation))
    }

    @Test func aServiceThatHasAnsweredMayStumble() async throws {
        let model = EchoModel(holding: { text in
            if text != "text 0" { throw Failure(scope: .service) }
        })
        var options = Summariser.Options()
        options.concurrency = 1
        let report = try await Summariser(model: model, cache: nil, options: options).summarise(conversations(20))
        #expect(report.computed == 1 && report.failures.count == 19 && report.stopReason == nil)
    }

    /// They come first in the list: in the order in which they stand they would be all that is tried.
    @Test func someThatAlwaysFailKeepNoOtherFromBeingTried() async throws {
        let model = EchoModel(holding: { text in
            if ["text 0", "text 1", "text 2", "text 3"].contains(text) { throw Failure(scope: .service) }
        })
        for count in [5, 8, 9, 50] {
            let report = try await Summariser(model: model, cache: nil).summarise(conversations(count))
            #expect(report.computed == count - 4 && report.failures.count == 4 && report.stopReason == nil)
        }
    }

    @Test func aRunThatStopsWaitsForTheCallsUnderWay() async throws {
        let (answered, gate) = (Gate(), Gate())
        let model = EchoModel(holding: { text in
            if text == "text 0" { return }
            if ["text 1", "text 2", "text 3", "text 4"].contains(text) {
                await answered.wait()
                throw Failure(scope: .settings)
            }
            await gate.wait()
            try Task.checkCancellation()
        })
        var options = Summariser.Options()
        options.concurrency = 20
        let summariser = Summariser(model: model, cache: nil, options: options) { progress in
            if progress.computed == 1 { answered.open() }
            if progress.failed == 4 { gate.open() }
        }
        let report = try await summariser.summarise(conversations(15))
        #expect(report.stopReason != nil && report.failures.count == 4)
        #expect(report.computed == report.calls - 4)
    }

    @Test(.timeLimit(.minutes(30))) func whatAReadOnlyRunPaidForIsStoredByTheOneThatJoinsIt() async throws {
        let cache = MemoryCache()
        let gate = Gate()
        let model = EchoModel(holding: { _ in await gate.wait() })
        func start(_ mode: SummaryCacheMode) -> Task<SummaryReport, any Error> {
            Task { [conversations = conversations(1), options = options(mode)] in
                try await Summariser(model: model, cache: cache, options: options).summarise(conversations)
            }
        }
        let first = start(.readOnly)
        while model.callCount < 1 { await Task.yield() }
        let second = start(.normal)
        let key = SummaryKey(of: model.request(for: conversations(1)[0]), prompt: "").text
        while SummaryFlights.over(cache).waiters(forKey: key) < 2 { await Task.yield() }
        gate.open()
        #expect(try await first.value.computed == 1)
        #expect(try await second.value.reused == 1)
        #expect(try await cache.get(key) != nil)
        #expect(model.callCount == 1)
    }

    /// A cache whose sets wait for a gate, and which takes nothing for a task that is cancelled.
    private struct SlowCache: CacheStrategy {
        let inner = MemoryCache()
        let gate = Gate()
        let sets = Counter()

        final class Counter: Sendable {
            private let value = Atomic(0)
            var count: Int { value.load(ordering: .relaxed) }
            func add() { value.add(1, ordering: .relaxed) }
        }

        func get(_ key: String) async throws -> CacheValue? { try await inner.get(key) }
        func hit(_ key: String) async throws -> CacheHit? { try await inner.hit(key) }

        func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws {
            sets.add()
            await gate.wait()
            try Task.checkCancellation()
            try await inner.set(key, to: value, options: options)
        }
    }

    @Test(.timeLimit(.minutes(30))) func cancellingEndsBehindTheAnswersThatAreBeingStored() async throws {
        let cache = SlowCache()
        let run = Task { [conversations = conversations(3)] in
            try await Summariser(model: EchoModel(), cache: cache).summarise(conversations)
        }
        while cache.sets.count < 3 { await Task.yield() }
        run.cancel()
        cache.gate.open()
        await #expect(throws: CancellationError.self) { try await run.value }
        #expect(try await cache.inner.count() == 3)
    }

    @Test func tokensBeyondAnIntAreTheMostThereIs() {
        let half = TokenUsage(promptTokens: 1 << 61, completionTokens: 1 << 61)
        let all = (0..<8).reduce(TokenUsage()) { sum, _ in sum + half }
        #expect((half + half).totalTokens == .max && all.promptTokens == .max && all.totalTokens == .max)
    }

    @Test func findsWhatLiesUnderAnotherKey() async throws {
        let cache = MemoryCache()
        try await cache.set("old/1", to: SummaryEnvelope(content: SummaryContent(summary: "imported")).value)
        try await cache.set("old/2", to: CacheValue(Array(#"{"summary":"bare"}"#.utf8), coding: .json))
        var options = Summariser.Options()
        options.alternativeKey = { "old/\($0.chatID.dropFirst(3))" }
        let report = try await Summariser(model: EchoModel(), cache: cache, options: options).summarise(
            conversations(3)
        )
        #expect(report.reused == 2 && report.computed == 1)
        #expect(report.summaries.map { $0?.content.summary } == ["text 0", "imported", "bare"])
    }

    @Test func envelopesComeBackAsTheyWere() throws {
        let conversation = conversations(1)[0]
        let request = ExtractiveModel().request(for: conversation)
        let envelope = SummaryEnvelope(
            content: SummaryContent(summary: "s", languages: [], concerningScore: 5, extra: ["é": [1.5, nil]]),
            usage: TokenUsage(promptTokens: 3, completionTokens: 4),
            components: KeyComponents(of: request, for: conversation, prompt: "")
        )
        #expect(SummaryEnvelope(envelope.value) == envelope)
        let length = envelope.value.bytes.count
        #expect(SummaryEnvelope(envelope.value, withComponents: false)?.content == envelope.content)
        for end in 0..<length {
            let part = CacheValue(Array(envelope.value.bytes[..<end]), coding: .json)
            #expect(SummaryEnvelope(part) == nil)
            // Without the components the end is not looked at; what is read is whole all the same.
            if let read = SummaryEnvelope(part, withComponents: false) {
                #expect(read.content == envelope.content && read.usage == envelope.usage)
            }
        }
    }

    @Test func componentsTellWhatDiffers() {
        let conversation = conversations(1)[0]
        func components(_ version: Int, _ options: SummaryKey.Options = SummaryKey.Options()) -> KeyComponents {
            let model = EchoModel(version: version)
            return KeyComponents(of: model.request(for: conversation), for: conversation, prompt: "", options: options)
        }
        #expect(components(1).differences(from: components(1)).isEmpty)
        #expect(
            components(1).differences(from: components(2, SummaryKey.Options(extra: "x"))) == [
                KeyComponents.Difference(name: "field version", asked: "1", stored: "2"),
                KeyComponents.Difference(name: "extra", asked: nil, stored: "x"),
            ]
        )
    }

    @Test func pricesComeFromAFile() throws {
        let text = #"{"openai/gpt-4o-mini": {"prompt": 0.15, "completion": 0.60}}"#
        let prices = try PriceList(json: Array(text.utf8))
        let usage = TokenUsage(promptTokens: 2_000_000, completionTokens: 500_000)
        #expect(prices.dollars(for: usage, model: "openai/gpt-4o-mini") == 0.6)
        #expect(prices.dollars(for: usage, model: "openai/gpt-4o") == nil)
        for wrong in [
            "[]", #"{"a": 1}"#, #"{"a": {"prompt": "1", "completion": 1}}"#, #"{"a": {"prompt": -1, "completion": 1}}"#,
        ] {
            #expect(throws: PriceListError.self) { try PriceList(json: Array(wrong.utf8)) }
        }
    }
}
