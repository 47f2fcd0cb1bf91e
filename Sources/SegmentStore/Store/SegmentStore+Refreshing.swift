import Glibc
import Synchronization

extension SegmentStore {
    /// Lets a read-only opener see what was written since it was opened or last refreshed. A writer sees everything.
    ///
    /// Keys change one by one, each from its old state to its new one; reads go on meanwhile. Does nothing in an opener
    /// that writes.
    ///
    /// - Throws: `.closed`, `.forkedChild`, `.outOfMemory`, `.unsupportedFormat`, or what reading the directory can.
    public func refresh() throws(StoreError) {
        try checkReadable()
        guard isReadOnly else { return }
        try maintenance.withLock { _ throws(StoreError) in
            // Whoever held the lock before may have closed the store.
            try checkReadable()
            let isEmpty = segments.inUse.isEmpty
            var survey = try survey()
            if isEmpty, let found = survey.identity {
                identityBox.withLock { $0 = found }
                keyHashSeed.store(found.keyHashSeed, ordering: .releasing)
                // Another directory of the same name counts its sequences anew.
                clearFloor.store(0, ordering: .relaxed)
            }
            let besideWriter = try DirectoryLock.isHeld(inDirectory: directory, files: files)
            for _ in 1..<Self.mostSurveys {
                let changes = try changes(by: survey, besideWriter: besideWriter)
                let again = try DirectorySurvey(directory, owner: .known(identity), files: files)
                if again.shows(sameSegmentsAs: survey) { return apply(changes) }
                survey = again
            }
            // A writer that is so fast leaves nothing older than a moment; the next refresh sees the rest.
            apply(try changes(by: survey, besideWriter: besideWriter))
        }
    }

    /// What lies in the directory now; a store without segments learns from them whose they are.
    func survey() throws(StoreError) -> DirectorySurvey {
        guard segments.inUse.isEmpty else {
            return try DirectorySurvey(directory, owner: .known(identity), files: files)
        }
        let hint = try DirectoryLock.directoryHint(inDirectory: directory, files: files)
        return try DirectorySurvey(directory, owner: .found(hint: hint), files: files)
    }

    /// So often the directory is looked at in search of a moment in which no file changed hands.
    private static let mostSurveys = 16

    /// What a survey shows that is not known yet.
    private struct Changes {
        var news: [(slot: Int, rows: LoadedRows)] = []
        var floor: UInt64
        /// Slots whose segments have gone.
        var vanished: [Int]
    }

    /// What tells segments apart: a file that is used again has both anew, and forged files may share either.
    private struct Name: Hashable {
        let number: UInt64
        let generation: UInt64

        init(_ header: SegmentHeader) {
            number = header.number
            generation = header.generation
        }
    }

    private func changes(by survey: DirectorySurvey, besideWriter: Bool) throws(StoreError) -> Changes {
        var vanished = segments.inUse
        let known = Dictionary(vanished.map { (Name(segments[$0].pointee.header), $0) }) { first, _ in first }
        var news: [(slot: Int, rows: LoadedRows)] = []
        var floor = clearFloor.load(ordering: .relaxed)
        for file in survey.files where !file.isSpare && file.header.identity == identity {
            floor = max(floor, file.header.clearFloor)
            var start = Format.recordsStart
            let slot: Int
            if let known = known[Name(file.header)] {
                vanished.removeAll { $0 == known }
                slot = known
                start = segments[known].pointee.recordEnd.load(ordering: .relaxed)
            } else if let added = try add(file) {
                slot = added
            } else {
                continue
            }
            guard let rows = try load(slot, from: start, besideWriter: besideWriter) else { continue }
            floor = max(floor, rows.rows.highestClear)
            news.append((slot, rows))
        }
        return Changes(news: news, floor: floor, vanished: vanished)
    }

    private func apply(_ changes: Changes) {
        let floor = changes.floor
        for (slot, rows) in changes.news {
            rows.rows.forEach { row in if row.sequence >= floor { apply(row, slot: slot) } }
            segments[slot].pointee.recordEnd.store(rows.recordEnd, ordering: .relaxed)
            segments[slot].pointee.isSealed.store(rows.isSealed, ordering: .relaxed)
        }
        forget(vanished: Set(changes.vanished), below: floor)
        clearFloor.store(floor, ordering: .relaxed)
        for slot in changes.vanished { segments.retire(slot) }
        let count = segments.inUse.count
        recovery.withLock { $0.segments = count }
    }

    private func add(_ file: DirectorySurvey.File) throws(StoreError) -> Int? {
        do throws(SystemError) {
            let segment = Segment(
                try files.mapping(of: file.path, count: min(file.length, file.header.capacity), mayWrite: false),
                header: file.header,
                path: file.path,
                inode: file.inode,
                recordEnd: Format.recordsStart,
                recordCount: 0,
                forcedEnd: 0,
                isSealed: false
            )
            guard let slot = segments.add(segment) else { throw SystemError(call: "mmap", number: ENOMEM) }
            return slot
        } catch  where error.number == ENOENT {
            return nil
        } catch {
            throw StoreError(error, path: file.path, doing: "mapping the segment")
        }
    }

    /// The rows behind `start`; nil if there is nothing new.
    private func load(_ slot: Int, from start: Int, besideWriter: Bool) throws(StoreError) -> LoadedRows? {
        let segment = segments[slot]
        let loader = SegmentLoader(
            path: segment.pointee.path,
            header: segment.pointee.header,
            isWhole: segment.pointee.readableCount == segment.pointee.header.capacity,
            besideWriter: besideWriter,
            boot: files.bootIdentity
        )
        var loaded = LoadedRows()
        do throws(SystemError) {
            let descriptor = try Descriptor(segment.pointee.path, flags: O_RDONLY, files: files)
            let isSealed = segment.pointee.isSealed.load(ordering: .relaxed)
            if isSealed, try loader.isUnchanged(descriptor.number, recordEnd: start, files: files) { return nil }
            loaded = try loader.load(descriptor.number, from: start, files: files)
        } catch  where error.number == ENOENT {
            return nil
        } catch {
            throw StoreError(error, path: segment.pointee.path, doing: "reading the segment")
        }
        guard loaded.isSealed, start > Format.recordsStart else { return loaded }
        var added = RowTable()
        loaded.rows.forEach { if $0.offset >= start { added.append($0) } }
        loaded.rows = added
        return loaded
    }

    /// Indexes a record that was written since, unless a newer one of its key is known.
    private func apply(_ row: FooterRow, slot: Int) {
        guard row.kind == .put || row.kind == .delete,
            let record = segments[slot].pointee.record(at: row.offset), record.length == row.length, record.layoutHolds,
            let key = record.keyWithin
        else { return }
        let shard = Index.shard(of: row.keyHash)
        index.withLock(shard) {
            let table = index[shard]
            let found = table.pointee.probe(row.keyHash) { entry, cell in names(key, entry) ? cell : nil }
            let entry = IndexEntry(
                slot: slot,
                offset: row.offset,
                hash: row.keyHash,
                shadows: found != nil,
                isTombstone: row.kind == .delete
            )
            guard let found else {
                if table.pointee.insert(entry, hash: row.keyHash) {
                    account(entry, length: row.length, sign: 1, shard: shard)
                }
                return
            }
            let old = IndexEntry(word: found.pointee.load(ordering: .acquiring))
            let known = segments[old.slot].pointee.record(at: old.offset)?.sequence ?? 0
            // Reclamation has carried it; which of the two stays is not known before the other has gone.
            if row.sequence == known && entry.isTombstone == old.isTombstone {
                if entry.place != old.place { copies.withLock { $0.add(entry, of: old) } }
                return
            }
            guard (row.sequence, entry.isTombstone ? 1 : 0) > (known, old.isTombstone ? 1 : 0) else { return }
            _ = copies.withLock { $0.take(old) }
            replace(found, by: entry, length: row.length, shard: shard)
        }
    }

    /// Drops the entries whose segments have gone, unless their records were carried, and those that a clear has ended.
    private func forget(vanished: Set<Int>, below floor: UInt64) {
        let isCleared = floor > clearFloor.load(ordering: .relaxed)
        guard isCleared || !vanished.isEmpty else { return }
        for shard in 0..<Index.shardCount {
            index.withLock(shard) {
                let table = index[shard]
                var gone: [(IndexEntry, UnsafeMutablePointer<Atomic<UInt64>>)] = []
                table.pointee.forEach { entry, cell in
                    let record = segments[entry.slot].pointee.record(at: entry.offset)
                    if vanished.contains(entry.slot) || (isCleared && (record?.sequence ?? 0) < floor) {
                        gone.append((entry, cell))
                    }
                }
                for (entry, cell) in gone {
                    if restoreCopy(of: entry, cell, shard: shard, below: floor, outside: vanished) { continue }
                    let length = recordLength(entry)
                    account(table.pointee.remove(at: cell), length: length, sign: -1, shard: shard)
                }
            }
        }
        copies.withLock { $0.forget(vanished) }
    }

    /// Has the cell name the record where it was carried to; false if it lies nowhere else, or its key has a newer one by
    /// now, which did not take its place because it could no longer be read.
    private func restoreCopy(
        of gone: IndexEntry,
        _ cell: UnsafeMutablePointer<Atomic<UInt64>>,
        shard: Int,
        below floor: UInt64,
        outside vanished: Set<Int>
    ) -> Bool {
        var others = copies.withLock { $0.take(gone) }.filter {
            !vanished.contains($0.slot) && segments[$0.slot].pointee.record(at: $0.offset)?.layoutHolds == true
        }
        guard let copy = others.popLast(), let record = segments[copy.slot].pointee.record(at: copy.offset),
            record.layoutHolds, record.sequence >= floor, let key = record.keyWithin
        else { return false }
        let table = index[shard]
        let sequence = record.sequence
        let rival = table.pointee.probe(hash(of: key)) { entry, other in
            other != cell && names(key, entry) ? (entry: entry, cell: other) : nil
        }
        if let rival {
            let known = segments[rival.entry.slot].pointee.record(at: rival.entry.offset)?.sequence ?? 0
            // One of an older record was restored a moment ago.
            guard known < sequence, !vanished.contains(rival.entry.slot) else { return false }
            _ = copies.withLock { $0.take(rival.entry) }
            account(table.pointee.remove(at: rival.cell), length: recordLength(rival.entry), sign: -1, shard: shard)
        }
        let restored = gone.isExpired ? copy.shadowing.expired : copy.shadowing
        replace(cell, by: restored, length: record.length, shard: shard)
        for other in others { copies.withLock { $0.add(other, of: restored) } }
        return true
    }
}
