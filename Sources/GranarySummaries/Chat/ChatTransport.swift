internal import AsyncHTTPClient
internal import Granary
internal import NIOCore
internal import NIOHTTP1

/// What a server sent, whole.
struct ChatResponse: Sendable {
    var status: Int
    var retryAfter: String?
    var location: String?
    var body: [UInt8]
}

/// Sends requests to one address, and nowhere else: redirects are not followed.
final class ChatTransport: Sendable, CustomReflectable {
    private let client: HTTPClient
    private let url: String
    private let key: APIKey?
    private let timeout: Duration
    private let maxAnswerBytes: Int

    init(endpoint: ChatEndpoint, timeout: Duration, maxAnswerBytes: Int, connections: Int) {
        url = endpoint.baseURL + "/chat/completions"
        key = endpoint.key
        self.timeout = timeout
        self.maxAnswerBytes = maxAnswerBytes
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(10)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
        // Retries are counted and reported here, so the client makes none of its own.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Nothing: a dump would otherwise go down to the buffers of connections, in which the key is.
    var customMirror: Mirror { Mirror(self, children: []) }

    deinit {
        // The closure keeps the client until its connections are closed.
        client.shutdown { _ in }
    }

    /// Sends the body and gives the whole answer, within the time and size.
    ///
    /// - Throws: `ChatModelError`, and `CancellationError` once the task is cancelled.
    func post(_ body: [UInt8]) async throws -> ChatResponse {
        do {
            return try await withTimeout(timeout, throwing: ChatModelError.timedOut(after: self.timeout)) {
                try await self.send(body)
            }
        } catch let error as ChatModelError {
            throw error
        } catch is NIOTooManyBytesError {
            throw ChatModelError.tooLarge(limit: maxAnswerBytes)
        } catch {
            // The client's own cancellation is the task's.
            try Task.checkCancellation()
            throw ChatModelError.connection(plainLine("\(error)", key: key))
        }
    }

    private func send(_ body: [UInt8]) async throws -> ChatResponse {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "Accept", value: "application/json")
        if let key { request.headers.add(name: "Authorization", value: key.authorization) }
        request.body = .bytes(body)
        let response = try await client.execute(request, deadline: .distantFuture)
        let answer = try await response.body.collect(upTo: maxAnswerBytes)
        return ChatResponse(
            status: Int(response.status.code),
            retryAfter: response.headers.first(name: "Retry-After"),
            location: response.headers.first(name: "Location"),
            body: Array(answer.readableBytesView)
        )
    }
}

/// A text from outside as one short line that is harmless to a terminal and a log, without the key.
func plainLine(_ text: String, key: APIKey?) -> String { plainLine(key?.redacted(from: text) ?? text) }
