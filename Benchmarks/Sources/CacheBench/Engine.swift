import Foundation

/// What a cache is asked for; one instance lives in one worker process.
///
/// Methods are called from several threads where a workload says so. Buffers are lent for the call.
protocol Engine: AnyObject, Sendable {
    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws
    /// A fresh copy of the value, given to the body; nil on a miss.
    func get(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool?
    /// The value without a copy, where the engine can; otherwise as `get`.
    func lend(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) throws -> Bool?
    func remove(_ key: UnsafeRawBufferPointer) throws
    /// Makes it so that the next sets, of `bytes` in all, go to pages that have been touched.
    func touchAhead(bytes: Int) throws
    /// What keeping within its size limit has cost so far; nil of an engine without one.
    func reclaimCounters() throws -> ReclaimCounters?
    /// Ends what set left for later, forces what is to be forced, and lets the files go.
    func close() throws
}

extension Engine {
    func reclaimCounters() throws -> ReclaimCounters? { nil }
}

/// The engines by name.
enum EngineName: String, CaseIterable, Codable, Sendable {
    case segment
    case segmentLZ4 = "segment-lz4"
    case dictionary
    case limit
    case limitLZ4 = "limit-lz4"

    /// What the engine promises of a set that has returned.
    var durability: String {
        switch self {
        case .segment, .segmentLZ4: "survives kill -9; forced every second"
        case .dictionary: "none"
        case .limit, .limitLZ4: "none (no recovery)"
        }
    }

    /// The bound that an engine is measured against.
    var limit: EngineName {
        switch self {
        case .segmentLZ4, .limitLZ4: .limitLZ4
        default: .limit
        }
    }

    /// True if the engine takes a size limit.
    var isBounded: Bool { self == .segment || self == .segmentLZ4 }

    /// False where a directory holds nothing to open again.
    var isPersistent: Bool { self == .segment || self == .segmentLZ4 }
}

struct BenchError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
