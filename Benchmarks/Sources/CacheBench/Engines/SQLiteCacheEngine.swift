import Foundation
import Granary
import GranarySQLite

/// The strategy that keeps entries in an SQLite database, bytes in and bytes out.
final class SQLiteCacheEngine: AwaitedEngine {
    private let cache: SQLiteCache
    private let file: String

    init(directory: String, sizeLimit: Int?) throws {
        let file = directory + "/cache.sqlite"
        self.file = file
        cache = try waiting { try await SQLiteCache(file: file, sizeLimit: sizeLimit) }
    }

    func item(_ value: UnsafeRawBufferPointer) -> CacheValue { CacheValue(Array(value)) }
    func bytes(of item: CacheValue) -> [UInt8] { item.bytes }

    func isPlausible(_ item: CacheValue, id: Int, _ dataset: Dataset) -> Bool {
        item.bytes.withUnsafeBytes { dataset.plausible($0, id: id) }
    }

    func store(_ item: CacheValue, forKey key: String) async throws { try await cache.set(key, to: item) }

    func store(_ items: [(key: String, item: CacheValue)]) async throws {
        try await cache.set(items.map { CacheEntry($0.key, $0.item) })
    }

    func item(forKey key: String) async throws -> CacheValue? { try await cache.get(key) }
    func remove(forKey key: String) async throws { try await cache.remove(key) }

    func settle() throws { try waiting { try await self.cache.flush() } }
    func close() throws { try waiting { try await self.cache.close() } }
}
