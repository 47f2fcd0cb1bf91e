import Synchronization

/// Where the next record goes: the tail and the sequence, and nothing that I/O could hold up.
///
/// It lives behind one mutex, the reservation lock, inside which no other lock is taken.
struct Reservation: Sendable {
    /// The segment that takes records; -1: none yet.
    var active = -1
    var tail = 0
    var recordCount = 0
    var capacity = 0
    /// A segment made ahead, to become the active one; -1: none.
    var spare = -1
    var nextSequence: UInt64 = 1
    /// The highest segment number given out, which tombstones remember as their horizon.
    var highestNumber: UInt64 = 0
    /// Which of the two counters of unpublished records a reservation counts in.
    var parity = 0
    /// Segments that records were reserved in since they were last forced, with their ends; the active one apart.
    var unforced: [Extent] = []
    /// Segments that are full and wait for their footers.
    var unsealed: [Int] = []
    /// When the oldest unforced record was reserved, on the monotonic clock; nil: all is forced.
    var unforcedSince: Duration?
    /// Where the tail has pages touched ahead.
    var touchMark = 0
    /// Where the tail has the next segment made.
    var spareMark = 0

    struct Extent: Sendable {
        var slot: Int
        var end: Int
    }

    /// Room for one record, and its place in the order of writes.
    struct Ticket: Sendable {
        var slot: Int
        var offset: Int
        var sequence: UInt64
        var frame: UInt64
        var parity: Int
        /// The background thread has something to flush, seal or make.
        var wakesBackground: Bool
        /// Pages ahead of the tail are to be touched.
        var wakesToucher: Bool
    }

    /// Takes room for a record and stores its frame; nil where the active segment and the spare have none.
    ///
    /// The frame goes in before the tail moves, so that a record torn by a death never hides a later whole one.
    @inline(__always)
    mutating func reserve(_ length: Int, in segments: SegmentTable, now: () -> Duration) -> Ticket? {
        if !hasRoom(for: length) {
            guard spareHasRoom(for: length, in: segments), takeSpare(in: segments) else { return nil }
        }
        let segment = segments[active]
        let frame = Frame.word(
            number: segment.pointee.header.number,
            generation: segment.pointee.header.generation,
            offset: tail,
            length: length
        )
        RecordWriter(base: segment.pointee.base + tail).storeFrame(frame)
        var ticket = Ticket(
            slot: active,
            offset: tail,
            sequence: nextSequence,
            frame: frame,
            parity: parity,
            wakesBackground: false,
            wakesToucher: false
        )
        nextSequence += 1
        tail += length
        recordCount += 1
        segment.pointee.recordEnd.store(tail, ordering: .relaxed)
        segment.pointee.recordCount.store(recordCount, ordering: .relaxed)
        if unforcedSince == nil {
            unforcedSince = now()
            ticket.wakesBackground = true
        }
        if tail >= touchMark {
            touchMark = .max
            ticket.wakesToucher = true
        }
        if tail >= spareMark {
            spareMark = .max
            ticket.wakesBackground = true
        }
        return ticket
    }

    /// Gives a sequence to a record in a segment of its own, whose frame the caller has not stored yet.
    mutating func reserveAlone(_ slot: Int, length: Int, in segments: SegmentTable, now: () -> Duration) -> Ticket {
        let segment = segments[slot]
        let offset = Format.recordsStart
        let frame = Frame.word(
            number: segment.pointee.header.number,
            generation: segment.pointee.header.generation,
            offset: offset,
            length: length
        )
        RecordWriter(base: segment.pointee.base + offset).storeFrame(frame)
        segment.pointee.recordEnd.store(offset + length, ordering: .relaxed)
        segment.pointee.recordCount.store(1, ordering: .relaxed)
        let ticket = Ticket(
            slot: slot,
            offset: offset,
            sequence: nextSequence,
            frame: frame,
            parity: parity,
            wakesBackground: true,
            wakesToucher: false
        )
        nextSequence += 1
        unforced.append(Extent(slot: slot, end: offset + length))
        unsealed.append(slot)
        if unforcedSince == nil { unforcedSince = now() }
        return ticket
    }

    @inline(__always)
    func hasRoom(for length: Int) -> Bool {
        active >= 0 && tail + length + Footer.length(rowCount: recordCount + 1) <= capacity
    }

    /// True if there is a spare and the record fits into it.
    func spareHasRoom(for length: Int, in segments: SegmentTable) -> Bool {
        guard spare >= 0 else { return false }
        let needed = Format.recordsStart + length + Footer.length(rowCount: 1)
        return needed <= segments[spare].pointee.header.capacity
    }

    /// Makes the spare the active segment; the old one waits for its footer.
    @discardableResult
    mutating func takeSpare(in segments: SegmentTable) -> Bool {
        guard spare >= 0 else { return false }
        activate(spare, in: segments)
        spare = -1
        return true
    }

    /// Goes on behind the last record of the segment; what was active waits for its flush and its footer.
    mutating func activate(_ slot: Int, in segments: SegmentTable) {
        if active >= 0 {
            unforced.append(Extent(slot: active, end: tail))
            unsealed.append(active)
        }
        active = slot
        tail = segments[slot].pointee.recordEnd.load(ordering: .relaxed)
        recordCount = segments[slot].pointee.recordCount.load(ordering: .relaxed)
        capacity = segments[slot].pointee.header.capacity
        touchMark = tail
        spareMark = max(tail, capacity / 2)
    }

    /// True once a spare should be made.
    var wantsSpare: Bool { spare < 0 && active >= 0 && tail >= capacity / 2 }
}
