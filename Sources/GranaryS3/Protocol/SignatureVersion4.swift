internal import Crypto
internal import FoundationEssentials
internal import Granary

/// Signs requests to S3 with AWS Signature Version 4, in the `Authorization` header.
///
///     canonical request   method, path, query, headers, names of the signed headers, hash of the body; a line each
///     string to sign      algorithm, time, scope, hash of the canonical request
///     signing key         HMAC over date, region, service and "aws4_request", begun with the secret key
///     signature           HMAC of the string to sign under the signing key
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>. S3 differs from the other
/// services in that the path is encoded once and never normalised.
struct SignatureVersion4: Sendable {
    /// What is signed. All headers given are, in any order; `host`, `x-amz-date` and `x-amz-content-sha256` have to be
    /// among them.
    struct Request: Sendable {
        var method: String
        /// Percent-encoded.
        var path: String
        /// Not encoded.
        var query: [(name: String, value: String)] = []
        var headers: [(name: String, value: String)]
        /// SHA-256 of the body in lower-case hexadecimal digits.
        var bodyHash: String
    }

    let accessKey: String
    let secretKey: String
    let region: String
    private static let service = "s3"
    private static let algorithm = "AWS4-HMAC-SHA256"

    /// The value of the `Authorization` header for a request that says the same time in `x-amz-date`.
    func authorization(for request: Request, at time: String) -> String {
        let headers = Self.canonicalHeaders(request.headers)
        let signed = headers.map(\.name).joined(separator: ";")
        let signature = signature(of: stringToSign(request, headers: headers, at: time), at: time)
        return "\(Self.algorithm) Credential=\(accessKey)/\(scope(at: time)), SignedHeaders=\(signed), "
            + "Signature=\(signature)"
    }

    private func scope(at time: String) -> String { "\(time.prefix(8))/\(region)/\(Self.service)/aws4_request" }

    private func stringToSign(_ request: Request, headers: [(name: String, value: String)], at time: String) -> String {
        let lines =
            [request.method, request.path, Self.canonicalQuery(request.query)]
            + headers.map { "\($0.name):\($0.value)" }
            + ["", headers.map(\.name).joined(separator: ";"), request.bodyHash]
        let hash = Self.hash(lines.joined(separator: "\n").utf8)
        return [Self.algorithm, time, scope(at: time), hash].joined(separator: "\n")
    }

    private func signature(of text: String, at time: String) -> String {
        let signingKey = [String(time.prefix(8)), region, Self.service, "aws4_request"].reduce(
            SymmetricKey(data: Array("AWS4\(secretKey)".utf8))
        ) { key, part in
            SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
        return Hexadecimal.lower(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: signingKey))
    }

    /// Encoded, and in the order of the encoded bytes.
    static func canonicalQuery(_ query: [(name: String, value: String)]) -> String {
        query.map { (PercentEncoding.query($0.name), PercentEncoding.query($0.value)) }
            .sorted { $0 < $1 }
            .map { "\($0)=\($1)" }.joined(separator: "&")
    }

    /// Names in lower case and sorted; values trimmed, with runs of spaces made one. Those of one name are joined.
    private static func canonicalHeaders(
        _ headers: [(name: String, value: String)]
    ) -> [(name: String, value: String)] {
        let grouped = Dictionary(grouping: headers) { $0.name.lowercased() }
        return grouped.map { name, headers in
            let values = headers.map { $0.value.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
            return (name, values.joined(separator: ","))
        }.sorted { $0.name < $1.name }
    }

    /// SHA-256 in lower-case hexadecimal digits.
    static func hash(_ bytes: some Sequence<UInt8>) -> String { Hexadecimal.lower(SHA256.hash(data: Array(bytes))) }

    /// The moment as requests say it, such as `20130524T000000Z`; milliseconds since 1970.
    static func time(_ milliseconds: UInt64) -> String {
        // Four digits of a year are all that the format has.
        let latest: UInt64 = 253_402_300_799
        return Date(timeIntervalSince1970: Double(min(milliseconds / 1_000, latest)))
            .formatted(Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted))
    }
}
