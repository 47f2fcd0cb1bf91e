internal import Crypto
internal import FoundationEssentials
internal import Granary
internal import SegmentStore
internal import Synchronization

/// A request about the cache's bucket or one of its objects.
struct S3Request: Sendable {
    var method: String
    /// The object's name behind the prefix; nil: the bucket.
    var name: String?
    var query: [(name: String, value: String)] = []
    /// Without those that every request has.
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var longestAnswer = S3Request.longestFailure
    /// Statuses beside 2xx that the caller wants to see.
    var expected: Set<Int> = []

    /// Bytes of an answer that says why something failed.
    static let longestFailure = 64 << 10
}

/// An answer, and how it was got.
struct S3Reply: Sendable {
    var answer: HTTPAnswer
    /// How often the request was sent again.
    var retries = 0
    /// What it was signed with, to be kept out of what is shown of the answer.
    var credentials: S3Credentials
}

/// Signs and sends requests, as many at a time and as often as the options say.
final class S3Client: Sendable {
    let place: S3Place
    private let transport: HTTPTransport
    private let credentials: CredentialStore
    private let slots: RequestSlots
    private let options: S3CacheOptions

    init(_ place: S3Place, _ options: S3CacheOptions) {
        self.place = place
        self.options = options
        let transport = HTTPTransport(connections: options.concurrency)
        self.transport = transport
        slots = RequestSlots(options.concurrency)
        let chain = CredentialChain(options, transport: transport)
        credentials = CredentialStore(clock: options.clock) {
            if let given = options.credentials { return IssuedCredentials(credentials: given) }
            do {
                return try await chain.issue()
            } catch var error as S3CacheError {
                error.location = place.location
                throw error
            }
        }
    }

    /// Sends the request, again where that may help; the answer is of a status that the request expects, and a 404 says
    /// that the object is not there, not that something else is missing. What the check throws is a failure like others.
    ///
    /// - Throws: `S3CacheError`, and `CancellationError` once the task is cancelled.
    func send(
        _ request: S3Request,
        _ check: @Sendable (S3Reply) throws(S3CacheError) -> Void = { _ throws(S3CacheError) in }
    ) async throws -> S3Reply {
        let bodyHash = SignatureVersion4.hash(request.body)
        var retry = 0
        while true {
            do {
                var reply = try await attempt(request, bodyHash: bodyHash)
                try check(reply)
                reply.retries = retry
                return reply
            } catch let error as S3CacheError
                where error.isTransient || error.code == .expiredCredentials && options.credentials == nil
            {
                guard retry < options.retries.maxRetries else { throw error }
            }
            try await options.retries.pause(beforeRetry: retry)
            retry += 1
        }
    }

    private func attempt(_ request: S3Request, bodyHash: String) async throws -> S3Reply {
        try await slots.withSlot {
            let credentials = try await credentials.credentials()
            let answer = try await exchange(sign(request, bodyHash: bodyHash, credentials), request, credentials)
            let reply = S3Reply(answer: answer, credentials: credentials)
            if 200..<300 ~= answer.status { return reply }
            let failure = S3Failure(answer, hiding: credentials)
            if request.expected.contains(answer.status), answer.status != 404 || failure.saysThatNothingIsThere {
                return reply
            }
            let error = failure.error(place)
            if error.code == .expiredCredentials { self.credentials.discard(credentials) }
            throw error
        }
    }

    private func exchange(
        _ signed: HTTPRequest,
        _ request: S3Request,
        _ credentials: S3Credentials
    ) async throws -> HTTPAnswer {
        do {
            return try await transport.send(signed, timeout: options.timeout, longestAnswer: request.longestAnswer)
        } catch let failure as TransportFailure {
            let (code, remedy): (S3CacheError.Code, String) =
                switch failure {
                case .timedOut: (.timedOut, "check the network and the endpoint \(place.host), or raise the timeout")
                case .connection: (.connection, "check the network and the endpoint \(place.host)")
                case .tooLarge: (.answerTooLarge, "check that the endpoint \(place.host) is S3")
                case .closed: (.closed, "open the cache again")
                }
            throw S3CacheError(
                code,
                location: place.location,
                detail: "\(plainLine("\(failure)", hiding: credentials)); \(remedy)"
            )
        }
    }

    private func sign(_ request: S3Request, bodyHash: String, _ credentials: S3Credentials) -> HTTPRequest {
        let time = SignatureVersion4.time(options.clock.milliseconds())
        let path = place.path(of: request.name)
        var headers = request.headers
        headers += [("Host", place.host), ("x-amz-content-sha256", bodyHash), ("x-amz-date", time)]
        if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token)) }
        let signature = SignatureVersion4(
            accessKey: credentials.accessKey,
            secretKey: credentials.secretKey,
            region: place.region
        ).authorization(
            for: SignatureVersion4.Request(
                method: request.method,
                path: path,
                query: request.query,
                headers: headers,
                bodyHash: bodyHash
            ),
            at: time
        )
        headers.append(("Authorization", signature))
        let query = request.query.isEmpty ? "" : "?" + SignatureVersion4.canonicalQuery(request.query)
        return HTTPRequest(
            method: request.method,
            url: "\(place.scheme)://\(place.host)\(path)\(query)",
            headers: headers,
            body: request.body
        )
    }

    /// Closes the connections.
    func close() async { await transport.close() }
}
