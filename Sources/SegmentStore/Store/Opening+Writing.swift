import Glibc
import Synchronization

/// What a writer does once it knows what is there.
extension Opening {
    /// Seals what a death left open, keeps one empty segment as the spare, and chooses where appending goes on.
    ///
    /// A failed flush ends the opening: a store that cannot force must not promise to. Whatever else fails is left as
    /// it is, to the next opener.
    func prepareForWriting(_ mapped: [Mapped], _ loaded: [LoadedRows], opened: inout Opened) throws(StoreError) {
        try forceNames(mapped, loaded, opened: &opened)
        var empty: [Mapped] = []
        var sealedNow: Set<Int> = []
        for (segment, rows) in zip(mapped, loaded) {
            opened.capacityMade += segment.file.header.capacity
            if rows.rows.count == 0 && rows.findings.isEmpty && !rows.hasTrailer && segment.isWhole {
                empty.append(segment)
                continue
            }
            if rows.forced != .all { try force(segment, rows, opened: &opened) }
            // A footer would hide what has no row from the version that knows it.
            guard segment.isWhole, !rows.isSealed, !rows.omitsRecords else { continue }
            if try seal(segment, rows) { sealedNow.insert(segment.slot) }
        }
        let nextSequence = opened.reservation.nextSequence
        let spare = empty.last { segment in
            isSpareSized(segment) && segment.file.header.hasRoom(forSequence: nextSequence)
        }
        if let spare, try makeWritable(spare) {
            opened.reservation.spare = spare.slot
        }
        for segment in empty {
            if segment.slot == opened.reservation.spare { continue }
            // Left by deaths between making a segment and using it.
            guard !isLastToKnowOfClear(segment, mapped, loaded, opened.clearFloor) else {
                if try seal(segment, LoadedRows()) { sealedNow.insert(segment.slot) }
                continue
            }
            unlink(segment, &opened)
        }
        dropCleared(mapped, loaded, &opened)
        opened.maintenance.emptyClosed = keepOneEmpty(mapped, loaded, &opened)
        guard opened.reservation.spare < 0 else { return }
        let last = Array(zip(mapped, loaded)).last { segment, rows in
            rows.isSealed && rows.rows.count > 0 && segment.isWhole && !sealedNow.contains(segment.slot)
                && hasRoom(segment, rows) && segment.file.header.hasRoom(forSequence: nextSequence)
                && segments.isInUse(segment.slot)
        }
        if let last { opened.maintenance.continuable = last.0.slot }
    }

    /// A death between a clear and the deletion of what it ended leaves that to the next opener.
    ///
    /// Where the clear itself may not have reached the disk, nothing is deleted yet: a power cut could bring half of the
    /// store back.
    private func dropCleared(_ mapped: [Mapped], _ loaded: [LoadedRows], _ opened: inout Opened) {
        let floor = opened.clearFloor
        let pairs = Array(zip(mapped, loaded))
        let holdsClear = { (segment: Mapped, rows: LoadedRows) in
            max(rows.highestSequence, segment.file.header.clearFloor) >= floor
        }
        let isForced = { (segment: Mapped, rows: LoadedRows) in
            segments[segment.slot].pointee.forcedEnd.load(ordering: .relaxed) >= rows.recordEnd
        }
        guard pairs.allSatisfy({ !holdsClear($0, $1) || isForced($0, $1) }) else { return }
        for (segment, rows) in pairs where rows.isSealed && rows.highestSequence < floor {
            // One without records can serve as the next one, or was kept for a floor that another has topped.
            let isEmpty = rows.rows.count == 0
            let isTopped = !isSpareSized(segment) && segment.file.header.clearFloor < floor
            guard !isEmpty || isTopped else { continue }
            unlink(segment, &opened)
        }
    }

    /// The closed segment without records that was made last; older ones go.
    private func keepOneEmpty(_ mapped: [Mapped], _ loaded: [LoadedRows], _ opened: inout Opened) -> Int? {
        let nextSequence = opened.reservation.nextSequence
        var empty = Array(zip(mapped, loaded)).filter { segment, rows in
            rows.isSealed && rows.rows.count == 0 && segment.isWhole && isSpareSized(segment)
                && segment.file.header.hasRoom(forSequence: nextSequence)
        }
        let kept = empty.popLast()
        for (segment, _) in empty {
            unlink(segment, &opened)
        }
        return kept?.0.slot
    }

    /// True of an empty segment whose header alone says that older records are dead: a power cut took the clear itself.
    private func isLastToKnowOfClear(
        _ segment: Mapped,
        _ mapped: [Mapped],
        _ loaded: [LoadedRows],
        _ floor: UInt64
    ) -> Bool {
        guard floor > 0, segment.file.header.clearFloor == floor else { return false }
        return !zip(mapped, loaded).contains { other, rows in
            guard other.slot != segment.slot, segments.isInUse(other.slot) else { return false }
            var isClear = false
            rows.rows.forEach { if $0.kind == .clear && $0.sequence == floor { isClear = true } }
            return isClear || other.file.header.clearFloor == floor
        }
    }

    /// A name that a power cut brings back does no harm, but to be looked at again; the first flush forces the directory.
    private func unlink(_ segment: Mapped, _ opened: inout Opened) {
        try? files.unlink(segment.file.path)
        segments.retire(segment.slot)
        opened.namesAreUnforced = true
    }

    private func isSpareSized(_ segment: Mapped) -> Bool {
        let smallest = min(options.sizes.smallestSegment, largestToFill)
        return (smallest...largestToFill).contains(segment.file.header.capacity)
    }

    /// What is larger was made for a single record, or without this limit: emptying one would take more segments than are
    /// kept for that.
    private var largestToFill: Int {
        options.sizeLimit.map { SizeLimit(bytes: $0).segmentCapacity } ?? Format.largestSegment
    }

    /// A segment is gone on with while an eighth of it is free.
    private func hasRoom(_ segment: Mapped, _ rows: LoadedRows) -> Bool {
        let free = segment.file.header.capacity - rows.recordEnd - Footer.length(rowCount: rows.rows.count)
        let capacity = segment.file.header.capacity
        return capacity <= largestToFill && free >= capacity / 8
    }

    /// What the body says; false where it fails, but for a failed flush, which is thrown.
    private func succeeds(_ segment: Mapped, _ body: () throws(SystemError) -> Bool) throws(StoreError) -> Bool {
        do throws(SystemError) {
            return try body()
        } catch {
            guard error.isFailedFlush else { return false }
            throw StoreError(error, path: segment.file.path, doing: "forcing what was found to the disk")
        }
    }

    /// Forces the names of what was found, unless a footer says that they have been forced; without durability, leaves
    /// that to the first flush.
    ///
    /// A footer whose records are forced was written after its segment's name was forced, and those of the directories
    /// above.
    private func forceNames(
        _ mapped: [Mapped],
        _ loaded: [LoadedRows],
        opened: inout Opened
    ) throws(StoreError) {
        let known = loaded.count { $0.forced != .nothing }
        if known > 0 { opened.unforcedParents = [] }
        opened.namesAreUnforced = known < mapped.count
        guard options.durability != .never else { return }
        do throws(SystemError) {
            if opened.namesAreUnforced { try files.forceDirectory(directory, for: .foundNames) }
            opened.namesAreUnforced = false
            for parent in opened.unforcedParents { try forceEntries(of: parent) }
            opened.unforcedParents = []
        } catch {
            throw StoreError(error, path: directory, doing: "forcing the directory to the disk")
        }
    }

    /// Forces a segment whose records, or whose footer, an earlier process may not have forced; without durability, leaves
    /// the records to the first flush and the footer to closing.
    private func force(_ segment: Mapped, _ rows: LoadedRows, opened: inout Opened) throws(StoreError) {
        let slot = segments[segment.slot]
        let areRecordsForced = rows.forced != .nothing
        guard options.durability != .never else {
            if areRecordsForced { return }
            return opened.reservation.unforced.append(extent(of: segment, rows))
        }
        let isForced = try succeeds(segment) { () throws(SystemError) in
            if !areRecordsForced {
                try files.withFile(segment.file.path, flags: O_RDONLY) { descriptor throws(SystemError) in
                    try files.force(descriptor, for: .foundRecords)
                }
                slot.pointee.forcedEnd.store(rows.recordEnd, ordering: .relaxed)
            }
            if rows.isSealed && segment.isWhole {
                try SegmentFile.confirm(path: segment.file.path, header: segment.file.header, files: files)
                slot.pointee.footerIsForced.store(true, ordering: .relaxed)
            }
            return true
        }
        if !isForced && !areRecordsForced {
            opened.reservation.unforced.append(extent(of: segment, rows))
        }
    }

    private func extent(of segment: Mapped, _ rows: LoadedRows) -> Reservation.Extent {
        Reservation.Extent(slot: segment.slot, end: rows.recordEnd, in: segments)
    }

    private func seal(_ segment: Mapped, _ rows: LoadedRows) throws(StoreError) -> Bool {
        let slot = segments[segment.slot]
        let isForced = slot.pointee.forcedEnd.load(ordering: .relaxed) >= rows.recordEnd
        let isSealed = try succeeds(segment) { () throws(SystemError) in
            try SegmentFile.seal(
                path: segment.file.path,
                header: segment.file.header,
                base: slot.pointee.base,
                recordEnd: rows.recordEnd,
                rowCount: rows.rows.count,
                isForced: isForced,
                files: files
            ) { writer throws(SystemError) in
                try rows.rows.forEach { row throws(SystemError) in try writer.append(row) }
                return true
            }
        }
        if isSealed {
            slot.pointee.noteSealed(rowCount: rows.rows.count, hasLimit: options.sizeLimit != nil, files: files)
            slot.pointee.isSealed.store(true, ordering: .relaxed)
            slot.pointee.footerIsForced.store(isForced, ordering: .relaxed)
        }
        return isSealed
    }

    /// Gives an empty segment all its blocks and allows stores to it; false where the disk has no room for them.
    private func makeWritable(_ segment: Mapped) throws(StoreError) -> Bool {
        let slot = segments[segment.slot]
        return try succeeds(segment) { () throws(SystemError) in
            try files.withFile(segment.file.path, flags: O_RDWR) { descriptor throws(SystemError) in
                let start = Format.recordsStart
                let free = segment.file.header.capacity - start
                try files.allocateFully(descriptor, offset: start, count: free)
            }
            try files.protect(slot.pointee.base, count: slot.pointee.readableCount, writable: true)
            return true
        }
    }
}
