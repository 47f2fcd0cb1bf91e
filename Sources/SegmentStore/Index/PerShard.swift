/// A part of a table for each shard of the index, at an address of its own, so that each can be changed under its shard's
/// lock without exclusive access to the others.
///
/// A class: changing a part through a structure counts as an access to the whole structure. `@unchecked`: a part is
/// touched under its shard's lock alone.
final class PerShard<Part>: @unchecked Sendable {
    private let parts: UnsafeMutablePointer<Part>

    /// Parts that all begin as the one given.
    init(repeating part: Part) {
        parts = .allocate(capacity: Index.shardCount)
        parts.initialize(repeating: part, count: Index.shardCount)
    }

    deinit {
        parts.deinitialize(count: Index.shardCount)
        parts.deallocate()
    }

    @inline(__always)
    subscript(shard: Int) -> UnsafeMutablePointer<Part> { parts + shard }
}
