public import Granary

/// An error of a cache in S3.
public struct S3CacheError: Error, Sendable, Equatable {
    /// What a caller can act on.
    public enum Code: Sendable, Equatable {
        // Nothing will work until somebody changes something.
        /// A URL, bucket, prefix, endpoint, region or profile cannot be used.
        case invalidConfiguration
        /// Nothing says in which region the bucket is.
        case missingRegion
        /// No credentials were found anywhere, or what was found cannot be used.
        case noCredentials
        /// The service knows no such access key (InvalidAccessKeyId).
        case unknownAccessKey
        /// The secret key does not belong to the access key (SignatureDoesNotMatch).
        case signatureMismatch
        /// The credentials have ended (ExpiredToken, InvalidToken).
        case expiredCredentials
        /// The credentials may not do this (AccessDenied).
        case accessDenied
        /// This machine's clock is too far from the service's (RequestTimeTooSkewed).
        case clockSkew
        /// The bucket is in another region.
        case wrongRegion
        /// The service sends elsewhere, which is not followed.
        case redirected
        /// There is no such bucket.
        case noSuchBucket
        /// The service refuses the request in another way.
        case refused
        /// The cache is closed.
        case closed

        // The service works; this entry does not.
        /// A key is empty or longer than 65,535 bytes.
        case invalidKey
        /// A value is larger than the options allow.
        case valueTooLarge

        // Worth another try, which was made as often as the options say.
        /// The service is asked too often (SlowDown).
        case slowDown
        /// The service fails (5xx).
        case server
        /// No whole answer within the time.
        case timedOut
        /// The connection could not be made, or broke.
        case connection

        /// What came is no answer of S3.
        case malformedAnswer
        /// What came is longer than any answer that can be of use.
        case answerTooLarge
        /// The service that gives out credentials failed.
        case credentialsUnavailable
    }

    /// What a caller can act on.
    public var code: Code
    /// The cache as `s3://bucket/prefix`.
    public var location: String
    /// The HTTP status, where the service answered.
    public var status: Int?
    /// The region that the service names, where the bucket is in another one.
    public var region: String?
    /// What happened, and what to do about it.
    public var detail: String

    init(_ code: Code, location: String, status: Int? = nil, region: String? = nil, detail: String) {
        self.code = code
        self.location = location
        self.status = status
        self.region = region
        self.detail = detail
    }

    /// Whether the same request may well succeed when it is sent again.
    var isTransient: Bool {
        switch code {
        case .slowDown, .server, .timedOut, .connection: true
        default: false
        }
    }
}

extension S3CacheError: CustomStringConvertible {
    /// The cache and the cause, in a line. It never holds a secret.
    public var description: String { "\(location): \(detail)" }
}

extension S3CacheError: CacheRefusal {
    /// True for keys that no cache takes, and values that are longer than allowed.
    public var isRefusal: Bool { code == .invalidKey || code == .valueTooLarge }
}
