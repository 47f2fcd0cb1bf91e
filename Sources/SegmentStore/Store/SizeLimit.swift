/// How a store's size limit is divided.
struct SizeLimit: Sendable {
    /// Bytes that the directory may take on the disk.
    let bytes: Int
    /// Of the segments that are made: a 64th of the limit, in steps, within bounds.
    let segmentCapacity: Int
    /// Bytes of the longest key: to remove it takes a record, in a segment like any other.
    let longestKey: Int

    /// The smallest limit: below, segments would be smaller than records that are worth storing.
    static let smallest = 1 << 20
    private static let step = 64 << 10
    private static let parts = 64
    /// The directory itself, and the lock file.
    private static let fixedCost = 8 << 10

    init(bytes: Int) {
        self.bytes = bytes
        let part = bytes / Self.parts / Self.step * Self.step
        segmentCapacity = min(Format.largestSegment, max(Self.step, part))
        let room = segmentCapacity - Format.recordsStart - Footer.length(rowCount: 1)
        let extensions = RecordExtensions(horizon: .max).encoded().count
        longestKey = (room - Format.recordHeaderLength - extensions) / Format.unit * Format.unit
    }

    /// Bytes that a segment takes at most.
    var segmentCost: Int { Self.cost(ofCapacity: segmentCapacity) }

    /// Bytes that all segments together may take.
    var room: Int { bytes - Self.fixedCost }

    /// The longest record: an eighth of the limit.
    var longestRecord: Int { bytes / 8 }

    /// What new entries have before they must have been read: a tenth, or one segment if that is more.
    var firstLog: Int { max(bytes / 10, segmentCapacity) }

    /// Free segments that the background keeps ready beyond those it needs itself: one victim after another may win none,
    /// and sets go on meanwhile. Where segments are few each one is a large part of what can be kept.
    var segmentsAhead: Int { room / segmentCost >= 48 ? 1 : 0 }

    /// Bytes that a file of the capacity takes at most. File systems need blocks of their own to say where its blocks
    /// are, and allot them when they write it back: ext4 has been seen to take 4 KiB for 1 MiB, 72 for 64.
    static func cost(ofCapacity capacity: Int) -> Int {
        capacity + (capacity <= 1 << 20 ? min(4 << 10, capacity / 18) : capacity / 1_024 + (8 << 10))
    }
}
