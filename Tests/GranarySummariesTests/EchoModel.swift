import GranarySummaries
import Synchronization

/// Says what it was asked, and counts the calls.
final class EchoModel: SummaryModel {
    let name: String
    let prompt: String
    private let version: Int
    private let asked = Mutex<[String]>([])
    private let refused: @Sendable (String) -> Bool
    private let hold: @Sendable (String) async throws -> Void

    init(
        name: String = "test/echo",
        prompt: String = "",
        version: Int = 1,
        refusing refused: @escaping @Sendable (String) -> Bool = { _ in false },
        holding hold: @escaping @Sendable (String) async throws -> Void = { _ in }
    ) {
        self.name = name
        self.prompt = prompt
        self.version = version
        self.refused = refused
        self.hold = hold
    }

    struct Refusal: Error {}

    func request(for conversation: Conversation) -> SummaryRequest {
        SummaryRequest(
            endpoint: .local,
            model: name,
            messages: conversation.messages.map { SummaryRequest.Message(role: $0.role, content: $0.content) },
            fields: CanonicalJSON(["version": .number(JSONNumber(version))])
        )
    }

    func answer(to request: SummaryRequest, meter: SummaryMeter) async throws -> SummaryAnswer {
        let text = request.messages.map(\.content).joined(separator: "|")
        asked.withLock { $0.append(text) }
        meter.countCall()
        try await hold(text)
        if refused(text) { throw Refusal() }
        let usage = TokenUsage(promptTokens: 10, completionTokens: 1)
        meter.add(usage)
        return SummaryAnswer(SummaryContent(summary: text, concerningScore: 2), usage: usage)
    }

    var calls: [String] { asked.withLock { $0 } }
    var callCount: Int { calls.count }
}
