import Synchronization

/// Room in the main log: for what reclamation carries, for removals under a limit, and for keys that come back.
extension SegmentStore {
    /// Makes sure that a record of the length fits, for a key that left not long ago; false if there is no room, or if
    /// reclamation needs what that log has.
    func makeMainRoom(forCaller length: Int) throws(StoreError) -> Bool {
        let wanted = limit?.segmentCost ?? 0
        do throws(StoreError) {
            return try withRoom(for: wanted) { state, ahead throws(StoreError) -> Bool? in
                let main = reservation.withLock { (isKept: $0.mainIsKept, hasRoom: $0.main.hasRoom(for: length)) }
                if main.isKept || main.hasRoom { return !main.isKept }
                let reserved = leftBySets + segments(in: ahead)
                return try beginMain(for: length, leaving: reserved, &state) ? true : nil
            }
        } catch {
            guard error.code == .full else { throw error }
            return false
        }
    }

    /// Gives the main log a segment with room for the record; false if there is none to be had.
    func makeMainRoom(for length: Int, mayExceed: Bool) throws(StoreError) -> Bool {
        try maintenance.withLock { state throws(StoreError) in
            try checkWritable()
            return try makeMainRoom(for: length, leaving: 0, mayExceed: mayExceed, &state)
        }
    }

    /// True if what new records have takes one of the length, without a segment that reclamation would lack.
    func hasFirstRoom(for length: Int) throws(StoreError) -> Bool {
        try maintenance.withLock { state throws(StoreError) in
            try checkWritable()
            return try makeRoom(for: length, leaving: .max, &state) ?? false
        }
    }

    /// Gives the main log room for a removal, of what sets may not have.
    func makeRoomForRemoval(_ length: Int) throws(StoreError) {
        if try makeMainRoom(forRemoval: length, leaving: .removal, patience: nil) { return }
        // With little to win back, it is removals that make something.
        if try makeMainRoom(forRemoval: length, leaving: .lastRemoval, patience: patienceOfRemovals) { return }
        // What is kept for emptying a victim is of no use to one that does not fit into it; removals make that smaller.
        let hasRoom = try maintenance.withLock { state throws(StoreError) in
            try checkWritable()
            // Opened with a limit that is exceeded already, it is removals that make it hold.
            if let limit, allocated(state) > limit.room { _ = try makeMainRoom(for: length, leaving: 0, &state) }
            return reservation.withLock { reservation in
                guard reservation.main.hasRoom(for: length) else { return false }
                reservation.mainIsKept = false
                return true
            }
        }
        if !hasRoom { throw fullError }
    }

    /// False if there is no room, and none to be won back.
    private func makeMainRoom(forRemoval length: Int, leaving need: Need, patience: Int?) throws(StoreError) -> Bool {
        do throws(StoreError) {
            return try withRoom(for: 0, patience: patience) { state, _ throws(StoreError) -> Bool? in
                let isKept = keepsMain(state)
                reservation.withLock { $0.mainIsKept = isKept }
                // What is kept is for emptying a victim, which makes the room.
                if isKept { return nil }
                return try makeMainRoom(for: length, leaving: need.rawValue, &state) ? true : nil
            }
        } catch {
            guard error.code == .full else { throw error }
            return false
        }
    }

    private func makeMainRoom(
        for length: Int,
        leaving reserved: Int,
        mayExceed: Bool = false,
        _ state: inout Maintenance
    ) throws(StoreError) -> Bool {
        if reservation.withLock({ $0.main.hasRoom(for: length) }) { return true }
        return try beginMain(for: length, leaving: reserved, mayExceed: mayExceed, &state)
    }

    /// Gives the main log a segment, unless then fewer than so many would be left.
    func beginMain(
        for length: Int,
        leaving reserved: Int,
        mayExceed: Bool = false,
        _ state: inout Maintenance
    ) throws(StoreError) -> Bool {
        let needed = Format.recordsStart + length + Footer.length(rowCount: 1)
        let slot = try takeSegment(.main, atLeast: needed, leaving: reserved, mayExceed: mayExceed, &state)
        guard let slot else { return false }
        let isKept = keepsMain(state)
        reservation.withLock { reservation in
            reservation.activateMain(slot, in: segments)
            reservation.mainIsKept = isKept
        }
        return true
    }

    /// True while reclamation needs what room the main log has. Where nothing is evicted removals may have it, but for what
    /// it takes to empty one victim.
    func keepsMain(_ state: Maintenance) -> Bool {
        freeSegments(state) < (mayEvict ? Self.reservedSegments : Need.lastRemoval.rawValue)
    }
}
