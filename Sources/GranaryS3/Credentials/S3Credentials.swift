internal import Granary

/// An access key with its secret: it can sign, and nothing else. Printing, logging and dumping it shows none of it.
public struct S3Credentials: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    let accessKey: String
    let secretKey: String
    let sessionToken: String?

    /// Credentials, with the token of a session where they belong to one.
    ///
    /// - Throws: `S3CacheError` where they hold characters that no credentials have, such as a line end.
    public init(accessKey: String, secretKey: String, sessionToken: String? = nil) throws(S3CacheError) {
        for (name, text) in [("access key", accessKey), ("secret key", secretKey), ("session token", sessionToken)] {
            guard let text else { continue }
            guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw S3CacheError(
                    .noCredentials,
                    location: "s3",
                    detail: "the \(name) is empty or holds characters that none has, such as a space or a line end; "
                        + "check where it comes from"
                )
            }
        }
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
    }

    /// The text without what is secret, should a server send it back.
    func redacted(from text: String) -> String {
        [secretKey, sessionToken, accessKey].compactMap { $0 }.reduce(text) { covering($1, in: $0, with: "[key]") }
    }

    /// Nothing of them.
    public var description: String { "[credentials]" }
    /// Nothing of them.
    public var debugDescription: String { "[credentials]" }
    /// Nothing of them.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Credentials as a source gives them out.
struct IssuedCredentials: Sendable {
    var credentials: S3Credentials
    /// When they end, in milliseconds since 1970; nil: nobody says.
    var expiry: UInt64?
}
