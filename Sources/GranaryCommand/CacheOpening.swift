import Glibc
import Granary
import GranaryRedis
import GranaryS3
import GranarySQLite
import SegmentStore

/// What a verb does with a cache.
enum CacheAccess {
    /// Nothing is changed, and nothing is made.
    case reading
    /// Something is changed in a cache that is there.
    case changing
    /// The cache is made if it is not there.
    case creating
}

/// A cache at any location.
struct OpenedCache {
    let strategy: any ManagedCacheStrategy
    let location: CacheLocation
    /// The caches below, by what describes them, if it is tiered.
    private(set) var tiers: [CacheTier] = []

    /// Opens it. A size limit is for a directory or a database alone.
    init(
        _ location: CacheLocation,
        for access: CacheAccess,
        limit: SizeLimitOption? = nil
    ) async throws(CommandFailure) {
        self.location = location
        if let bytes = limit?.bytes {
            switch location {
            case .directory, .database: break
            default:
                throw CommandFailure(
                    .badUsage,
                    "\(location): --size-limit of \(grouped(bytes)) bytes; only a directory or sqlite: can have one"
                )
            }
        }
        do {
            if case .tiered(let locations) = location {
                for location in locations {
                    tiers.append(CacheTier(location.description, try await Self.open(location, access, limit: nil)))
                }
                var options = TieredCacheOptions()
                options.fillsTiersAbove = access != .reading
                strategy = try TieredCache(tiers, options: options)
            } else {
                strategy = try await Self.open(location, access, limit: limit?.bytes)
            }
        } catch {
            throw CommandFailure(of: error, in: location)
        }
    }

    private static func open(
        _ location: CacheLocation,
        _ access: CacheAccess,
        limit: Int?
    ) async throws -> any ManagedCacheStrategy {
        switch location {
        case .directory(let path):
            var options = StoreOptions(access: .readOnly)
            // A directory that is not there is not made by a verb that only changes what is.
            if access == .changing { try SegmentStore(directory: path, options: options).close() }
            if access != .reading { options = StoreOptions(sizeLimit: limit) }
            let cache = try SegmentCache(directory: path, options: options)
            Opening.announce(cache.store)
            return cache
        case .database(let path):
            if access != .creating && Glibc.access(path, F_OK) != 0 {
                throw CommandFailure(.failed, "\(location): \(String(cString: strerror(errno)))")
            }
            return try await SQLiteCache(file: path, sizeLimit: limit)
        case .memory: return MemoryCache()
        case .redis(let url): return try await RedisOpening.open(url)
        case .s3(let url): return try await S3Opening.open(url)
        case .tiered: throw CommandFailure(.badUsage, "\(location): tiers cannot hold tiers")
        }
    }

    /// Lets the body use the cache and closes it; what either throws becomes a failure.
    func using<Result>(
        _ body: (any ManagedCacheStrategy) async throws -> Result
    ) async throws(CommandFailure) -> Result {
        let result: Result
        do {
            result = try await body(strategy)
        } catch {
            try? await strategy.close()
            throw CommandFailure(of: error, in: location)
        }
        do { try await strategy.close() } catch { throw CommandFailure(of: error, in: location) }
        return result
    }

    /// What is to be said if entries had to leave: that never happens in silence.
    func note(on limit: SizeLimitOption) -> String? {
        if let cache = strategy as? SegmentCache { return limit.note(on: cache.store) }
        guard let bytes = limit.bytes, let count = (strategy as? SQLiteCache)?.evictionCount, count > 0 else {
            return nil
        }
        return "granary: \(location): the size limit of \(grouped(bytes)) bytes is reached; "
            + "\(grouped(count)) entries left"
    }
}

extension CommandFailure {
    /// The failure that whatever a cache's call threw is to its user.
    init(of error: any Error, in location: CacheLocation) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as StoreError: self.init(error)
        case let error as SQLiteCacheError: self.init(.failed, error.description)
        case let error as TieredCacheError: self.init(.failed, error.description)
        case let error as RedisCacheError:
            self.init(error.code == .invalidOptions ? .badUsage : .failed, error.description)
        case let error as S3CacheError:
            self.init(error.code == .invalidConfiguration ? .badUsage : .failed, error.description)
        default: self.init(.failed, "\(location): \(error)")
        }
    }
}
