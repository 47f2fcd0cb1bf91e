import Granary
import GranaryS3

/// Opening a cache in an S3 bucket.
enum S3Opening {
    /// The cache at the URL; nothing is sent yet.
    static func open(_ url: ServerURL) async throws -> any ManagedCacheStrategy { try S3Cache(url: url.secretText) }
}
