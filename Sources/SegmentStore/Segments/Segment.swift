import Synchronization

/// A mapped segment, as the store's table keeps it.
///
/// What a read needs stands first and never changes while the slot is in use.
struct Segment: ~Copyable {
    /// The mapping's first byte; valid while the slot is pinned or named by an index entry under its shard's lock.
    let base: UnsafeMutableRawPointer
    /// Bytes that may be read: the capacity, or what a shortened file has left.
    let readableCount: Int
    let salt: UInt64
    let header: SegmentHeader
    let path: String
    /// The file's identity, to notice that another file has taken its name.
    let inode: UInt64

    /// The owner of the mapping; gone once the last reader of a retired segment has left.
    var mapping: Mapping?
    let lifecycle = Atomic<UInt8>(Lifecycle.inUse)

    /// Bytes of records that the index names, and of tombstones that it names.
    let liveBytes = Atomic<Int>(0)
    let tombstoneBytes = Atomic<Int>(0)
    /// Where the last reserved record ends.
    let recordEnd: Atomic<Int>
    /// Up to where the file is known to have reached the disk.
    let forcedEnd: Atomic<Int>
    /// Records reserved so far, each with a row in the footer to come.
    let recordCount: Atomic<Int>
    /// A footer stands at the end, and nothing will be appended.
    let isSealed: Atomic<Bool>
    /// That footer has reached the disk, and the records before it.
    let footerIsForced = Atomic<Bool>(true)

    enum Lifecycle {
        static let inUse: UInt8 = 0
        static let retired: UInt8 = 1
        static let unmapped: UInt8 = 2
    }

    init(
        _ mapping: consuming Mapping,
        header: SegmentHeader,
        path: String,
        inode: UInt64,
        recordEnd: Int,
        recordCount: Int,
        forcedEnd: Int,
        isSealed: Bool
    ) {
        base = mapping.base
        readableCount = mapping.count
        salt = RecordChecksum.salt(number: header.number, generation: header.generation)
        self.header = header
        self.path = path
        self.inode = inode
        self.mapping = consume mapping
        self.recordEnd = Atomic(recordEnd)
        self.recordCount = Atomic(recordCount)
        self.forcedEnd = Atomic(forcedEnd)
        self.isSealed = Atomic(isSealed)
    }

    /// The record at the offset, if one of plausible length begins there; its other fields are unchecked.
    @inline(__always)
    func record(at offset: Int) -> RecordView? {
        guard offset + Format.recordHeaderLength <= readableCount else { return nil }
        let length = Frame.length(of: (base + offset).load(as: UInt64.self))
        guard length >= Format.recordHeaderLength, offset + length <= readableCount else { return nil }
        return RecordView(base: base + offset, length: length)
    }
}
