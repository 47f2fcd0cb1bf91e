import CLimit
import Foundation

/// What the machine can do at all; see `limit.h`.
///
/// `@unchecked`: the C table is written by one thread before others read it.
final class LimitEngine: Engine, @unchecked Sendable {
    private let limit: OpaquePointer
    private let compresses: Bool

    init(path: String, logBytes: Int, entries: Int, compresses: Bool) throws {
        guard let limit = limit_create(path, logBytes, entries, compresses) else {
            throw BenchError(
                "cannot make a mapping of \(logBytes) bytes at \(path): \(String(cString: strerror(errno)))"
            )
        }
        self.limit = limit
        self.compresses = compresses
    }

    deinit { limit_destroy(limit) }

    @inline(__always)
    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws {
        guard limit_set(limit, key.baseAddress, key.count, value.baseAddress, value.count) else {
            throw BenchError("the limit's log or table is full")
        }
    }

    @inline(__always)
    func get(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool? {
        var count = 0
        guard let value = limit_get(limit, key.baseAddress, key.count, &count) else { return nil }
        defer { free(value) }
        return body(UnsafeRawBufferPointer(start: value, count: count))
    }

    @inline(__always)
    func lend(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool? {
        if compresses { return try get(key, body) }
        var count = 0
        guard let value = limit_lend(limit, key.baseAddress, key.count, &count) else { return nil }
        return body(UnsafeRawBufferPointer(start: value, count: count))
    }

    func remove(_ key: UnsafeRawBufferPointer) throws { throw BenchError("the limit removes nothing") }

    func touchAhead(bytes: Int) throws { limit_touch(limit, bytes) }
    func close() throws {}
}
