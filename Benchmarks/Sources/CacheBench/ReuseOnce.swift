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
        let keys = conversations.map { SummaryKey.key(for: $0, model: model) }
        let start = monotonicNanoseconds()
        let values = try await cache.get(keys)
        let middle = monotonicNanoseconds()
        let decoder = JSONDecoder()
        for value in values {
            guard let value else { throw BenchError("a summary is missing") }
            _ = try decoder.decode(SummaryContent.self, from: Data(value.bytes))
        }
        let end = monotonicNanoseconds()
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
    let fingerprint = "1"
    private let address: URL
    private let session: URLSession

    init(port: UInt16) throws {
        guard let address = URL(string: "http://127.0.0.1:\(port)/") else { throw BenchError("no address") }
        self.address = address
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = 16
        session = URLSession(configuration: configuration)
    }

    func content(for conversation: Conversation) async throws -> SummaryContent {
        var request = URLRequest(url: address)
        request.httpMethod = "POST"
        request.httpBody = Data((conversation.messages.first?.content ?? "").utf8)
        let (data, _) = try await session.data(for: request)
        return try JSONDecoder().decode(SummaryContent.self, from: data)
    }
}
#endif
