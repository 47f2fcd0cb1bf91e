import Granary
import GranaryS3
import Synchronization
import TestServers

extension MotoServer {
    /// A cache in a bucket of its own.
    func cache(
        prefix: String = "granary/",
        bucket: String? = nil,
        configure: (inout S3CacheOptions) -> Void = { _ in }
    ) async throws -> S3Cache {
        var options = S3CacheOptions(
            endpoint: endpoint,
            credentials: try S3Credentials(accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "secret"),
            environment: [:]
        )
        configure(&options)
        let name = bucket ?? "bucket-\(buckets.add(1, ordering: .relaxed).newValue)"
        let cache = try S3Cache(bucket: name, prefix: prefix, options: options)
        if bucket == nil { try await cache.createBucket() }
        return cache
    }
}

private let buckets = Atomic(0)
