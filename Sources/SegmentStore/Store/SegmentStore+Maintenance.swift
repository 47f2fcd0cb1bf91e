import Glibc
import Synchronization

/// The steps that make, seal and drop segments. One thread runs them in the background; a set that finds no room runs
/// the one it needs itself; tests run them one by one.
extension SegmentStore {
    /// Runs whatever is due; returns how long there is nothing more to do, nil: until woken.
    func backgroundStep() -> Duration? {
        // Failures here cost nothing yet: the set that needs the segment, or close, meets them again and reports them.
        if reservation.withLock({ $0.wantsSpare }) { try? makeSpare() }
        try? sealFull()
        index.collapseFullBlocks()
        return intervalFlush()
    }

    /// Runs every step once, and the flush as if its time had come.
    package func runBackgroundSteps() throws(StoreError) {
        if reservation.withLock({ $0.wantsSpare }) { try makeSpare() }
        try sealFull()
        if case .interval = options.durability { try flush() }
    }

    private func intervalFlush() -> Duration? {
        guard case .interval(let interval) = options.durability,
            let since = reservation.withLock({ $0.unforcedSince })
        else { return nil }
        let due = since + interval - Self.monotonicTime()
        if due > .zero { return due }
        // A failure stops the writes, which is how the callers learn of it.
        try? force(below: reservation.withLock { $0.nextSequence })
        return nil
    }

    // MARK: Room

    /// Makes sure that a record of the length fits, by continuing a closed segment or making a new one.
    ///
    /// False if the disk has room for a segment of the record's own at most.
    func makeRoom(for length: Int) throws(StoreError) -> Bool {
        let needed = Format.recordsStart + length + Footer.length(rowCount: 1)
        let hasRoom = try maintenance.withLock { state throws(StoreError) in
            try checkWritable()
            // Whoever held the lock before may have made the room.
            if reservation.withLock({ $0.hasRoom(for: length) || $0.spareHasRoom(for: length, in: segments) }) {
                return true
            }
            if let slot = state.continuable {
                do throws(StoreError) {
                    try continueSegment(slot)
                    state.continuable = nil
                    if reservation.withLock({ $0.hasRoom(for: length) }) { return true }
                } catch {
                    // Its hole is as large as it was; a disk too full for that may have room for a small segment.
                    guard error.code == .noSpace, !writesStopped.load(ordering: .relaxed) else { throw error }
                }
            }
            // A spare that is too small was made on a disk that had no room for a larger one.
            if reservation.withLock({ $0.spare >= 0 }) { return false }
            if needed > nextCapacity { return false }
            try addSpare(&state, atLeast: needed)
            return true
        }
        background.wake()
        return hasRoom
    }

    /// Makes the segment that follows the active one.
    func makeSpare() throws(StoreError) {
        try maintenance.withLock { state throws(StoreError) in
            try checkWritable()
            if reservation.withLock({ $0.spare >= 0 }) { return }
            try addSpare(&state, atLeast: 0)
        }
    }

    private func addSpare(_ state: inout Maintenance, atLeast needed: Int) throws(StoreError) {
        if let slot = state.emptyClosed, segments[slot].pointee.header.capacity >= needed {
            state.emptyClosed = nil
            try reopen(slot, rowCount: 0)
            return reservation.withLock { $0.spare = slot }
        }
        var capacity = nextCapacity
        while true {
            do throws(StoreError) {
                let slot = try makeSegment(capacity: capacity)
                preparePages(of: slot)
                reservation.withLock { $0.spare = slot }
                return
            } catch {
                // A disk too full for a large segment may have room for a small one.
                guard error.code == .noSpace, capacity / 2 >= max(needed, options.sizes.smallestSegment),
                    !writesStopped.load(ordering: .relaxed)
                else { throw error }
                capacity /= 2
            }
        }
    }

    /// The size of the segment that is made next: they double with the store, from the smallest size to the largest.
    var nextCapacity: Int {
        let made = capacityMade.load(ordering: .relaxed)
        var capacity = options.sizes.smallestSegment
        while capacity < made && capacity < Format.largestSegment { capacity *= 2 }
        return capacity
    }

    /// Creates and maps a segment, under the maintenance lock; its header carries the floor of the last clear.
    func makeSegment(capacity: Int) throws(StoreError) -> Int {
        // Loaded first, so that the floor lies below the base sequence, as readers of headers expect.
        let floor = clearFloor.load(ordering: .acquiring)
        let (number, sequence) = reservation.withLock { reservation in
            reservation.highestNumber += 1
            return (reservation.highestNumber, reservation.nextSequence)
        }
        let header = SegmentHeader(
            number: number,
            generation: options.randomness(),
            directory: identity.directory,
            keyHashSeed: identity.keyHashSeed,
            baseSequence: sequence,
            clearFloor: floor,
            capacity: capacity,
            created: options.clock.milliseconds()
        )
        let isForced = options.durability != .never
        var isFull = false
        do throws(SystemError) {
            let created = try SegmentFile.create(header, directory: directory, isForced: isForced, files: files)
            let segment = Segment(
                created.mapping,
                header: header,
                path: created.path,
                inode: created.inode,
                recordEnd: Format.recordsStart,
                recordCount: 0,
                forcedEnd: isForced ? Format.recordsStart : 0,
                isSealed: false
            )
            guard let slot = segments.add(segment) else {
                try? files.unlink(created.path)
                isFull = true
                throw SystemError(call: "mmap", number: ENOMEM)
            }
            capacityMade.wrappingAdd(capacity, ordering: .relaxed)
            if !isForced { namesAreUnforced.store(true, ordering: .releasing) }
            return slot
        } catch {
            if isFull {
                throw StoreError(
                    .tooManySegments,
                    path: directory,
                    detail: "\(options.sizes.slots) segments were mapped since the store was opened; open it again"
                )
            }
            throw failure(error, path: directory, doing: "creating a segment of \(capacity) bytes")
        }
    }

    /// Goes on behind the last record of a closed segment, whose rows are kept for the footer to come.
    private func continueSegment(_ slot: Int) throws(StoreError) {
        let segment = segments[slot]
        let recordEnd = segment.pointee.recordEnd.load(ordering: .relaxed)
        let known = SegmentLoader(
            path: segment.pointee.path,
            header: segment.pointee.header,
            isWhole: true,
            besideWriter: false,
            boot: files.bootIdentity
        ).load(mapped: segment.pointee.base, count: segment.pointee.readableCount)
        var rows = RowTable()
        known.rows.forEach { rows.append($0) }
        try reopen(slot, rowCount: rows.count)
        let kept = KnownRows(rows: rows, end: recordEnd)
        continued.withLock { $0[slot] = kept }
        reservation.withLock { $0.activate(slot, in: segments) }
    }

    /// Takes the footer of a closed segment back and allows stores to it.
    private func reopen(_ slot: Int, rowCount: Int) throws(StoreError) {
        let segment = segments[slot]
        do throws(SystemError) {
            try SegmentFile.reopen(
                path: segment.pointee.path,
                header: segment.pointee.header,
                rowCount: rowCount,
                recordEnd: segment.pointee.recordEnd.load(ordering: .relaxed),
                files: files
            )
            try files.protect(segment.pointee.base, count: segment.pointee.readableCount, writable: true)
        } catch {
            throw failure(error, path: segment.pointee.path, doing: "continuing the segment")
        }
        segment.pointee.isSealed.store(false, ordering: .relaxed)
        let recordEnd = segment.pointee.recordEnd.load(ordering: .relaxed)
        segment.pointee.forcedEnd.store(recordEnd, ordering: .relaxed)
    }

    // MARK: Sealing

    /// Writes the footers of the segments that are full.
    func sealFull() throws(StoreError) {
        guard reservation.withLock({ !$0.unsealed.isEmpty }) else { return }
        try sealing.withLock { _ throws(StoreError) in
            guard phase.load(ordering: .acquiring) == Phase.open else { return }
            try sealAllFull()
        }
    }

    /// The same under the sealing lock.
    func sealAllFull(isForced: Bool? = nil) throws(StoreError) {
        while let slot = reservation.withLock({ $0.unsealed.first }) {
            do throws(StoreError) {
                try seal(slot, isForced: isForced)
            } catch {
                // A file that somebody deleted needs no footer, and must not keep the others from theirs.
                guard error.code == .notFound else { throw error }
            }
            reservation.withLock { $0.unsealed.removeAll { $0 == slot } }
        }
    }

    /// Writes the footer of a segment that takes no more records, once all of them are published and forced. Under the
    /// sealing lock.
    func seal(_ slot: Int, isForced: Bool? = nil) throws(StoreError) {
        // A clear may be deleting the segment meanwhile.
        let stripe = Stripe.current
        guard segments.pin(slot, stripe: stripe) else { return }
        defer { segments.unpin(slot, stripe: stripe) }
        let isForced = isForced ?? (options.durability != .never)
        if writesStopped.load(ordering: .acquiring) { throw writesStoppedError }
        if isForced {
            try force(below: reservation.withLock { $0.nextSequence }, for: .recordsBeforeFooter)
        } else {
            publication.settle(reservation) { _ in }
        }
        let segment = segments[slot]
        let recordEnd = segment.pointee.recordEnd.load(ordering: .acquiring)
        do throws(SystemError) {
            try writeFooter(of: slot, recordEnd: recordEnd, isForced: isForced)
            try files.protect(segment.pointee.base, count: segment.pointee.readableCount, writable: false)
        } catch {
            throw failure(error, path: segment.pointee.path, doing: "writing the segment's footer")
        }
        continued.withLock { $0[slot] = nil }
        segment.pointee.footerIsForced.store(isForced, ordering: .relaxed)
        segment.pointee.isSealed.store(true, ordering: .releasing)
    }

    /// Writes the rows that the footer had before the segment was continued, and those of what was appended since.
    ///
    /// A damaged record keeps its old row that way, and what it replaced stays dead.
    private func writeFooter(of slot: Int, recordEnd: Int, isForced: Bool) throws(SystemError) {
        let segment = segments[slot]
        let known = continued.withLock { $0[slot] }
        let appended = WrittenRows(
            base: segment.pointee.base,
            header: segment.pointee.header,
            salt: segment.pointee.salt,
            range: (known?.end ?? Format.recordsStart)..<recordEnd
        )
        let count = appended.count()
        let scanned = count == nil ? appended.scanned() : nil
        try SegmentFile.seal(
            path: segment.pointee.path,
            header: segment.pointee.header,
            base: segment.pointee.base,
            recordEnd: recordEnd,
            rowCount: (known?.rows.count ?? 0) + (count ?? scanned?.count ?? 0),
            isForced: isForced,
            files: files
        ) { writer throws(SystemError) in
            try known?.rows.forEach { row throws(SystemError) in try writer.append(row) }
            if let scanned {
                try scanned.forEach { row throws(SystemError) in try writer.append(row) }
            } else {
                try appended.forEach { row throws(SystemError) in try writer.append(row) }
            }
        }
    }

    // MARK: Dropping

    /// Deletes segments that hold nothing but what a clear has ended.
    ///
    /// The clear's record must have reached the disk first, whatever the durability: otherwise a power cut could bring
    /// half of the store back, older values of what was replaced or removed among it.
    ///
    /// A closed segment among them may have been continued since: it is no longer what the clear ended, and stays. None
    /// comes back while this has the maintenance lock.
    func drop(_ ended: [Reservation.Extent], clearedBelow floor: UInt64) throws(StoreError) {
        guard !ended.isEmpty else { return }
        try force(below: floor + 1, for: .clearBeforeDrop)
        try maintenance.withLock { state throws(StoreError) in
            // The next opener deletes what this one no longer may.
            guard phase.load(ordering: .acquiring) == Phase.open else { return }
            for extent in ended {
                let slot = extent.slot
                guard !isContinued(extent), segments.retire(slot) else { continue }
                let path = segments[slot].pointee.path
                if state.continuable == slot { state.continuable = nil }
                if state.emptyClosed == slot { state.emptyClosed = nil }
                continued.withLock { $0[slot] = nil }
                reservation.withLock { $0.unsealed.removeAll { $0 == slot } }
                capacityMade.wrappingSubtract(segments[slot].pointee.header.capacity, ordering: .relaxed)
                do throws(SystemError) {
                    try files.unlink(path)
                } catch {
                    // That somebody else deleted it is where this leads anyway.
                    if error.number != ENOENT {
                        throw StoreError(error, path: path, doing: "deleting a cleared segment")
                    }
                }
            }
            do throws(SystemError) {
                try files.forceDirectory(directory, for: .droppedNames)
            } catch {
                throw failure(error, path: directory, doing: "forcing the directory to the disk")
            }
        }
    }

    /// True if the segment takes records again, or has taken some behind the end.
    private func isContinued(_ extent: Reservation.Extent) -> Bool {
        reservation.withLock { $0.active == extent.slot || $0.spare == extent.slot }
            || segments[extent.slot].pointee.recordEnd.load(ordering: .relaxed) != extent.end
    }
}
