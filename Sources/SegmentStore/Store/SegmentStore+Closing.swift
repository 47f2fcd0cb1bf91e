import Glibc
import Synchronization

extension SegmentStore {
    /// Forces what was written, writes the footers and lets the directory go; a second call does nothing.
    ///
    /// Lends that are going on keep their bytes: a mapping goes with its last reader.
    ///
    /// - Throws: `.inputOutput`, `.noSpace`, `.writesStopped`, `.notFound` for a segment that somebody deleted, if not
    ///   all could be made to last, or the error of deleting a file that was given up; the store is closed all the same,
    ///   and the next opener recovers what is there. `.forkedChild`, and then nothing is closed.
    public func close() throws(StoreError) {
        if forkGuard.isForkedChild { try checkReadable() }
        try closing.withLock { _ throws(StoreError) in
            guard phase.load(ordering: .acquiring) == Phase.open else { return }
            stopThreads()
            // Who holds a shard's lock finishes the write it is in; who comes later is refused.
            let allShards = Array(0..<Index.shardCount)
            index.withLocks(allShards[...]) { phase.store(Phase.closing, ordering: .sequentiallyConsistent) }
            // Whoever makes, seals or drops a segment, or refreshes, is done before the mappings and the lock go.
            try sealing.withLock { _ throws(StoreError) in
                try maintenance.withLock { state throws(StoreError) in
                    defer { letGo() }
                    guard !isReadOnly else { return }
                    // What was given up would be deleted by the next opener; first, so that its name is forced too.
                    var failure: StoreError?
                    for slot in state.parked {
                        do throws(StoreError) {
                            try discard(slot, &state)
                        } catch {
                            // The file stays, and keeps nothing else from lasting.
                            segments.discard(slot)
                            failure = failure ?? error
                        }
                    }
                    try finish()
                    if let failure { throw failure }
                }
            }
        }
    }

    /// Ends the use of everything that the store holds. Under the closing, sealing and maintenance locks.
    func letGo() {
        phase.store(Phase.closed, ordering: .sequentiallyConsistent)
        for slot in segments.inUse { segments.retire(slot) }
        lock.withLock { $0 = nil }
    }

    private func finish() throws(StoreError) {
        try forceEverything()
        try sealAllFull(isForced: true)
        try confirmFooters()
        let active = reservation.withLock { [$0.first.slot, $0.main.slot, $0.spare] }
        // An empty one too: its footer spares the next opener a scan.
        for slot in active where slot >= 0 { try seal(slot, isForced: true) }
    }

    /// Makes footers last that were written without force; all records have been forced by now.
    private func confirmFooters() throws(StoreError) {
        for slot in segments.inUse {
            let segment = segments[slot]
            guard segment.pointee.isSealed.load(ordering: .relaxed),
                !segment.pointee.footerIsForced.load(ordering: .relaxed)
            else { continue }
            do throws(SystemError) {
                try SegmentFile.confirm(path: segment.pointee.path, header: segment.pointee.header, files: files)
            } catch  where error.number == ENOENT {
                continue
            } catch {
                throw StoreError(error, path: segment.pointee.path, doing: "forcing the segment's footer")
            }
        }
    }
}
