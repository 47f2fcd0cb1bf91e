import Granary
import GranaryRedis

/// Opening a cache in Redis or Valkey.
enum RedisOpening {
    /// The cache at the URL; nothing is sent yet.
    static func open(_ url: ServerURL) async throws -> any ManagedCacheStrategy { try RedisCache(url: url.secretText) }
}
