import Foundation
import SegmentStore

/// What a cache is asked for; one instance lives in one worker process.
///
/// Methods are called from several threads where a workload says so. Buffers are lent for the call.
protocol Engine: AnyObject, Sendable {
    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws
    /// Many entries, in the way that the engine has for that.
    func set(_ batch: [BatchEntry]) throws
    /// A fresh copy of the value, given to the body; nil on a miss.
    func get(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool?
    /// The value without a copy, where the engine can; otherwise as `get`.
    func lend(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool?
    func remove(_ key: UnsafeRawBufferPointer) throws
    /// Makes it so that the next sets, of `bytes` in all, go to pages that have been touched.
    func touchAhead(bytes: Int) throws
    /// Ends what a load has left for the background, so that it disturbs no reading.
    func settle() throws
    /// What keeping within its size limit has cost so far; nil of an engine that does not say.
    func reclaimCounters() throws -> ReclaimCounters?
    /// Runs the workload's loop over the slice and returns its time in seconds.
    func run<Watch: Observer>(
        _ workload: Workload,
        _ slice: Slice,
        _ versions: Versions,
        _ observer: inout Watch
    ) throws -> Double
    /// Ends what set left for later, forces what is to be forced, and lets the files go.
    func close() throws
}

extension Engine {
    func set(_ batch: [BatchEntry]) throws {
        for entry in batch { try entry.withBytes { try set($0, to: $1) } }
    }

    func lend(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool? {
        try get(key, body)
    }

    func touchAhead(bytes: Int) throws {}
    func settle() throws {}
    func reclaimCounters() throws -> ReclaimCounters? { nil }

    func run<Watch: Observer>(
        _ workload: Workload,
        _ slice: Slice,
        _ versions: Versions,
        _ observer: inout Watch
    ) throws -> Double {
        try slice.run(workload, on: self, versions, &observer)
    }
}

/// An engine in C, which shows a value where it lies: lent as it is, and copied for a get.
protocol FindingEngine: Engine {
    func find(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Bool) throws -> Bool?
}

extension FindingEngine {
    @inline(__always)
    func get(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool? {
        try find(key) { try withCopy(of: $0, body) }
    }

    @inline(__always)
    func lend(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool? {
        try find(key, body)
    }
}

extension BatchEntry {
    /// Lends the bytes of key and value.
    @inline(__always)
    func withBytes(_ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws -> Void) rethrows {
        try key.withUnsafeBytes { key in try value.withUnsafeBytes { try body(key, $0) } }
    }
}

/// Gives the body a copy from malloc, which is what a get of a C library comes to.
@inline(__always)
func withCopy(of bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool {
    guard let copy = malloc(max(1, bytes.count)) else { throw BenchError("no memory for a value") }
    defer { free(copy) }
    if let base = bytes.baseAddress { memcpy(copy, base, bytes.count) }
    return body(UnsafeRawBufferPointer(start: copy, count: bytes.count))
}

struct BenchError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
