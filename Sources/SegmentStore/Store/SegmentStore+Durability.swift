import Glibc
import Synchronization

/// What flushes know of one another.
struct FlushState: Sendable {
    /// Why writes stopped; nil as long as no flush failed.
    var failure: StoreError?
    var flushes = 0
}

extension SegmentStore {
    /// Forces everything that was set or removed so far to the disk, whatever the durability option says. Does nothing
    /// in a read-only opener.
    ///
    /// - Throws: `.inputOutput` or `.noSpace` if the system could not; writes stop then until the store is reopened,
    ///   for the kernel may have dropped what it could not write, and later flushes throw the same error. `.closed`,
    ///   `.forkedChild`.
    public func flush() throws(StoreError) {
        try checkReadable()
        if isReadOnly { return }
        try forceEverything()
    }

    /// Forces all that was reserved so far; throws if a flush ever failed, whether or not that cost a record.
    func forceEverything() throws(StoreError) {
        try force(below: reservation.withLock { $0.nextSequence })
        if let failure = flushing.withLock({ $0.failure }) { throw failure }
    }

    /// Returns once the record is as safe as the durability option promises.
    func waitUntilForced(_ sequence: UInt64) throws(StoreError) {
        if options.durability == .everySet { try force(below: sequence + 1) }
    }

    /// Forces all records of a lower sequence, and all names; the first to come forces for all who wait behind.
    func force(below sequence: UInt64, for purpose: ForcePurpose = .records) throws(StoreError) {
        try flushing.withLock { state throws(StoreError) in
            // A segment made since the last flush may hold no record yet, and get a footer that vouches for its name.
            let namesAreForced = !namesAreUnforced.load(ordering: .acquiring)
            if namesAreForced && forcedSequence.load(ordering: .acquiring) >= sequence { return }
            if let failure = state.failure { throw failure }
            do throws(FlushFailure) {
                try forceAll(for: purpose)
                state.flushes += 1
            } catch {
                if error.losesPages { stopWrites(after: error.error, &state) }
                throw error.error
            }
        }
    }

    /// The error of a failed system call, to be thrown. A flush that failed, of whatever it was, stops the writes.
    func failure(_ error: SystemError, path: String, doing action: String) -> StoreError {
        let failure = StoreError(error, path: path, doing: action)
        if error.isFailedFlush { flushing.withLock { stopWrites(after: failure, &$0) } }
        return failure
    }

    /// The kernel may have dropped the pages: trying again could report success for bytes that are lost.
    private func stopWrites(after failure: StoreError, _ state: inout FlushState) {
        if state.failure == nil { state.failure = failure }
        writesStopped.store(true, ordering: .releasing)
    }

    /// Why a flush failed, and whether what it was to force may be lost by that: a file that could not even be opened has
    /// lost nothing, and the next flush takes it up again.
    private struct FlushFailure: Error {
        var error: StoreError
        var losesPages: Bool

        init(_ error: SystemError, path: String, offset: Int? = nil, doing action: String) {
            self.error = StoreError(error, path: path, offset: offset, doing: action)
            losesPages = error.isFailedFlush
        }
    }

    /// What a flush has to force, seen in one moment.
    private struct Snapshot: Sendable {
        var extents: [Reservation.Extent]
        var sequence: UInt64
        var since: Duration?
    }

    private func forceAll(for purpose: ForcePurpose) throws(FlushFailure) {
        let snapshot = publication.settle(reservation) { reservation in
            let extents = reservation.unforced + reservation.activeExtents(in: segments)
            defer {
                reservation.unforced = []
                reservation.unforcedSince = nil
            }
            return Snapshot(
                extents: extents,
                sequence: reservation.nextSequence,
                since: reservation.unforcedSince
            )
        }
        do throws(FlushFailure) {
            try forceNames()
            for extent in snapshot.extents { try force(extent, for: purpose) }
        } catch {
            reservation.withLock { reservation in
                reservation.unforced = snapshot.extents + reservation.unforced
                reservation.unforcedSince = snapshot.since ?? reservation.unforcedSince
            }
            throw error
        }
        forcedSequence.store(snapshot.sequence, ordering: .releasing)
    }

    private func force(_ extent: Reservation.Extent, for purpose: ForcePurpose) throws(FlushFailure) {
        let stripe = Stripe.current
        // A cleared segment may have left meanwhile; nothing in it needs to last.
        guard segments.pin(extent.slot, stripe: stripe) else { return }
        defer { segments.unpin(extent.slot, stripe: stripe) }
        let segment = segments[extent.slot]
        guard segment.pointee.number.load(ordering: .relaxed) == extent.number else { return }
        let start = segment.pointee.forcedEnd.load(ordering: .relaxed)
        guard extent.end > start else { return }
        if start == 0 { return try forceWhole(extent) }
        let pageStart = start & ~(Self.pageSize - 1)
        do throws(SystemError) {
            let base = segment.pointee.base
            try files.force(base, offset: pageStart, count: extent.end - pageStart, for: purpose)
        } catch {
            throw FlushFailure(
                error,
                path: segment.pointee.path,
                offset: pageStart,
                doing: "forcing records to the disk"
            )
        }
        segment.pointee.forcedEnd.store(extent.end, ordering: .relaxed)
    }

    /// Forces a segment of which not even the header and the length are known to have reached the disk.
    private func forceWhole(_ extent: Reservation.Extent) throws(FlushFailure) {
        let segment = segments[extent.slot]
        do throws(SystemError) {
            try files.withFile(segment.pointee.path, flags: O_RDONLY) { descriptor throws(SystemError) in
                try files.force(descriptor, for: .unforcedSegment)
            }
        } catch {
            // A file that somebody deleted, or that a clear ended meanwhile, has nothing that could last.
            guard error.number == ENOENT else {
                throw FlushFailure(error, path: segment.pointee.path, doing: "forcing the segment to the disk")
            }
        }
        segment.pointee.forcedEnd.store(extent.end, ordering: .relaxed)
    }

    /// Forces the directories where names were made without it.
    private func forceNames() throws(FlushFailure) {
        if namesAreUnforced.exchange(false, ordering: .acquiringAndReleasing) {
            do throws(FlushFailure) {
                try forceNames(in: directory, for: .unforcedNames)
            } catch {
                namesAreUnforced.store(true, ordering: .releasing)
                throw error
            }
        }
        while let parent = unforcedParents.withLock({ $0.last }) {
            try forceNames(in: parent, for: .unforcedParent)
            unforcedParents.withLock { $0.removeAll { $0 == parent } }
        }
    }

    private func forceNames(in path: String, for purpose: ForcePurpose) throws(FlushFailure) {
        do throws(SystemError) {
            try files.forceDirectory(path, for: purpose)
        } catch {
            // Where a parent cannot be opened its entries cannot be forced either; that is its owner's choice.
            if path != directory && (error.number == EACCES || error.number == EPERM) { return }
            throw FlushFailure(error, path: path, doing: "forcing the directory to the disk")
        }
    }

    static let pageSize = Int(getpagesize())
}
