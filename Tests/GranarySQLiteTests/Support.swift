import Foundation
import GRDB
import Granary
import GranarySQLite
import GranaryTesting
import SegmentStore
import Synchronization
import Testing

/// A directory of its own for one test, which goes with it.
final class TemporaryDirectory: Sendable {
    let path: String
    /// Where a test's cache is; nothing is there at first.
    var file: String { path + "/cache.sqlite" }

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "granary-sqlite-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Bytes of the database file itself.
    var fileSize: Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file)
        return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }

    /// Runs SQL on a connection that has nothing to do with the cache.
    func run(_ sql: String, _ arguments: StatementArguments = []) throws {
        let queue = try DatabaseQueue(path: file)
        try queue.inDatabase { try $0.execute(sql: sql, arguments: arguments) }
        try queue.close()
    }

    /// What such a connection reads.
    func text(_ sql: String) throws -> String? {
        let queue = try DatabaseQueue(path: file)
        defer { try? queue.close() }
        return try queue.inDatabase { try String.fetchOne($0, sql: sql) }
    }
}

/// A clock that tests set.
final class ManualClock: Sendable {
    private let time = Mutex<UInt64>(1_700_000_000_000)
    var now: UInt64 { time.withLock { $0 } }
    func advance(by milliseconds: UInt64) { time.withLock { $0 += milliseconds } }
    var clock: StoreClock { StoreClock { [self] in now } }
}

extension SeededGenerator {
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

    /// The seed of `GRANARY_SEED`, to replay a run, or a new one.
    static func seed() -> UInt64 {
        ProcessInfo.processInfo.environment["GRANARY_SEED"].flatMap { UInt64($0) }
            ?? UInt64.random(in: 0...UInt64(UInt32.max))
    }
}

extension CacheKeys {
    /// All of them.
    func all() async throws -> [String] { try await reduce(into: []) { $0.append($1) } }
}

extension SQLiteCache {
    /// The value under the key, which has to be bytes.
    func bytes(_ key: String) async throws -> [UInt8]? { try await get(key)?.bytes }
}

/// The error that the body throws.
func error(of body: () async throws -> Void) async -> SQLiteCacheError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? SQLiteCacheError
    }
}
