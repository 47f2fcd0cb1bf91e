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

    func run() throws {
        let (engine, directory, count, port) = (engine, directory, conversations, port)
        let answer = try waiting { try await Self.answer(engine, directory, count, port) }
        print(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self))
    }

    private static func answer(
        _ engine: EngineName,
        _ directory: String,
        _ count: Int,
        _ port: UInt16
    ) async throws -> ReuseAnswer {
        let cache: any ManagedCacheStrategy =
            engine == .segmentCache
            ? try SegmentCache(directory: directory)
            : try await SQLiteCache(file: directory + "/cache.sqlite")
        let summariser = Summariser(model: try ServedModel(port: port), cache: cache)
        let report = try await summariser.summarise((0..<count).map(conversation))
        if let failure = report.failures.first { throw BenchError("\(failure.chatID): \(failure.message)") }
        if let failure = report.cacheFailure { throw BenchError("the cache failed: \(failure)") }
        try await cache.close()
        let contents = report.summaries.compactMap { $0?.content }
        guard contents.count == count else { throw BenchError("\(contents.count) summaries of \(count)") }
        let (codingSeconds, bytes) = try coding(contents, report.computed)
        return ReuseAnswer(
            conversations: count,
            computed: report.computed,
            seconds: report.seconds,
            cacheSeconds: report.cacheSeconds,
            codingSeconds: codingSeconds,
            valueBytesMean: Double(bytes) / Double(count)
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

    /// What the cache's time holds of JSON: decoding the summaries that were found, encoding those that were computed.
    private static func coding(_ contents: [SummaryContent], _ computed: Int) throws -> (seconds: Double, bytes: Int) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let decoder = JSONDecoder()
        let coded = try contents.map { try encoder.encode($0) }
        let clock = ContinuousClock()
        let seconds = try clock.measure {
            for data in coded.dropFirst(computed) { _ = try decoder.decode(SummaryContent.self, from: data) }
            for content in contents.prefix(computed) { _ = try encoder.encode(content) }
        }
        return (seconds / .seconds(1), coded.reduce(0) { $0 + $1.count })
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
