import Glibc
import Synchronization

/// Room for records: continuing a closed segment, making one ahead, and what the size limit leaves.
extension SegmentStore {
    /// Makes sure that a record of the length fits, by continuing a closed segment or making a new one.
    ///
    /// False if the disk has room for a segment of the record's own at most.
    func makeRoom(for length: Int, need: Need = .set) throws(StoreError) -> Bool {
        let reserved = mayEvict ? Self.reservedSegments : need.rawValue
        // Where nothing is evicted, removals are what sets wait for, and must not wait for them.
        let mustQueue = mayEvict || need == .set
        let wanted = mustQueue ? limit?.segmentCost ?? 0 : 0
        let hasRoom = try withRoom(for: wanted) { state, ahead throws(StoreError) in
            try makeRoom(for: length, leaving: reserved + (mustQueue ? segments(in: ahead) : 0), &state)
        }
        background.wake()
        return hasRoom
    }

    /// How many segments must be left where nothing is evicted: removals are how room is made there. To empty a victim takes
    /// one, and one that came to be read meanwhile gives none back for as long as that goes on.
    enum Need: Int {
        case clear = 0
        case lastRemoval = 1
        case removal = 2
        case set = 3
    }

    /// Segments that sets and what is made ahead leave.
    var leftBySets: Int { isFixed ? Need.set.rawValue : Self.reservedSegments }

    /// Nil if a segment must be reclaimed first.
    func makeRoom(
        for length: Int,
        leaving reserved: Int,
        _ state: inout Maintenance
    ) throws(StoreError) -> Bool? {
        let needed = Format.recordsStart + length + Footer.length(rowCount: 1)
        // Whoever held the lock before may have made the room.
        if reservation.withLock({ $0.first.hasRoom(for: length) || $0.spareHasRoom(for: length, in: segments) }) {
            return true
        }
        // Under a smaller limit than it was made for it may not fit, and is room to win back.
        if let slot = state.continuable, !fits(renewing: slot, state) { state.continuable = nil }
        if let slot = state.continuable {
            do throws(StoreError) {
                try continueSegment(slot)
                state.continuable = nil
                if reservation.withLock({ $0.first.hasRoom(for: length) }) { return true }
            } catch {
                // Its hole is as large as it was; a disk too full for that may have room for a small segment.
                guard error.code == .noSpace, !writesStopped.load(ordering: .relaxed) else { throw error }
            }
        }
        // A spare that is too small was made on a disk that had no room for a larger one.
        if reservation.withLock({ $0.spare >= 0 }) { return false }
        if needed > nextCapacity { return false }
        return try addSpare(&state, atLeast: needed, leaving: reserved) ? true : nil
    }

    /// Makes the segment that follows the active one; not if only reclamation may have it.
    func makeSpare() throws(StoreError) {
        try maintenance.withLock { state throws(StoreError) in
            try checkWritable()
            if reservation.withLock({ $0.spare >= 0 }) { return }
            let ahead = segments(in: state.bytesAhead(of: nil))
            _ = try addSpare(&state, atLeast: 0, leaving: leftBySets + ahead)
        }
    }

    private func addSpare(
        _ state: inout Maintenance,
        atLeast needed: Int,
        leaving reserved: Int
    ) throws(StoreError) -> Bool {
        if let slot = state.emptyClosed, !fits(renewing: slot, state) { state.emptyClosed = nil }
        if let slot = state.emptyClosed, segments[slot].pointee.header.capacity >= needed {
            state.emptyClosed = nil
            try reopen(slot, rowCount: 0)
            reservation.withLock { $0.spare = slot }
            return true
        }
        guard let slot = try takeSegment(.first, atLeast: needed, leaving: reserved, &state) else {
            return false
        }
        preparePages(of: slot)
        reservation.withLock { $0.spare = slot }
        return true
    }

    // MARK: Segments

    /// A segment without records for the log, from one that was given up or a new one; nil if then fewer than so many
    /// would be left under the size limit, unless it may be exceeded. Under the maintenance lock.
    func takeSegment(
        _ log: SegmentHeader.Log,
        atLeast needed: Int,
        leaving reserved: Int,
        mayExceed: Bool = false,
        _ state: inout Maintenance
    ) throws(StoreError) -> Int? {
        if let limit {
            guard needed <= nextCapacity else {
                guard reserved == 0 else { return nil }
                return try makeSegment(of: needed, limit, log, mayExceed: mayExceed, &state)
            }
            // Opened with a smaller limit: what is to be carried needs room before any can be won.
            if reserved == 0 && allocated(state) > limit.room {
                return try makeSegment(capacity: nextCapacity, log: log)
            }
            let free = freeSegments(state)
            // A death in the middle of reclamation can leave less than a segment: what is left of a victim fits into that.
            if free == 0 && reserved == 0 {
                if let slot = try makeRemainder(limit, log, atLeast: needed, &state) { return slot }
                return mayExceed ? try makeSegment(capacity: nextCapacity, log: log) : nil
            }
            guard free > reserved else { return nil }
        }
        var capacity = nextCapacity
        while true {
            let unread = unreadParked(state)
            let renewable = unread.first {
                segments[$0].pointee.header.capacity == nextCapacity && fits(renewing: $0, state)
            }
            if let renewable, needed <= nextCapacity {
                if try renew(renewable, log, &state) { return renewable }
                continue
            }
            if let limit, allocated(state) + SizeLimit.cost(ofCapacity: capacity) > limit.room {
                // Files of segments that were not full take less than their next ones will: one makes room for another.
                guard let least = leastAllocated(unread) else { return nil }
                try discard(least, &state)
                continue
            }
            do throws(StoreError) {
                return try makeSegment(capacity: capacity, log: log)
            } catch {
                // A disk too full for a large segment may have room for a small one.
                guard error.code == .noSpace, capacity / 2 >= max(needed, options.sizes.smallestSegment), limit == nil,
                    !writesStopped.load(ordering: .relaxed)
                else { throw error }
                capacity /= 2
            }
        }
    }

    /// A segment for one record that was stored before there was this limit, and is longer than what segments hold now; nil
    /// if there is no room for it.
    private func makeSegment(
        of needed: Int,
        _ limit: SizeLimit,
        _ log: SegmentHeader.Log,
        mayExceed: Bool,
        _ state: inout Maintenance
    ) throws(StoreError) -> Int? {
        let capacity = Format.wholePages(needed)
        // Where nothing is evicted, what it was for may not fit after all, and removals need to go on.
        let reserved = isFixed ? Need.lastRemoval.rawValue : 0
        let cost = SizeLimit.cost(ofCapacity: capacity)
        // While the limit is exceeded anyway, this is how it comes to hold.
        if allocated(state) <= limit.room {
            guard try makeWay(for: cost, leaving: reserved, &state) || mayExceed else { return nil }
        }
        return try makeSegment(capacity: capacity, log: log)
    }

    private func leastAllocated(_ slots: [Int]) -> Int? {
        slots.min {
            segments[$0].pointee.allocated.load(ordering: .relaxed)
                < segments[$1].pointee.allocated.load(ordering: .relaxed)
        }
    }

    /// A segment of what is left under the limit; nil if the record does not fit into that.
    private func makeRemainder(
        _ limit: SizeLimit,
        _ log: SegmentHeader.Log,
        atLeast needed: Int,
        _ state: inout Maintenance
    ) throws(StoreError) -> Int? {
        let unread = unreadParked(state)
        let left = limit.room - allocated(state) + allocated(unread)
        // Whatever the file system needs for a larger one is enough.
        let overhead = limit.segmentCost - limit.segmentCapacity
        // Readers may have let go of a file since it was found that no whole segment is left.
        let capacity = min(limit.segmentCapacity, (left - overhead) / Format.page * Format.page)
        guard capacity >= max(needed, 2 * Format.recordsStart) else { return nil }
        for slot in unread { try discard(slot, &state) }
        return try makeSegment(capacity: capacity, log: log)
    }

    /// Bytes that all files of segments take of the size limit.
    func allocated(_ state: Maintenance) -> Int { allocated(segments.inUse + state.parked) }

    func allocated(_ slots: [Int]) -> Int {
        slots.reduce(0) { $0 + segments[$1].pointee.allocated.load(ordering: .relaxed) }
    }

    /// What was given up and can be used again or deleted at once.
    func unreadParked(_ state: Maintenance) -> [Int] { state.parked.filter { !segments.isHeld($0) } }

    private func fits(renewing slot: Int, _ state: Maintenance) -> Bool {
        guard let limit else { return true }
        let present = segments[slot].pointee.allocated.load(ordering: .relaxed)
        let full = SizeLimit.cost(ofCapacity: segments[slot].pointee.header.capacity)
        return allocated(state) - present + full <= limit.room
    }

    /// Segments that could be had at once under the size limit.
    func freeSegments(_ state: Maintenance) -> Int { freeSegments(allocated(state), unreadParked(state)) }

    func freeSegments(_ present: Int, _ unread: [Int]) -> Int {
        guard let limit else { return .max }
        if present > limit.room { return 0 }
        return (limit.room - present + allocated(unread)) / limit.segmentCost
    }

    /// How many segments take so many bytes of the size limit.
    func segments(in bytes: Int) -> Int {
        guard let limit else { return 0 }
        return (bytes + limit.segmentCost - 1) / limit.segmentCost
    }

    /// Deletes what was given up until so many bytes are free under the size limit beside so many segments, which
    /// reclamation or removals need to go on; false if that is not enough.
    func makeWay(for bytes: Int, leaving reserved: Int, _ state: inout Maintenance) throws(StoreError) -> Bool {
        guard let limit else { return true }
        let reserve = reserved * limit.segmentCost
        while allocated(state) + bytes + reserve > limit.room {
            guard let slot = state.parked.first(where: { !segments.isHeld($0) }) else { return false }
            try discard(slot, &state)
        }
        return true
    }

    /// False if somebody deleted the file.
    private func renew(
        _ slot: Int,
        _ log: SegmentHeader.Log,
        _ state: inout Maintenance
    ) throws(StoreError) -> Bool {
        var header = newHeader(capacity: segments[slot].pointee.header.capacity, log: log)
        header.isReused = true
        let path = segments[slot].pointee.path
        do throws(SystemError) {
            try SegmentFile.renew(path: path, header: header, files: files)
            try files.protect(segments[slot].pointee.base, count: header.capacity, writable: true)
        } catch {
            guard error.number == ENOENT else {
                throw failure(error, path: path, doing: "using the segment's file again")
            }
            try discard(slot, &state)
            return false
        }
        state.parked.removeAll { $0 == slot }
        capacityMade.wrappingAdd(header.capacity, ordering: .relaxed)
        segments.renew(slot, header)
        return true
    }

    /// True if entries may leave for want of room.
    var mayEvict: Bool { limit != nil && options.eviction != .none }

    /// True of a store with a size limit that nothing leaves for want of room.
    var isFixed: Bool { limit != nil && options.eviction == .none }
}
