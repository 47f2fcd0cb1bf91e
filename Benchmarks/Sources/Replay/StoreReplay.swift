import Foundation
package import SegmentStore

/// Replays a trace on the store as its callers use it: each key is got, and set where it is missing, by one thread, with
/// the store's own threads beside it.
package struct StoreReplay {
    private let trace: Trace
    private let sizeLimit: Int

    package init(_ trace: Trace, sizeLimit: Int) {
        self.trace = trace
        self.sizeLimit = sizeLimit
    }

    /// What a replay has shown.
    package struct Outcome: Sendable {
        package var counts: Counts
        package var seconds: Double
        /// The store's figures at the end.
        package var statistics: StoreStatistics
    }

    /// What is counted along the way.
    package struct Counts: Sendable {
        package var misses = MissCounts()
        /// Misses whose values the store does not take, for they are larger than an eighth of its limit.
        package var refused = 0
    }

    /// Makes a store in the directory, which must not exist yet, and removes it afterwards.
    ///
    /// - Throws: the store's errors, and one that says which entry came back with a value that nobody set.
    package func run(in directory: String) throws -> Outcome {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        // Raw, for the simulated caches know nothing of contents.
        let store = try SegmentStore(
            directory: directory,
            options: StoreOptions(compression: .none, sizeLimit: sizeLimit)
        )
        var counts = Counts()
        let clock = ContinuousClock()
        let seconds = try clock.measure { try replay(on: store, &counts) } / .seconds(1)
        let statistics = try store.statistics()
        try store.close()
        return Outcome(counts: counts, seconds: seconds, statistics: statistics)
    }

    private func replay(on store: SegmentStore, _ counts: inout Counts) throws {
        let values = StampedValues(largest: Int(trace.requests.map(\.size).max() ?? 0))
        var setSizes = [UInt32](repeating: 0, count: trace.objectCount)
        for request in trace.requests {
            let object = Int(request.object)
            try trace.keys.withKey(of: object) { key in
                let isRight = try store.withValue(key.bytes) { value in
                    value.withUnsafeBytes { values.isValue($0, of: object, size: Int(setSizes[object])) }
                }
                if let isRight {
                    guard isRight else { throw ReplayError("object \(object): the store gave a wrong value") }
                    return
                }
                counts.misses.add(request)
                do throws(StoreError) {
                    try store.set(key.bytes, to: values.value(of: object, size: Int(request.size)).bytes)
                    setSizes[object] = request.size
                } catch {
                    guard error.code == .valueTooLarge else { throw error }
                    counts.refused += 1
                }
            }
        }
    }
}

/// Values that begin with their object's number, so that a wrong one is told.
private final class StampedValues {
    private static let stampLength = 8
    private let buffer: UnsafeMutableRawBufferPointer

    init(largest: Int) {
        buffer = .allocate(byteCount: max(Self.stampLength, largest), alignment: 8)
        buffer.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "v"))
    }

    deinit { buffer.deallocate() }

    /// Good until the next one.
    func value(of object: Int, size: Int) -> UnsafeRawBufferPointer {
        buffer.storeBytes(of: stamp(object), as: UInt64.self)
        return UnsafeRawBufferPointer(rebasing: buffer[..<size])
    }

    /// True if it has the size and as much of the stamp as that holds.
    func isValue(_ value: UnsafeRawBufferPointer, of object: Int, size: Int) -> Bool {
        guard value.count == size else { return false }
        guard size >= Self.stampLength else {
            return withUnsafeBytes(of: stamp(object)) { $0.prefix(size).elementsEqual(value) }
        }
        return value.loadUnaligned(as: UInt64.self) == stamp(object)
    }

    private func stamp(_ object: Int) -> UInt64 { UInt64(object).littleEndian }
}
