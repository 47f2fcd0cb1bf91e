import Foundation
import SegmentStore

/// The store, through the face that a program uses.
final class SegmentEngine: Engine {
    let store: SegmentStore

    init(directory: String, compression: StoreOptions.Compression = .none, sizeLimit: Int? = nil) throws {
        let options = StoreOptions(compression: compression, sizeLimit: sizeLimit)
        store = try SegmentStore(directory: directory, options: options)
    }

    @inline(__always)
    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws {
        try store.set(key.bytes, to: value.bytes)
    }

    func set(_ batch: [BatchEntry]) throws { try store.set(batch) }

    @inline(__always)
    func get(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool? {
        guard let value = try store.get(key.bytes) else { return nil }
        return value.withUnsafeBytes { body($0) }
    }

    @inline(__always)
    func lend(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool? {
        try store.withValue(key.bytes) { value in value.withUnsafeBytes { body($0) } }
    }

    func remove(_ key: UnsafeRawBufferPointer) throws { try store.remove(key.bytes) }

    func touchAhead(bytes: Int) throws { try Self.touchSegments() }

    /// Touches the pages of every segment that is mapped for writing: the active one and the one made ahead.
    static func touchSegments() throws {
        for line in try String(contentsOfFile: "/proc/self/maps", encoding: .utf8).split(separator: "\n") {
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count > 5, fields[1].hasPrefix("rw"), line.hasSuffix(".segment") else { continue }
            let range = fields[0].split(separator: "-").compactMap { UInt(String($0), radix: 16) }
            guard range.count == 2 else { continue }
            madvise(UnsafeMutableRawPointer(bitPattern: range[0]), Int(range[1] - range[0]), MADV_POPULATE_WRITE)
        }
    }

    func reclaimCounters() throws -> ReclaimCounters? { ReclaimCounters(try store.statistics()) }

    func close() throws { try store.close() }
}

/// The store, whose gets lend: for who compares it with engines whose gets copy.
final class LendingEngine: Engine {
    private let engine: SegmentEngine

    init(directory: String) throws { engine = try SegmentEngine(directory: directory) }

    @inline(__always)
    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws { try engine.set(key, to: value) }

    func set(_ batch: [BatchEntry]) throws { try engine.set(batch) }

    @inline(__always)
    func get(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool? {
        try engine.lend(key, body)
    }

    func remove(_ key: UnsafeRawBufferPointer) throws { try engine.remove(key) }
    func touchAhead(bytes: Int) throws { try engine.touchAhead(bytes: bytes) }
    func close() throws { try engine.close() }
}
