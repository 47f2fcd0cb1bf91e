import Synchronization

/// Where the next record goes: the tails and the sequence, and nothing that I/O could hold up.
///
/// It lives behind one mutex, the reservation lock, inside which no other lock is taken.
struct Reservation: Sendable {
    /// The segment that takes new records.
    var first = LogTail()
    /// The one that takes what is worth keeping, from segments that are reclaimed.
    var main = LogTail()
    /// The main log's segment was made of the room that reclamation needs to go on, so callers' records keep out of it.
    var mainIsKept = false
    /// A segment made ahead, to become the active one; -1: none.
    var spare = -1
    var nextSequence: UInt64 = 1
    /// The highest segment number given out, which tombstones remember as their horizon.
    var highestNumber: UInt64 = 0
    /// Which of the two counters of unpublished records a reservation counts in.
    var parity = 0
    /// Segments that records were reserved in since they were last forced, with their ends; the active ones apart.
    var unforced: [Extent] = []
    /// Segments that are full and wait for their footers.
    var unsealed: [Int] = []
    /// When the oldest unforced record was reserved, on the monotonic clock; nil: all is forced.
    var unforcedSince: Duration?
    /// Where the tail has pages touched ahead.
    var touchMark = 0
    /// Where the tail has the next segment made.
    var spareMark = 0

    /// Records of a segment, which its number tells from those of another one that has taken its slot over since.
    struct Extent: Sendable {
        var slot: Int
        var number: UInt64
        var end: Int

        init(slot: Int, end: Int, in segments: SegmentTable) {
            self.slot = slot
            number = segments[slot].pointee.number.load(ordering: .relaxed)
            self.end = end
        }
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

    /// The segment that takes new records; -1: none yet.
    var active: Int { first.slot }
    var tail: Int { first.end }
    var capacity: Int { first.capacity }

    /// Takes room for a record and stores its frame; nil where the active segment and the spare have none.
    @inline(__always)
    mutating func reserve(_ length: Int, in segments: SegmentTable, now: () -> Duration) -> Ticket? {
        if !first.hasRoom(for: length) {
            guard spareHasRoom(for: length, in: segments), takeSpare(in: segments) else { return nil }
        }
        var ticket = ticket(first.append(length, in: segments), now: now)
        if first.end >= touchMark {
            touchMark = .max
            ticket.wakesToucher = true
        }
        if first.end >= spareMark {
            spareMark = .max
            ticket.wakesBackground = true
        }
        return ticket
    }

    /// The same in the main log, whose segment is changed by `activateMain` alone.
    ///
    /// A record that is carried keeps its sequence; it uses one up all the same, so that whoever asks whether everything
    /// is forced hears of it.
    mutating func reserveMain(
        _ length: Int,
        keeping sequence: UInt64? = nil,
        in segments: SegmentTable,
        now: () -> Duration
    ) -> Ticket? {
        guard main.hasRoom(for: length), !(mainIsKept && sequence == nil) else { return nil }
        var ticket = ticket(main.append(length, in: segments), now: now)
        if let sequence { ticket.sequence = sequence }
        return ticket
    }

    @inline(__always)
    private mutating func ticket(_ place: LogTail.Place, now: () -> Duration) -> Ticket {
        let ticket = Ticket(
            slot: place.slot,
            offset: place.offset,
            sequence: nextSequence,
            frame: place.frame,
            parity: parity,
            wakesBackground: unforcedSince == nil,
            wakesToucher: false
        )
        nextSequence += 1
        if unforcedSince == nil { unforcedSince = now() }
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
        unforced.append(Extent(slot: slot, end: offset + length, in: segments))
        unsealed.append(slot)
        if unforcedSince == nil { unforcedSince = now() }
        return ticket
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
        leave(first, in: segments)
        first = LogTail(slot, in: segments)
        touchMark = first.end
        spareMark = max(first.end, first.capacity / 2)
    }

    /// The same in the main log.
    mutating func activateMain(_ slot: Int, in segments: SegmentTable) {
        leave(main, in: segments)
        main = LogTail(slot, in: segments)
    }

    mutating func leave(_ tail: LogTail, in segments: SegmentTable) {
        guard tail.slot >= 0 else { return }
        unforced.append(Extent(slot: tail.slot, end: tail.end, in: segments))
        unsealed.append(tail.slot)
    }

    /// What the active segments hold, as far as it may be unforced.
    func activeExtents(in segments: SegmentTable) -> [Extent] {
        [first, main].filter { $0.slot >= 0 }.map { Extent(slot: $0.slot, end: $0.end, in: segments) }
    }

    /// True once a spare should be made.
    var wantsSpare: Bool { spare < 0 && active >= 0 && tail >= capacity / 2 }
}

/// The end of a log: the segment that takes its records, and how far that has come.
struct LogTail: Sendable {
    /// -1: none.
    private(set) var slot = -1
    private(set) var end = 0
    private var recordCount = 0
    private(set) var capacity = 0

    /// No segment.
    init() {}

    /// Behind the last record of the segment.
    init(_ slot: Int, in segments: SegmentTable) {
        self.slot = slot
        end = segments[slot].pointee.recordEnd.load(ordering: .relaxed)
        recordCount = segments[slot].pointee.recordCount.load(ordering: .relaxed)
        capacity = segments[slot].pointee.header.capacity
    }

    @inline(__always)
    func hasRoom(for length: Int) -> Bool {
        slot >= 0 && end + length + Footer.length(rowCount: recordCount + 1) <= capacity
    }

    /// Bytes that are left for records and their rows.
    var room: Int { slot < 0 ? 0 : capacity - end - Footer.length(rowCount: recordCount) }

    /// A record's room, with its frame stored in it.
    struct Place {
        var slot: Int
        var offset: Int
        var frame: UInt64
    }

    /// Takes room for a record, which `hasRoom` has found.
    ///
    /// The frame goes in before the tail moves, so that a record torn by a death never hides a later whole one. In a file
    /// that is used again a checksum may stand there, of zero until this record has its own.
    @inline(__always)
    mutating func append(_ length: Int, in segments: SegmentTable) -> Place {
        let segment = segments[slot]
        let frame = Frame.word(
            number: segment.pointee.header.number,
            generation: segment.pointee.header.generation,
            offset: end,
            length: length
        )
        let writer = RecordWriter(base: segment.pointee.base + end)
        writer.clearChecksum()
        writer.storeFrame(frame)
        let place = Place(slot: slot, offset: end, frame: frame)
        end += length
        recordCount += 1
        segment.pointee.recordEnd.store(end, ordering: .relaxed)
        segment.pointee.recordCount.store(recordCount, ordering: .relaxed)
        return place
    }
}
