import Granary

/// Opening a cache in an S3 bucket.
enum S3Opening {
    /// The cache at the URL.
    static func open(_ url: ServerURL) async throws -> any ManagedCacheStrategy {
        throw CommandFailure(.failed, "\(url): S3 is not built in")
    }
}
