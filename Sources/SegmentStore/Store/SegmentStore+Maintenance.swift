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
        reclaimAhead()
        if reservation.withLock({ $0.wantsSpare }) { try? makeSpare() }
        index.collapseFullBlocks()
        return [intervalFlush(), timeUntilSomethingEnds()].compactMap { $0 }.min()
    }

    /// Without a limit nothing else asks for the room of what has ended.
    private func timeUntilSomethingEnds() -> Duration? {
        guard limit == nil else { return nil }
        let ends = segments.inUse.filter { segments[$0].pointee.isSealed.load(ordering: .acquiring) }
            .map { segments[$0].pointee.soonestExpiry.load(ordering: .relaxed) }
        guard let soonest = ends.min(), soonest != .max else { return nil }
        let now = options.clock.milliseconds()
        // Not so often that it costs, and not so late that a clock that was set forward is missed.
        return min(.seconds(3_600), max(.seconds(10), .milliseconds(Int64(clamping: soonest - min(soonest, now)))))
    }

    /// Runs every step once, and the flush as if its time had come.
    package func runBackgroundSteps() throws(StoreError) {
        if reservation.withLock({ $0.wantsSpare }) { try makeSpare() }
        try sealFull()
        reclaimAhead()
        if reservation.withLock({ $0.wantsSpare }) { try makeSpare() }
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

    // MARK: Making segments

    /// The size of the segment that is made next: under a limit all have one; else they double with the store, from the
    /// smallest size to the largest.
    var nextCapacity: Int {
        if let limit { return limit.segmentCapacity }
        let made = capacityMade.load(ordering: .relaxed)
        var capacity = options.sizes.smallestSegment
        while capacity < made && capacity < Format.largestSegment { capacity *= 2 }
        return capacity
    }

    /// The header of a segment that is made now; it carries the floor of the last clear.
    func newHeader(capacity: Int, log: SegmentHeader.Log) -> SegmentHeader {
        // Loaded first, so that the floor lies below the base sequence, as readers of headers expect.
        let floor = clearFloor.load(ordering: .acquiring)
        let (number, sequence) = reservation.withLock { reservation in
            reservation.highestNumber += 1
            return (reservation.highestNumber, reservation.nextSequence)
        }
        return SegmentHeader(
            number: number,
            generation: options.randomness(),
            directory: identity.directory,
            keyHashSeed: identity.keyHashSeed,
            baseSequence: sequence,
            clearFloor: floor,
            capacity: capacity,
            created: options.clock.milliseconds(),
            log: log
        )
    }

    /// Creates and maps a segment, under the maintenance lock.
    func makeSegment(capacity: Int, log: SegmentHeader.Log = .first) throws(StoreError) -> Int {
        let header = newHeader(capacity: capacity, log: log)
        let isForced = options.durability != .never
        var isFull = false
        do throws(SystemError) {
            let created = try SegmentFile.create(
                header,
                directory: directory,
                isForced: isForced,
                prefersHugePages: touching.withLock { prefersHugePages($0) },
                files: files
            )
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
                    detail: "\(options.sizes.slots) segments are mapped already; end long reads, or remove entries"
                )
            }
            throw failure(error, path: directory, doing: "creating a segment of \(capacity) bytes")
        }
    }

    /// Goes on behind the last record of a closed segment, whose rows are kept for the footer to come.
    func continueSegment(_ slot: Int) throws(StoreError) {
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
    func reopen(_ slot: Int, rowCount: Int) throws(StoreError) {
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
        let full = SizeLimit.cost(ofCapacity: segment.pointee.header.capacity)
        segment.pointee.allocated.store(full, ordering: .relaxed)
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
        let stripe = Stripe.current
        while let slot = reservation.withLock({ $0.unsealed.first }) {
            // A clear may delete the segment, and another one have the slot.
            guard segments.pin(slot, stripe: stripe) else {
                // It goes from the list in a moment.
                sched_yield()
                continue
            }
            defer { segments.unpin(slot, stripe: stripe) }
            guard reservation.withLock({ $0.unsealed.contains(slot) }) else { continue }
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
        // Under a size limit a segment may not live long, and each force costs as much as filling one: until closing its
        // footer counts for openers in the same boot alone.
        let isForced = isForced ?? (options.durability != .never && limit == nil)
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
        func write(_ rowCount: Int, _ scanned: RowTable?) throws(SystemError) -> Bool {
            try SegmentFile.seal(
                path: segment.pointee.path,
                header: segment.pointee.header,
                base: segment.pointee.base,
                recordEnd: recordEnd,
                rowCount: rowCount,
                isForced: isForced,
                files: files
            ) { writer throws(SystemError) in
                try known?.rows.forEach { row throws(SystemError) in try writer.append(row) }
                guard let scanned else {
                    return try appended.forEach { row throws(SystemError) in try writer.append(row) }
                }
                try scanned.forEach { row throws(SystemError) in try writer.append(row) }
                return true
            }
        }
        // Nearly always all that was reserved became records. To find that out first would take as long as the rows do:
        // the memory of each record has to be waited for.
        var rowCount = segment.pointee.recordCount.load(ordering: .relaxed)
        if try !write(rowCount, nil) {
            var count = 0
            // A scan gives no row to what is damaged, and what that replaced would come back.
            let scanned = appended.forEach { _ in count += 1 } ? nil : appended.scanned()
            rowCount = (known?.rows.count ?? 0) + (scanned?.count ?? count)
            // Without a footer, should that fail too, the segment is scanned whenever its rows are wanted.
            _ = try write(rowCount, scanned)
        }
        segment.pointee.noteSealed(rowCount: rowCount, hasLimit: limit != nil, files: files)
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
        reservation.withLock { [$0.first.slot, $0.main.slot, $0.spare].contains(extent.slot) }
            || segments[extent.slot].pointee.number.load(ordering: .relaxed) != extent.number
            || segments[extent.slot].pointee.recordEnd.load(ordering: .relaxed) != extent.end
    }
}
