#if Summaries
import ArgumentParser
import Foundation
import FoundationNetworking
import Granary
import GranarySQLite
import GranarySummaries

/// Summarises conversations once through a cache and says what that took; started by `Measure`.
struct ReuseOnce: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Summarises once.", shouldDisplay: false)

    @Option var engine: EngineName
    @Option var directory: String
    @Option var conversations: Int
    @Option var port: UInt16
    @Flag(help: "Read the bytes of all summaries, and decode them after that.") var bytesFirst = false

    func run() throws {
        let (engine, directory, count, port, bytesFirst) = (engine, directory, conversations, port, bytesFirst)
        let answer = try waiting {
            let cache: any ManagedCacheStrategy =
                engine == .segmentCache
                ? try SegmentCache(directory: directory)
                : try await SQLiteCache(file: directory + "/cache.sqlite")
            let model = try ServedModel(port: port)
            let conversations = (0..<count).map(Self.conversation)
            let answer =
                bytesFirst
                ? try await Self.read(conversations, model, cache)
                : try await Self.summarise(conversations, model, cache)
            try await cache.close()
            return answer
        }
        print(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self))
    }

    private static func summarise(
        _ conversations: [Conversation],
        _ model: ServedModel,
        _ cache: any ManagedCacheStrategy
    ) async throws -> ReuseAnswer {
        let report = try await Summariser(model: model, cache: cache).summarise(conversations)
        if let failure = report.failures.first { throw BenchError("\(failure.chatID): \(failure.message)") }
        if let failure = report.cacheFailure { throw BenchError("the cache failed: \(failure)") }
        for (conversation, summary) in zip(conversations, report.summaries) {
            try check(summary?.content, of: conversation)
        }
        return ReuseAnswer(
            conversations: conversations.count,
            computed: report.computed,
            seconds: report.seconds,
            cacheSeconds: report.cacheSeconds
        )
    }

    /// What a second run asks of the cache, in its two parts: the bytes, and what they say.
    private static func read(
        _ conversations: [Conversation],
        _ model: ServedModel,
        _ cache: any ManagedCacheStrategy
    ) async throws -> ReuseAnswer {
        let keys = conversations.map { SummaryKey(of: model.request(for: $0), prompt: model.prompt).text }
        let start = monotonicNanoseconds()
        let values = try await cache.get(keys)
        let middle = monotonicNanoseconds()
        let envelopes = values.map { $0.flatMap { SummaryEnvelope($0) } }
        let end = monotonicNanoseconds()
        for (conversation, envelope) in zip(conversations, envelopes) { try check(envelope?.content, of: conversation) }
        let bytes = values.reduce(0) { $0 + ($1?.bytes.count ?? 0) }
        return ReuseAnswer(
            conversations: conversations.count,
            computed: 0,
            seconds: Double(end - start) / 1e9,
            cacheSeconds: Double(middle - start) / 1e9,
            codingSeconds: Double(end - middle) / 1e9,
            valueBytesMean: Double(bytes) / Double(conversations.count)
        )
    }

    /// The model repeats what it was asked, so that each summary tells whose it is.
    private static func check(_ content: SummaryContent?, of conversation: Conversation) throws {
        guard let content, let request = conversation.messages.first?.content else {
            throw BenchError("\(conversation.chatID): no summary")
        }
        guard content.request == request, content.summary.contains(request) else {
            throw BenchError("\(conversation.chatID): the summary of another conversation")
        }
    }

    private static func conversation(_ number: Int) -> Conversation {
        Conversation(
            chatID: "conversation \(number)",
            messages: [
                Message(role: "user", content: "How do I sort list \(number) by two of its fields at once?"),
                Message(role: "assistant", content: "Compare the first field, and the second where they are equal."),
            ]
        )
    }
}

/// A model behind HTTP.
private struct ServedModel: SummaryModel {
    let name = "local/served"
    private let address: URL
    private let session: URLSession

    init(port: UInt16) throws {
        guard let address = URL(string: "http://127.0.0.1:\(port)/") else { throw BenchError("no address") }
        self.address = address
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = 16
        session = URLSession(configuration: configuration)
    }

    func request(for conversation: Conversation) -> SummaryRequest {
        SummaryRequest(
            endpoint: .local,
            model: name,
            messages: conversation.messages.map { SummaryRequest.Message(role: $0.role, content: $0.content) }
        )
    }

    func answer(to request: SummaryRequest, meter: SummaryMeter) async throws -> SummaryAnswer {
        meter.countCall()
        var call = URLRequest(url: address)
        call.httpMethod = "POST"
        call.httpBody = Data((request.messages.first?.content ?? "").utf8)
        let (data, _) = try await session.data(for: call)
        guard let content = SummaryContent(try JSONValue(json: Array(data))) else { throw BenchError("no summary") }
        return SummaryAnswer(content)
    }
}
#endif
