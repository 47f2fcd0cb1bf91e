import Foundation
import Synchronization

/// A dictionary behind a lock: what a program does that needs no cache to outlive it.
final class DictionaryEngine: Engine {
    private let values = Mutex<[[UInt8]: [UInt8]]>([:])

    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws {
        let key = Array(key)
        let value = Array(value)
        values.withLock { $0[key] = value }
    }

    /// Values are shared, not copied, so that getting is lending.
    func get(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool? {
        let key = Array(key)
        guard let value = values.withLock({ $0[key] }) else { return nil }
        return value.withUnsafeBytes { body($0) }
    }

    func remove(_ key: UnsafeRawBufferPointer) throws {
        let key = Array(key)
        values.withLock { $0[key] = nil }
    }

    func close() throws {}
}
