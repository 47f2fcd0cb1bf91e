import Synchronization

/// A mapped segment, as the store's table keeps it.
///
/// What a read needs stands first and never changes while the slot is in use.
struct Segment: ~Copyable {
    /// The mapping's first byte; valid while the slot is pinned or named by an index entry under its shard's lock.
    private(set) var base: UnsafeMutableRawPointer
    /// Bytes that may be read: the capacity, or what a shortened file has left.
    private(set) var readableCount: Int
    private(set) var salt: UInt64
    private(set) var header: SegmentHeader
    private(set) var path: String
    /// The file's identity, to notice that another file has taken its name.
    private(set) var inode: UInt64

    /// The owner of the mapping; gone once the last reader of a retired segment has left.
    var mapping: Mapping?
    let lifecycle = Atomic<UInt32>(Lifecycle.inUse)

    /// The segment's number, for whoever wants to know whether the slot is still the same segment's.
    let number: Atomic<UInt64>
    /// Which log its records count to: a segment of its own joins the main log where it lies.
    let log: Atomic<UInt8>
    /// The order in which segments began, or joined their log: the lowest is reclaimed first.
    let order: Atomic<UInt64>
    /// Bytes that the file takes of the size limit.
    let allocated: Atomic<Int>
    /// No record of it ends before, in milliseconds since 1970; `max`: none that is known ends.
    let soonestExpiry = Atomic<UInt64>(.max)

    /// The lowest sequence of its records that lay in two segments when the store was opened, and that the index names in
    /// the other one; `max`: there was none.
    let copyFloor = Atomic<UInt64>(.max)

    /// The hash of the key of a segment's only record, once it was asked for.
    let onlyKeyHash = Atomic<UInt64>(Self.unknownKeyHash)
    /// Nobody has asked, or it has none. A key with one of these counts as none, which keeps tombstones for longer.
    static let unknownKeyHash: UInt64 = 0
    static let noKeyHash = UInt64.max

    /// Bytes of records that the index names, and of tombstones that it names.
    let liveBytes = Atomic<Int>(0)
    let tombstoneBytes = Atomic<Int>(0)
    /// Where the last reserved record ends.
    let recordEnd: Atomic<Int>
    /// Up to where the file is known to have reached the disk.
    let forcedEnd: Atomic<Int>
    /// Up to where the system was asked to write the file back.
    let writingEnd = Atomic<Int>(0)
    /// Records reserved so far, each with a row in the footer to come.
    let recordCount: Atomic<Int>
    /// A footer stands at the end, and nothing will be appended.
    let isSealed: Atomic<Bool>
    /// That footer has reached the disk, and the records before it.
    let footerIsForced = Atomic<Bool>(true)

    /// What has become of a segment: the low bits of a word, whose other bits count the segments that had the slot before.
    /// So no step that was meant for one of them is ever taken by another.
    enum Lifecycle {
        static let inUse: UInt32 = 0
        static let retired: UInt32 = 1
        /// Given up, and still mapped, to become another segment once nobody reads it.
        static let parked: UInt32 = 2
        /// One thread is taking the mapping away.
        static let leaving: UInt32 = 3
        /// There is no mapping, and another segment may have the slot.
        static let vacant: UInt32 = 4

        static let mask: UInt32 = 7
        static let turn: UInt32 = 8
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
        number = Atomic(header.number)
        log = Atomic(header.log.rawValue)
        order = Atomic(header.number)
        allocated = Atomic(SizeLimit.cost(ofCapacity: header.capacity))
        self.path = path
        self.inode = inode
        self.mapping = consume mapping
        self.recordEnd = Atomic(recordEnd)
        self.recordCount = Atomic(recordCount)
        self.forcedEnd = Atomic(forcedEnd)
        self.isSealed = Atomic(isSealed)
    }

    /// Takes note of when a record in it ends; zero: never.
    func noteExpiry(_ expiry: UInt64) {
        if expiry != 0 { soonestExpiry.lower(to: expiry) }
    }

    /// Takes note that the index names a record of the sequence elsewhere, too.
    func noteCopy(_ sequence: UInt64) { copyFloor.lower(to: sequence) }

    /// The lowest sequence of a record that may have an older one of its key in here, or itself once more: what was set
    /// before the segment was begun was not set here, and what that replaced has not been carried since.
    var shadowFloor: UInt64 { min(header.baseSequence, copyFloor.load(ordering: .relaxed)) }

    /// Becomes another segment in the same file and mapping. Nobody reads it, and nothing names it.
    mutating func become(_ header: SegmentHeader) {
        self.header = header
        salt = RecordChecksum.salt(number: header.number, generation: header.generation)
        number.store(header.number, ordering: .relaxed)
        log.store(header.log.rawValue, ordering: .relaxed)
        order.store(header.number, ordering: .relaxed)
        allocated.store(SizeLimit.cost(ofCapacity: header.capacity), ordering: .relaxed)
        soonestExpiry.store(.max, ordering: .relaxed)
        copyFloor.store(.max, ordering: .relaxed)
        onlyKeyHash.store(Self.unknownKeyHash, ordering: .relaxed)
        liveBytes.store(0, ordering: .relaxed)
        tombstoneBytes.store(0, ordering: .relaxed)
        recordEnd.store(Format.recordsStart, ordering: .relaxed)
        recordCount.store(0, ordering: .relaxed)
        // Its name and length were forced long ago; its headers are in the first page that a flush of it forces.
        forcedEnd.store(Format.recordsStart, ordering: .relaxed)
        writingEnd.store(0, ordering: .relaxed)
        isSealed.store(false, ordering: .relaxed)
        footerIsForced.store(true, ordering: .relaxed)
    }

    /// Becomes another segment altogether, but for the lifecycle. Nobody reads what was here, and nothing names it.
    mutating func become(_ other: consuming Segment) {
        become(other.header)
        base = other.base
        readableCount = other.readableCount
        path = other.path
        inode = other.inode
        recordEnd.store(other.recordEnd.load(ordering: .relaxed), ordering: .relaxed)
        recordCount.store(other.recordCount.load(ordering: .relaxed), ordering: .relaxed)
        forcedEnd.store(other.forcedEnd.load(ordering: .relaxed), ordering: .relaxed)
        isSealed.store(other.isSealed.load(ordering: .relaxed), ordering: .relaxed)
        mapping = other.mapping
    }

    /// Counts the hole between records and footer, which sealing gives back to the disk, by whole pages; and no hole where
    /// the file has more blocks than that, as on a file system that can give none back. Nobody asks without a size limit.
    func noteSealed(rowCount: Int, hasLimit: Bool, files: any FileLayer) {
        let recordsEnd = Format.wholePages(recordEnd.load(ordering: .relaxed))
        let footer = (header.capacity - Footer.length(rowCount: rowCount)) / Format.page * Format.page
        let full = SizeLimit.cost(ofCapacity: header.capacity)
        let blocks = hasLimit ? (try? files.status(at: path))?.allocatedBytes ?? 0 : 0
        allocated.store(max(full - max(0, footer - recordsEnd), min(full, blocks)), ordering: .relaxed)
    }

    /// Bytes of records that entries name, live ones and tombstones.
    var namedBytes: Int { liveBytes.load(ordering: .relaxed) + tombstoneBytes.load(ordering: .relaxed) }

    /// Bytes of records that nothing names any more.
    var deadBytes: Int { max(0, recordEnd.load(ordering: .relaxed) - Format.recordsStart - namedBytes) }

    /// The record at the offset, if one of plausible length begins there; its other fields are unchecked.
    @inline(__always)
    func record(at offset: Int) -> RecordView? {
        guard offset + Format.recordHeaderLength <= readableCount else { return nil }
        let length = Frame.length(of: (base + offset).load(as: UInt64.self))
        guard length >= Format.recordHeaderLength, offset + length <= readableCount else { return nil }
        return RecordView(base: base + offset, length: length)
    }
}

extension Atomic<UInt64> {
    /// Stores the value if it is lower than what is there.
    fileprivate func lower(to value: UInt64) {
        // `Atomic.min` compares unsigned numbers as signed ones, and would keep an initial `max` for ever.
        var known = load(ordering: .relaxed)
        while value < known {
            let (stored, original) = weakCompareExchange(expected: known, desired: value, ordering: .relaxed)
            if stored { return }
            known = original
        }
    }
}
