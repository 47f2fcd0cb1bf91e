/// Sends requests for completions to one endpoint.
struct ChatTransport: Sendable {
    private let url: String
    private let transport: HTTPTransport

    init(endpoint: ChatEndpoint, timeout: Duration, maxAnswerBytes: Int, connections: Int) {
        url = endpoint.baseURL + "/chat/completions"
        transport = HTTPTransport(
            key: endpoint.key,
            timeout: timeout,
            maxReplyBytes: maxAnswerBytes,
            connections: connections
        )
    }

    /// Sends the body and gives the whole answer, within the time and size.
    ///
    /// - Throws: `ChatModelError`, and `CancellationError` once the task is cancelled.
    func post(_ body: [UInt8]) async throws -> HTTPReply {
        do {
            return try await transport.post(body, to: url)
        } catch HTTPFailure.timedOut(let limit) {
            throw ChatModelError.timedOut(after: limit)
        } catch HTTPFailure.connection(let message) {
            throw ChatModelError.connection(message)
        } catch HTTPFailure.tooLarge(let limit) {
            throw ChatModelError.tooLarge(limit: limit)
        }
    }
}
