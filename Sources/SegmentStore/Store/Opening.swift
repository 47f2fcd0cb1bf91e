import Glibc
import Synchronization

/// Opening a store, step by step: look, lock, map, read rows, index them, seal what a death left open.
struct Opening {
    let directory: String
    let options: StoreOptions
    let index: Index
    let segments: SegmentTable
    let files: any FileLayer

    private var isWriter: Bool { options.access == .readWrite }

    /// What an open store starts from.
    struct Opened: ~Copyable {
        var identity: DirectorySurvey.Identity
        var maintenance = SegmentStore.Maintenance()
        var reservation = Reservation()
        var clearFloor: UInt64 = 0
        var capacityMade = 0
        var report = RecoveryReport()
        /// Of an opener that only reads.
        var copies = RecordCopies()
        /// Directories whose names of others may not have reached the disk, and whether the store's own is one.
        var unforcedParents: [String] = []
        var namesAreUnforced = false
        var lock: DirectoryLock?

        mutating func takeLock() -> DirectoryLock? { lock.take() }
    }

    func open() throws(StoreError) -> Opened {
        // One of them may be a death's, whose name its maker has not forced.
        var parents: Set = [parent(of: directory), parent(of: parent(of: directory))]
        if isWriter { try makeDirectory(noting: &parents) } else { try checkDirectory() }
        let hint = try DirectoryLock.directoryHint(inDirectory: directory, files: files)
        // Before the lock file is written: a directory of a newer format must not be touched.
        var survey = try DirectorySurvey(directory, owner: .found(hint: hint), files: files)
        var lock: DirectoryLock?
        var besideWriter = false
        if isWriter {
            lock = try DirectoryLock(directory: directory, files: files)
            survey = try DirectorySurvey(directory, owner: .found(hint: hint), files: files)
        } else {
            besideWriter = try DirectoryLock.isHeld(inDirectory: directory, files: files)
        }

        var opened = Opened(
            identity: survey.identity
                ?? DirectorySurvey.Identity(
                    directory: DirectoryID(low: options.randomness(), high: options.randomness()),
                    keyHashSeed: options.randomness()
                )
        )
        lock?.describe(directory: opened.identity.directory, now: options.clock.milliseconds())
        opened.lock = lock.take()
        opened.unforcedParents = parents.sorted()
        for finding in survey.findings { opened.report.add(finding) }
        if isWriter { for path in survey.unfinished { try? files.unlink(path) } }

        let mapped = try map(survey, report: &opened.report)
        var loaded = try load(mapped, besideWriter: besideWriter)
        if !isWriter && !besideWriter, try DirectoryLock.isHeld(inDirectory: directory, files: files) {
            // A writer came meanwhile: what looked torn may have been its writing.
            loaded = try load(mapped, besideWriter: true)
        }
        var nextSequence: UInt64 = 1
        for (segment, rows) in zip(mapped, loaded) {
            opened.report.segments += 1
            if rows.isSealed { opened.report.footersUsed += 1 } else { opened.report.segmentsScanned += 1 }
            opened.report.records += rows.rows.count
            for finding in rows.findings { opened.report.add(finding) }
            opened.clearFloor = max(opened.clearFloor, segment.file.header.clearFloor)
            nextSequence = max(nextSequence, rows.highestSequence + 1, segment.file.header.baseSequence)
            opened.clearFloor = max(opened.clearFloor, rows.rows.highestClear)
        }
        opened.reservation.nextSequence = max(nextSequence, opened.clearFloor + 1)
        opened.reservation.highestNumber = survey.highestNumber
        if isWriter { try checkRoomForCounting(opened.reservation) }

        let copies = isWriter ? nil : Box(RecordCopies())
        let builder = IndexBuilder(
            index: index,
            segments: segments,
            clearFloor: opened.clearFloor,
            now: options.clock.milliseconds(),
            copies: copies
        )
        guard builder.build(from: zip(mapped, loaded).map { (slot: $0.slot, rows: $1) }) else {
            throw StoreError(.outOfMemory, path: directory, detail: "the index's memory could not be had")
        }
        if let copies { opened.copies = copies.value.withLock { $0 } }
        if isWriter { try prepareForWriting(mapped, loaded, opened: &opened) }
        return opened
    }

    /// Refuses to write where a header states a number or a sequence so high that the headers to come could not state
    /// theirs: no honest one does.
    private func checkRoomForCounting(_ reservation: Reservation) throws(StoreError) {
        let highest = max(reservation.nextSequence, reservation.highestNumber)
        guard highest > Format.highestHeaderNumber - Format.sequenceSpan else { return }
        throw StoreError(
            .unsupportedFormat,
            path: directory,
            detail: "a segment states the number or sequence \(highest), which leaves none to give; open read-only"
        )
    }

    // MARK: The directory

    private func makeDirectory(noting parents: inout Set<String>) throws(StoreError) {
        do throws(SystemError) {
            _ = try files.status(at: directory)
        } catch  where error.number == ENOENT {
            try makeDirectoryAndParents(directory, noting: &parents)
        } catch {
            throw StoreError(error, path: directory, doing: "opening the directory")
        }
        try checkDirectory()
    }

    private func makeDirectoryAndParents(_ path: String, noting parents: inout Set<String>) throws(StoreError) {
        let parent = parent(of: path)
        do throws(SystemError) {
            do throws(SystemError) {
                try files.makeDirectory(path, mode: 0o700)
            } catch  where error.number == ENOENT && parent != path {
                do throws(StoreError) {
                    try makeDirectoryAndParents(parent, noting: &parents)
                } catch {
                    throw SystemError(call: "mkdir", number: error.number ?? ENOENT)
                }
                try files.makeDirectory(path, mode: 0o700)
            }
            parents.insert(parent)
        } catch  where error.number == EEXIST {
            return
        } catch {
            throw StoreError(error, path: path, doing: "creating the directory")
        }
    }

    func forceEntries(of parent: String) throws(SystemError) {
        do throws(SystemError) {
            try files.forceDirectory(parent, for: .madeDirectory)
        } catch  where error.number == EACCES {
            // What cannot be opened cannot be forced either; that is its owner's choice.
        }
    }

    private func parent(of path: String) -> String {
        var trimmed = Substring(path)
        while trimmed.count > 1 && trimmed.hasSuffix("/") { trimmed = trimmed.dropLast() }
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
    }

    private func checkDirectory() throws(StoreError) {
        do throws(SystemError) {
            let descriptor = try Descriptor(directory, flags: O_RDONLY | O_DIRECTORY, files: files)
            let type = try files.fileSystemType(of: descriptor.number)
            if isWriter && type == Self.networkFileSystem {
                throw SystemError(call: "statfs", number: EOPNOTSUPP)
            }
        } catch {
            throw StoreError(error, path: directory, doing: "opening the store's directory")
        }
    }

    /// NFS: neither its locks nor its mappings keep the engine's promises.
    private static let networkFileSystem = 0x6969

    // MARK: Segments

    /// Fewer bytes are scanned sooner than a second thread is started.
    private static let threadedFrom = 1 << 20

    struct Mapped: Sendable {
        var slot: Int
        var file: DirectorySurvey.File
        var isWhole: Bool { file.length >= file.header.capacity }
    }

    private func map(_ survey: DirectorySurvey, report: inout RecoveryReport) throws(StoreError) -> [Mapped] {
        var mapped: [Mapped] = []
        for file in survey.files {
            for offset in file.damagedHeaders {
                report.add(
                    Finding(
                        kind: .damagedHeader,
                        path: file.path,
                        offset: offset,
                        length: Format.headerLength,
                        loss: "nothing is lost, the other copy holds"
                    )
                )
            }
            if file.isSpare {
                // Its content was thrown away; nobody has reused it.
                if isWriter { try? files.unlink(file.path) }
                continue
            }
            guard let slot = try addSegment(file) else { continue }
            mapped.append(Mapped(slot: slot, file: file))
        }
        return mapped
    }

    private func addSegment(_ file: DirectorySurvey.File) throws(StoreError) -> Int? {
        let count = min(file.length, file.header.capacity)
        do throws(SystemError) {
            let mapping = try files.mapping(of: file.path, count: count, mayWrite: isWriter)
            let segment = Segment(
                mapping,
                header: file.header,
                path: file.path,
                inode: file.inode,
                recordEnd: Format.recordsStart,
                recordCount: 0,
                forcedEnd: 0,
                isSealed: true
            )
            guard let slot = segments.add(segment) else {
                throw SystemError(call: "mmap", number: ENOMEM)
            }
            return slot
        } catch  where error.number == ENOENT && !isWriter {
            return nil
        } catch {
            throw StoreError(error, path: file.path, doing: "mapping the segment")
        }
    }

    private func load(_ mapped: [Mapped], besideWriter: Bool) throws(StoreError) -> [LoadedRows] {
        let results = mapped.map { _ in Box(LoadedRows()) }
        let hasLimit = isWriter && options.sizeLimit != nil
        let loadOne: @Sendable (Int) -> Void = { [files, segments, isWriter] number in
            let segment = segments[mapped[number].slot]
            let loader = SegmentLoader(
                path: segment.pointee.path,
                header: segment.pointee.header,
                isWhole: mapped[number].isWhole,
                besideWriter: besideWriter,
                boot: files.bootIdentity
            )
            var loaded = LoadedRows()
            if isWriter {
                loaded = loader.load(mapped: segment.pointee.base, count: segment.pointee.readableCount)
            } else {
                do throws(SystemError) {
                    let descriptor = try Descriptor(segment.pointee.path, flags: O_RDONLY, files: files)
                    loaded = try loader.load(descriptor.number, from: Format.recordsStart, files: files)
                } catch {
                    // What a writer has just deleted holds nothing any more.
                    if error.number != ENOENT { loaded.failure = error }
                }
            }
            segment.pointee.recordEnd.store(loaded.recordEnd, ordering: .relaxed)
            segment.pointee.recordCount.store(loaded.rows.count, ordering: .relaxed)
            segment.pointee.forcedEnd.store(loaded.forced == .nothing ? 0 : loaded.recordEnd, ordering: .relaxed)
            segment.pointee.isSealed.store(loaded.isSealed, ordering: .relaxed)
            segment.pointee.footerIsForced.store(loaded.forced == .all, ordering: .relaxed)
            if loaded.isSealed {
                segment.pointee.noteSealed(rowCount: loaded.rows.count, hasLimit: hasLimit, files: files)
            }
            let done = loaded
            results[number].value.withLock { $0 = done }
        }
        if mapped.reduce(0, { $0 + $1.file.header.capacity }) < Self.threadedFrom {
            for number in mapped.indices { loadOne(number) }
        } else {
            inParallel(mapped.count, loadOne)
        }
        let loaded = results.map { $0.value.withLock { $0 } }
        for (segment, rows) in zip(mapped, loaded) {
            guard let failure = rows.failure else { continue }
            throw StoreError(failure, path: segment.file.path, doing: "reading the segment")
        }
        return loaded
    }
}
