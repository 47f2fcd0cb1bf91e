internal import FoundationEssentials
internal import Granary

/// Where the objects of a cache are, and how requests are addressed to them.
///
/// Virtual-hosted style names the bucket in the host, path style in the path:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>.
struct S3Place: Sendable {
    let bucket: String
    /// Empty, or ends in a slash.
    let prefix: String
    let region: String
    let scheme: String
    /// With the port, unless it is the scheme's own.
    let host: String
    /// What stands in the path before the object's name, percent-encoded; ends in a slash.
    let basePath: String

    /// The cache's name in errors.
    var location: String { "s3://\(bucket)/\(prefix)" }

    init(
        bucket: String,
        prefix: String,
        region: String,
        endpoint: String?,
        addressing: S3CacheOptions.Addressing?
    ) throws(S3CacheError) {
        try Self.check(bucket: bucket)
        self.bucket = bucket
        self.prefix = try Self.checked(prefix: prefix, bucket: bucket)
        guard Region.isValid(region) else {
            throw .invalid(bucket, "the region has to be letters, digits and hyphens, like eu-west-1")
        }
        self.region = region
        let server: (scheme: String, host: String, path: String)
        if let endpoint {
            server = try Self.server(endpoint, bucket: bucket)
        } else {
            server = ("https", "s3.\(region).amazonaws.com\(region.hasPrefix("cn-") ? ".cn" : "")", "/")
        }
        scheme = server.scheme
        // The certificate of virtual hosts does not cover names with dots.
        let usesPath = addressing.map { $0 == .path } ?? (endpoint != nil || bucket.contains("."))
        host = usesPath ? server.host : "\(bucket).\(server.host)"
        basePath = usesPath ? "\(server.path)\(bucket)/" : server.path
    }

    /// The encoded path of the object, or of the bucket itself.
    func path(of name: String?) -> String {
        guard let name else { return basePath.count > 1 ? String(basePath.dropLast()) : basePath }
        return basePath + PercentEncoding.path(prefix + name)
    }

    /// The rules for names of buckets, with what services other than AWS allow beyond.
    private static func check(bucket: String) throws(S3CacheError) {
        let isValid = bucket.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isValid, (3...255).contains(bucket.utf8.count), bucket.first != ".", !bucket.contains("..") else {
            throw .invalid("", "a bucket's name has 3 or more letters, digits, dots, hyphens and underscores")
        }
    }

    /// What is safe in names of objects everywhere, so that no answer needs an escape.
    private static func checked(prefix: String, bucket: String) throws(S3CacheError) -> String {
        if prefix.isEmpty { return "" }
        let prefix = prefix.hasSuffix("/") ? prefix : prefix + "/"
        let parts = prefix.dropLast().split(separator: "/", omittingEmptySubsequences: false)
        let isValid = parts.allSatisfy { part in
            !part.isEmpty && part != "." && part != ".."
                && part.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"):
                        true
                    default: "!-_.*'()".utf8.contains(byte)
                    }
                }
        }
        guard isValid, prefix.utf8.count <= longestPrefix else {
            throw .invalid(
                bucket,
                "a prefix has up to \(longestPrefix) letters, digits and !-_.*'(), with single slashes between, and no "
                    + "part of it is . or .."
            )
        }
        return prefix
    }

    /// Leaves room for every name that an entry can have.
    private static let longestPrefix = ObjectName.longestName - ObjectName.longestPart

    private static func server(
        _ endpoint: String,
        bucket: String
    ) throws(S3CacheError) -> (scheme: String, host: String, path: String) {
        guard let parts = URLComponents(string: endpoint), let scheme = parts.scheme?.lowercased(),
            scheme == "http" || scheme == "https", let name = parts.encodedHost?.lowercased(), !name.isEmpty
        else { throw .invalid(bucket, "the endpoint has to be a URL like https://s3.example.com or http://host:9000") }
        // Not shown: it may be a secret.
        guard parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil else {
            throw .invalid(bucket, "the endpoint may have no user, password, query or fragment")
        }
        let port = parts.port.flatMap { $0 == (scheme == "https" ? 443 : 80) ? nil : ":\($0)" } ?? ""
        let path = parts.percentEncodedPath
        return (scheme, name + port, path.hasSuffix("/") ? path : path + "/")
    }
}

/// Names of regions.
enum Region {
    static func isValid(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

extension S3CacheError {
    /// The error for what a caller or the environment gave and that cannot be used.
    static func invalid(_ bucket: String, _ detail: String) -> S3CacheError {
        S3CacheError(.invalidConfiguration, location: "s3://\(bucket)", detail: detail)
    }
}
