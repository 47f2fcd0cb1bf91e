internal import FoundationEssentials

/// What a URL like `s3://bucket/prefix?endpoint=…&region=…` says.
struct S3URL: Sendable, Equatable {
    var bucket: String
    /// nil where the URL names none.
    var prefix: String?
    var region: String?
    var endpoint: String?
    var addressing: S3CacheOptions.Addressing?
    var profile: String?

    /// - Throws: `S3CacheError`, which does not show the URL: somebody may have put a secret in it.
    init(_ text: String) throws(S3CacheError) {
        guard let parts = URLComponents(string: text), parts.scheme?.lowercased() == "s3" else {
            throw .invalid(
                "",
                "the URL has to be like s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-west-1"
            )
        }
        guard parts.user == nil, parts.password == nil else {
            throw .invalid(
                "",
                "the URL holds a name or password; put the keys into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        }
        guard parts.port == nil, parts.fragment == nil, let host = parts.host, !host.isEmpty else {
            throw .invalid("", "the URL has to have the bucket behind s3://, and no port or fragment")
        }
        bucket = host
        let path = parts.path.drop { $0 == "/" }
        prefix = path.isEmpty ? nil : String(path)
        var seen: Set<String> = []
        for item in parts.queryItems ?? [] {
            guard seen.insert(item.name).inserted, let value = item.value, !value.isEmpty else {
                throw .invalid(bucket, "the URL has a parameter twice, or one without a value")
            }
            switch (item.name, value) {
            case ("region", _): region = value
            case ("endpoint", _): endpoint = value
            case ("profile", _): profile = value
            case ("addressing", "path"): addressing = .path
            case ("addressing", "virtual"): addressing = .virtualHosted
            default:
                throw .invalid(
                    bucket,
                    "the URL has a parameter beside region, endpoint, profile and addressing (path or virtual)"
                )
            }
        }
    }
}

extension S3Place {
    /// The place that the options, the environment and the shared files make of bucket and prefix.
    init(bucket: String, prefix: String, _ options: S3CacheOptions) throws(S3CacheError) {
        let environment = options.environment
        let fromEnvironment = (
            region: options.region ?? environment.value("AWS_REGION") ?? environment.value("AWS_DEFAULT_REGION"),
            endpoint: options.endpoint ?? environment.value("AWS_ENDPOINT_URL_S3")
                ?? environment.value("AWS_ENDPOINT_URL")
        )
        // The files are not looked at for what they are not needed for.
        let isComplete = fromEnvironment.region != nil && fromEnvironment.endpoint != nil
        let profile = isComplete ? nil : try SharedProfile.load(options.profile, environment: environment)
        let endpoint = fromEnvironment.endpoint ?? profile?["endpoint_url"]
        guard let region = fromEnvironment.region ?? profile?["region"] ?? endpoint.map({ _ in "us-east-1" }) else {
            throw S3CacheError(
                .missingRegion,
                location: "s3://\(bucket)/\(prefix)",
                detail: "in which region is the bucket? set AWS_REGION, or give region"
            )
        }
        try self.init(
            bucket: bucket,
            prefix: prefix,
            region: region,
            endpoint: endpoint,
            addressing: options.addressing
        )
    }
}
