internal import AsyncHTTPClient
internal import Granary
internal import NIOCore
internal import NIOHTTP1

/// A request to send.
struct HTTPRequest: Sendable {
    var method: String
    var url: String
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
}

/// What a server sent, whole.
struct HTTPAnswer: Sendable {
    var status: Int
    var headers: [(name: String, value: String)]
    var body: [UInt8]

    /// The first header of the name, in any case.
    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
}

/// Why there is no whole answer.
enum TransportFailure: Error, Sendable, CustomStringConvertible {
    case timedOut(after: Duration)
    case connection(String)
    case tooLarge(limit: Int)
    case closed

    var description: String {
        switch self {
        case .timedOut(let limit): "nothing came or went for \(limit), or too little on the whole"
        case .connection(let reason): "the connection failed: \(reason)"
        case .tooLarge(let limit): "the answer is longer than \(limit) bytes"
        case .closed: "the client is closed"
        }
    }
}

/// Sends requests where they say, and nowhere else: redirects are not followed.
final class HTTPTransport: Sendable, CustomReflectable {
    private let client: HTTPClient

    init(connections: Int) {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = .seconds(10)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
        // Retries are counted by who sends, so the client makes none of its own.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit {
        // The closure keeps the client until its connections are closed; one that is closed already refuses.
        client.shutdown { _ in }
    }

    /// Nothing: a dump would otherwise go down to the buffers of connections, in which signatures and tokens are.
    var customMirror: Mirror { Mirror(self, children: []) }

    /// Closes the connections; requests fail from now on. A second call does nothing.
    func close() async { try? await client.shutdown() }

    /// Sends the request and gives the whole answer, but of a failure's page the first 64 KiB. The timeout is for silence;
    /// large bodies have the time that they need (`TransferLimit`).
    ///
    /// - Throws: `TransportFailure`, and `CancellationError` once the task is cancelled.
    func send(_ request: HTTPRequest, timeout: Duration, longestAnswer: Int) async throws -> HTTPAnswer {
        do {
            // The client's own deadline ends with the answer's head.
            let transfer = HTTPTransfer(timeout: timeout)
            return try await transfer.run(throwing: TransportFailure.timedOut(after: timeout)) {
                try await self.send(request, longestAnswer, transfer)
            }
        } catch let failure as TransportFailure {
            throw failure
        } catch let error as HTTPClientError where error == .alreadyShutdown {
            throw TransportFailure.closed
        } catch {
            // The client's own cancellation is the task's.
            try Task.checkCancellation()
            throw TransportFailure.connection(Self.reason(error))
        }
    }

    private func send(
        _ request: HTTPRequest,
        _ longestAnswer: Int,
        _ transfer: HTTPTransfer
    ) async throws -> HTTPAnswer {
        var sent = HTTPClientRequest(url: request.url)
        sent.method = HTTPMethod(rawValue: request.method)
        for (name, value) in request.headers { sent.headers.add(name: name, value: value) }
        let body = ByteBuffer(bytes: request.body)
        if request.body.count > OutgoingParts.partLength {
            let parts = OutgoingParts(bytes: body, transfer: transfer)
            sent.body = .stream(parts, length: .known(Int64(request.body.count)))
        } else if !request.body.isEmpty {
            sent.body = .bytes(body)
        }
        let response = try await client.execute(sent, deadline: .distantFuture)
        let status = Int(response.status.code)
        // A failure is what its status says, whatever the page of a proxy is like; of that the beginning is enough.
        let isFailure = !(200..<300 ~= status)
        let limit = isFailure ? S3Request.longestFailure : longestAnswer
        let length = response.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
        // An answer to HEAD has the length of what it has not.
        if length > limit, !isFailure, request.method != "HEAD" { throw TransportFailure.tooLarge(limit: limit) }
        var answer = HTTPAnswer(
            status: status,
            headers: response.headers.map { ($0.name, $0.value) },
            body: []
        )
        for try await part in response.body {
            transfer.note(received: part.readableBytes)
            let room = limit - answer.body.count
            guard part.readableBytes <= room || isFailure else { throw TransportFailure.tooLarge(limit: limit) }
            answer.body += part.readableBytesView.prefix(room)
            if part.readableBytes > room { break }
        }
        return answer
    }

    /// The client's own words hold the values of headers that it refuses.
    private static func reason(_ error: any Error) -> String {
        (error as? HTTPClientError)?.shortDescription ?? "\(error)"
    }
}
