#if Peers
import CTkrzw
import Foundation

/// Tkrzw's hash database on a memory-mapped file, with more buckets than entries, as its documentation advises.
///
/// `@unchecked`: the database locks what it must.
final class TkrzwEngine: Engine, @unchecked Sendable {
    private let store: OpaquePointer

    init(_ settings: EngineSettings) throws {
        var message = [CChar](repeating: 0, count: 256)
        let path = settings.directory + "/cache.tkh"
        guard let store = tkrzw_store_open(path, Int64(settings.entries * 2), &message, message.count) else {
            let text = message.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
            throw BenchError("tkrzw: \(path): \(text)")
        }
        self.store = store
    }

    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws {
        guard tkrzw_store_set(store, key.baseAddress, key.count, value.baseAddress, value.count) else {
            throw BenchError("tkrzw: a set failed")
        }
    }

    func get(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool? {
        var count = 0
        guard let value = tkrzw_store_get(store, key.baseAddress, key.count, &count) else { return nil }
        defer { free(value) }
        return body(UnsafeRawBufferPointer(start: value, count: count))
    }

    func lend(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool? {
        withoutActuallyEscaping(body) { body in
            var lending = Lending(body: body)
            let found = withUnsafeMutablePointer(to: &lending) { lending in
                tkrzw_store_lend(
                    store,
                    key.baseAddress,
                    key.count,
                    { context, value, count in
                        guard let lending = context?.assumingMemoryBound(to: Lending.self) else { return }
                        let value = UnsafeRawBufferPointer(start: value, count: count)
                        lending.pointee.isRight = lending.pointee.body(value)
                    },
                    lending
                )
            }
            return found ? lending.isRight : nil
        }
    }

    private struct Lending {
        let body: (UnsafeRawBufferPointer) -> Bool
        var isRight = false
    }

    func remove(_ key: UnsafeRawBufferPointer) throws {
        guard tkrzw_store_remove(store, key.baseAddress, key.count) else { throw BenchError("tkrzw: no such key") }
    }

    func close() throws {
        guard tkrzw_store_close(store) else { throw BenchError("tkrzw: closing failed") }
    }
}
#endif
