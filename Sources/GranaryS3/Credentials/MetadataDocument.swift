internal import FoundationEssentials

/// How the services on a container's or instance's own network give out credentials.
///
///     {"AccessKeyId": "…", "SecretAccessKey": "…", "Token": "…", "Expiration": "2026-01-01T00:00:00Z"}
struct MetadataDocument: Decodable {
    private var accessKey: String
    private var secretKey: String
    private var token: String?
    private var expiration: String?

    private enum CodingKeys: String, CodingKey {
        case accessKey = "AccessKeyId"
        case secretKey = "SecretAccessKey"
        case token = "Token"
        case expiration = "Expiration"
    }

    /// The credentials in what a service sent.
    ///
    /// - Throws: `S3CacheError`, which shows nothing of it.
    static func credentials(_ bytes: [UInt8], from source: String) throws(S3CacheError) -> IssuedCredentials {
        guard let document = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else {
            throw .unavailable(source, "sends no document with credentials; check the role it is set up for")
        }
        var expiry: UInt64?
        if let text = document.expiration {
            guard let date = try? Date(text, strategy: .iso8601), date.timeIntervalSince1970 >= 0 else {
                throw .unavailable(source, "says no moment when its credentials end; check the service")
            }
            expiry = UInt64(date.timeIntervalSince1970 * 1_000)
        }
        let credentials = try S3Credentials(
            accessKey: document.accessKey,
            secretKey: document.secretKey,
            sessionToken: document.token
        )
        return IssuedCredentials(credentials: credentials, expiry: expiry)
    }
}

/// Asks such a service, again if it fails.
struct MetadataService: Sendable {
    /// What it is called in errors.
    let name: String
    let transport: HTTPTransport
    let retries: S3RetryPolicy
    /// Of one request: the service is on the machine itself.
    let timeout: Duration

    private static let longestAnswer = 64 << 10

    /// The answer, whatever its status but one that says that the service failed.
    ///
    /// - Throws: `S3CacheError` where it gave none however often it was asked, and `CancellationError`.
    func answer(_ request: HTTPRequest) async throws -> HTTPAnswer {
        var retry = 0
        while true {
            let reason: String
            do {
                let answer = try await transport.send(request, timeout: timeout, longestAnswer: Self.longestAnswer)
                if answer.status < 500, answer.status != 429 { return answer }
                reason = "answers \(answer.status)"
            } catch TransportFailure.closed {
                throw S3CacheError(.closed, location: "s3", detail: "\(TransportFailure.closed); open the cache again")
            } catch let failure as TransportFailure {
                reason = "gives no answer: \(failure)"
            }
            guard retry < retries.maxRetries else {
                throw S3CacheError.unavailable(name, "\(reason); check the service")
            }
            try await retries.pause(beforeRetry: retry)
            retry += 1
        }
    }
}

extension S3CacheError {
    static func unavailable(_ source: String, _ detail: String) -> S3CacheError {
        S3CacheError(.credentialsUnavailable, location: "s3", detail: "\(source) \(detail)")
    }
}
