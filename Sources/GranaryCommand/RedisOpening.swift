import Granary

/// Opening a cache in Redis or Valkey.
enum RedisOpening {
    /// The cache at the URL.
    static func open(_ url: ServerURL) async throws -> any ManagedCacheStrategy {
        throw CommandFailure(.failed, "\(url): Redis is not built in")
    }
}
