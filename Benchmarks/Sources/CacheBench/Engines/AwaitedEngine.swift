import Foundation
import SegmentStore

/// A cache whose calls are awaited, under keys that are strings. Its loops run in a task, one for each thread, so that
/// what is timed is the call and nothing of the way to it; keys and values are made before the clock starts.
protocol AwaitedEngine: Engine {
    associatedtype Item: Sendable

    /// The value in the form that the cache stores.
    func item(_ value: UnsafeRawBufferPointer) -> Item
    func bytes(of item: Item) -> [UInt8]
    /// True if the item can be the value of the entry.
    func isPlausible(_ item: Item, id: Int, _ dataset: Dataset) -> Bool

    func store(_ item: Item, forKey key: String) async throws
    func store(_ items: [(key: String, item: Item)]) async throws
    func item(forKey key: String) async throws -> Item?
    func remove(forKey key: String) async throws
}

extension AwaitedEngine {
    func store(_ items: [(key: String, item: Item)]) async throws {
        for (key, item) in items { try await store(item, forKey: key) }
    }

    // MARK: One at a time, where nothing is timed to the nanosecond

    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws {
        let key = String(decoding: key, as: UTF8.self)
        let item = item(value)
        try waiting { try await self.store(item, forKey: key) }
    }

    func get(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool? {
        let key = String(decoding: key, as: UTF8.self)
        guard let item = try waiting({ try await self.item(forKey: key) }) else { return nil }
        return bytes(of: item).withUnsafeBytes { body($0) }
    }

    func remove(_ key: UnsafeRawBufferPointer) throws {
        let key = String(decoding: key, as: UTF8.self)
        try waiting { try await self.remove(forKey: key) }
    }

    // MARK: Loops

    func run<Watch: Observer>(
        _ workload: Workload,
        _ slice: Slice,
        _ versions: Versions,
        _ observer: inout Watch
    ) throws -> Double {
        let operations: [(key: String, item: Item?)] = (0..<slice.count).map { number in
            let key = String(decoding: slice.key(number), as: UTF8.self)
            guard slice.isSet(number, in: workload) else { return (key, nil) }
            return (key, slice.withNextValue(number, versions) { item($0) })
        }
        let before = observer
        let (seconds, after) = try waiting {
            var watch = before
            let seconds =
                workload == .loadBatch
                ? try await self.storeBatches(operations.compactMap { key, item in item.map { (key, $0) } })
                : try await self.run(operations, wantsHit: workload != .miss, slice, &watch)
            return (seconds, watch)
        }
        observer = after
        return seconds
    }

    private func run<Watch: Observer>(
        _ operations: [(key: String, item: Item?)],
        wantsHit: Bool,
        _ slice: Slice,
        _ watch: inout Watch
    ) async throws -> Double {
        let start = monotonicNanoseconds()
        for (number, (key, item)) in operations.enumerated() {
            watch.begin()
            if let item {
                try await store(item, forKey: key)
            } else {
                let found = try await self.item(forKey: key)
                let id = slice.id(number)
                guard wantsHit ? found.map({ isPlausible($0, id: id, slice.dataset) }) == true : found == nil else {
                    throw BenchError("entry \(id): a wrong or missing answer")
                }
            }
            watch.end()
        }
        return Double(monotonicNanoseconds() - start) / 1e9
    }

    private func storeBatches(_ items: [(key: String, item: Item)]) async throws -> Double {
        let batches = stride(from: 0, to: items.count, by: Slice.batchLength).map {
            Array(items[$0..<min(items.count, $0 + Slice.batchLength)])
        }
        let start = monotonicNanoseconds()
        for batch in batches { try await store(batch) }
        return Double(monotonicNanoseconds() - start) / 1e9
    }
}

/// Runs the body in a task and blocks this thread, which is none of a task's, until it is done.
func waiting<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) throws -> Result {
    let done = DispatchSemaphore(value: 0)
    // Written before the semaphore is signalled, read after it was waited for.
    nonisolated(unsafe) var result: Swift.Result<Result, any Error>?
    Task.detached {
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        done.signal()
    }
    done.wait()
    guard let result else { throw BenchError("a task ended without a result") }
    return try result.get()
}
