import Glibc
import Synchronization

/// What a writer does once it knows what is there.
extension Opening {
    /// Seals what a death left open, keeps one empty segment as the spare, and chooses where appending goes on.
    func prepareForWriting(_ mapped: [Mapped], _ loaded: [LoadedRows], opened: inout Opened) {
        var empty: [Mapped] = []
        var sealedNow: Set<Int> = []
        for (segment, rows) in zip(mapped, loaded) {
            opened.capacityMade += segment.file.header.capacity
            guard segment.isWhole, !rows.isSealed, !rows.findings.contains(where: { $0.kind == .unknownRecord }) else {
                continue
            }
            if rows.rows.count == 0 && rows.findings.isEmpty {
                empty.append(segment)
                continue
            }
            // Where this fails the segment stays as it is, and the next opener scans it again.
            if seal(segment, rows) { sealedNow.insert(segment.slot) }
        }
        if let spare = empty.last(where: { Format.spareCapacities.contains($0.file.header.capacity) }),
            makeWritable(spare)
        {
            opened.reservation.spare = spare.slot
        }
        for segment in empty {
            if segment.slot == opened.reservation.spare { continue }
            // Left by deaths between making a segment and using it.
            try? files.unlink(segment.file.path)
            segments.retire(segment.slot)
        }
        dropCleared(mapped, loaded, below: opened.clearFloor)
        // Names that a writer without durability left, and those that went just now.
        if options.durability != .never { try? files.forceDirectory(directory, for: .foundNames) }
        opened.maintenance.emptyClosed = keepOneEmpty(mapped, loaded)
        guard opened.reservation.spare < 0 else { return }
        let last = Array(zip(mapped, loaded)).last { segment, rows in
            rows.isSealed && rows.rows.count > 0 && segment.isWhole && !sealedNow.contains(segment.slot)
                && hasRoom(segment, rows) && segments.isInUse(segment.slot)
        }
        if let last { opened.maintenance.continuable = last.0.slot }
    }

    /// A death between a clear and the deletion of what it ended leaves that to the next opener.
    ///
    /// What holds the clear is forced first: without it, a power cut could bring half of the store back.
    private func dropCleared(_ mapped: [Mapped], _ loaded: [LoadedRows], below floor: UInt64) {
        let pairs = Array(zip(mapped, loaded))
        let cleared = pairs.filter { $1.rows.count > 0 && $1.highestSequence < floor && $1.isSealed }
        guard !cleared.isEmpty else { return }
        do throws(SystemError) {
            for (segment, rows) in pairs where rows.highestSequence >= floor {
                try files.withFile(segment.file.path, flags: O_RDWR) { descriptor throws(SystemError) in
                    try files.force(descriptor, for: .foundClear)
                }
            }
        } catch {
            return
        }
        for (segment, _) in cleared {
            try? files.unlink(segment.file.path)
            segments.retire(segment.slot)
        }
    }

    /// The closed segment without records that was made last; older ones go.
    private func keepOneEmpty(_ mapped: [Mapped], _ loaded: [LoadedRows]) -> Int? {
        var empty = Array(zip(mapped, loaded)).filter { segment, rows in
            rows.isSealed && rows.rows.count == 0 && segment.isWhole
                && Format.spareCapacities.contains(segment.file.header.capacity)
        }
        let kept = empty.popLast()
        for (segment, _) in empty {
            try? files.unlink(segment.file.path)
            segments.retire(segment.slot)
        }
        return kept?.0.slot
    }

    /// A segment is gone on with while an eighth of it is free.
    private func hasRoom(_ segment: Mapped, _ rows: LoadedRows) -> Bool {
        let free = segment.file.header.capacity - rows.recordEnd - Footer.length(rowCount: rows.rows.count)
        let capacity = segment.file.header.capacity
        return capacity <= Format.largestSegment && free >= capacity / 8
    }

    private func seal(_ segment: Mapped, _ rows: LoadedRows) -> Bool {
        let isForced = options.durability != .never
        do throws(SystemError) {
            if isForced {
                try files.withFile(segment.file.path, flags: O_RDWR) { descriptor throws(SystemError) in
                    try files.force(descriptor, for: .foundRecords)
                }
            }
            try SegmentFile.seal(
                path: segment.file.path,
                header: segment.file.header,
                rows: rows.rows,
                recordEnd: rows.recordEnd,
                isForced: isForced,
                files: files
            )
        } catch {
            return false
        }
        segments[segment.slot].pointee.isSealed.store(true, ordering: .relaxed)
        return true
    }

    /// Gives an empty segment all its blocks and allows stores to it; false where the disk has no room for them.
    private func makeWritable(_ segment: Mapped) -> Bool {
        let slot = segments[segment.slot]
        do throws(SystemError) {
            try files.withFile(segment.file.path, flags: O_RDWR) { descriptor throws(SystemError) in
                try files.allocateFully(descriptor, offset: 0, count: segment.file.header.capacity)
                if options.durability != .never { try files.force(descriptor, for: .foundSpare) }
            }
            try files.protect(slot.pointee.base, count: slot.pointee.readableCount, writable: true)
        } catch {
            return false
        }
        return true
    }
}
