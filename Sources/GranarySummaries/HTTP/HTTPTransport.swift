internal import AsyncHTTPClient
internal import Granary
internal import NIOCore
internal import NIOHTTP1

/// What a server sent, whole.
struct HTTPReply: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: [UInt8]

    var retryAfter: String? { headers.first(name: "Retry-After") }
    var location: String? { headers.first(name: "Location") }
    /// Of what the reply is about, as dataset viewers tell it.
    var revision: String? { headers.first(name: "X-Revision") }
}

/// Why there is no whole reply.
enum HTTPFailure: Error, Sendable, Hashable {
    case timedOut(after: Duration)
    /// The connection could not be made, or broke.
    case connection(String)
    /// The reply has more bytes than are taken.
    case tooLarge(limit: Int)
}

/// Sends requests and gives replies whole. Redirects are not followed, so that a key goes nowhere but where it is sent.
final class HTTPTransport: Sendable, CustomReflectable {
    private let client: HTTPClient
    private let key: APIKey?
    private let timeout: Duration
    private let maxReplyBytes: Int

    /// - Parameter key: sent with every request, if there is one.
    init(key: APIKey?, timeout: Duration, maxReplyBytes: Int, connections: Int) {
        self.key = key
        self.timeout = timeout
        self.maxReplyBytes = maxReplyBytes
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(10)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
        // Retries are counted and reported by who sends, so the client makes none of its own.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Nothing: a dump would otherwise go down to the buffers of connections, in which the key is.
    var customMirror: Mirror { Mirror(self, children: []) }

    deinit {
        // The closure keeps the client until its connections are closed.
        client.shutdown { _ in }
    }

    /// Asks for what the URL names, taking so many bytes at most.
    ///
    /// - Throws: `HTTPFailure`, and `CancellationError` once the task is cancelled.
    func get(_ url: String, atMost maxBytes: Int) async throws -> HTTPReply {
        try await send(HTTPClientRequest(url: url), atMost: maxBytes)
    }

    /// Sends JSON there.
    ///
    /// - Throws: `HTTPFailure`, and `CancellationError` once the task is cancelled.
    func post(_ json: [UInt8], to url: String) async throws -> HTTPReply {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(json)
        return try await send(request, atMost: maxReplyBytes)
    }

    private func send(_ request: HTTPClientRequest, atMost maxBytes: Int) async throws -> HTTPReply {
        do {
            return try await withTimeout(timeout, throwing: HTTPFailure.timedOut(after: self.timeout)) {
                try await self.exchange(request, atMost: maxBytes)
            }
        } catch let error as HTTPFailure {
            throw error
        } catch is NIOTooManyBytesError {
            throw HTTPFailure.tooLarge(limit: maxBytes)
        } catch {
            // The client's own cancellation is the task's.
            try Task.checkCancellation()
            throw HTTPFailure.connection(plainLine("\(error)", key: key))
        }
    }

    private func exchange(_ request: HTTPClientRequest, atMost maxBytes: Int) async throws -> HTTPReply {
        var request = request
        request.headers.add(name: "Accept", value: "application/json")
        if let key { request.headers.add(name: "Authorization", value: key.authorization) }
        let response = try await client.execute(request, deadline: .distantFuture)
        let body = try await response.body.collect(upTo: maxBytes)
        return HTTPReply(
            status: Int(response.status.code),
            headers: response.headers,
            body: Array(body.readableBytesView)
        )
    }
}
