import Synchronization

extension SegmentStore {
    /// Checks the index and the segments' accounts against the records themselves; empty if all agree.
    ///
    /// For tests, on an undamaged store that nobody is using: it reads everything, and stops reclamation alone; not to be
    /// called from within that.
    package func invariantViolations() -> [String] {
        // What is carried meanwhile would be seen half here and half there.
        reclaiming.withLock { _ in presentViolations() }
    }

    private func presentViolations() -> [String] {
        var violations: [String] = []
        var live: [Int: Int] = [:]
        var tombstones: [Int: Int] = [:]
        var keys: Set<[UInt8]> = []
        for shard in 0..<Index.shardCount {
            var liveCount = 0
            index[shard].pointee.forEach { entry, cell in
                guard segments.isInUse(entry.slot), let record = segments[entry.slot].pointee.record(at: entry.offset),
                    record.layoutHolds, record.checksumHolds(salt: segments[entry.slot].pointee.salt)
                else {
                    violations.append(
                        "shard \(shard): an entry names no whole record: slot \(entry.slot), \(entry.offset)"
                    )
                    return
                }
                let hash = hash(of: record.key)
                let place = "\(segments[entry.slot].pointee.path) at byte \(entry.offset)"
                if !keys.insert(Array(record.key)).inserted { violations.append("\(place): its key has two entries") }
                if Index.shard(of: hash) != shard { violations.append("\(place): in the wrong shard \(shard)") }
                let found = index[shard].pointee.probe(hash) { candidate, place in place == cell ? candidate : nil }
                if found == nil { violations.append("\(place): its entry cannot be found by its key") }
                if entry.isTombstone != (record.kindByte == RecordKind.delete.rawValue) {
                    violations.append("\(place): tombstone bit and kind differ")
                }
                if record.sequence < clearFloor.load(ordering: .relaxed) {
                    violations.append("\(place): cleared, but in the index")
                }
                if entry.isTombstone {
                    tombstones[entry.slot, default: 0] += record.length
                } else if entry.isLive {
                    live[entry.slot, default: 0] += record.length
                    liveCount += 1
                }
            }
            let counted = index[shard].pointee.liveCount.load(ordering: .relaxed)
            if counted != liveCount { violations.append("shard \(shard): counts \(counted) entries, has \(liveCount)") }
        }
        for slot in segments.inUse {
            violations += segmentViolations(slot, live: live[slot] ?? 0, tombstones[slot] ?? 0)
        }
        return violations
    }

    private func segmentViolations(_ slot: Int, live: Int, _ tombstones: Int) -> [String] {
        let segment = segments[slot]
        let path = segment.pointee.path
        var violations: [String] = []
        let countedLive = segment.pointee.liveBytes.load(ordering: .relaxed)
        let countedTombstones = segment.pointee.tombstoneBytes.load(ordering: .relaxed)
        if countedLive != live { violations.append("\(path): counts \(countedLive) live bytes, has \(live)") }
        if countedTombstones != tombstones {
            violations.append("\(path): counts \(countedTombstones) bytes of tombstones, has \(tombstones)")
        }
        let end = segment.pointee.recordEnd.load(ordering: .relaxed)
        if live + tombstones > end - Format.recordsStart { violations.append("\(path): more live bytes than records") }
        let rows = segment.pointee.recordCount.load(ordering: .relaxed)
        if !isReadOnly && end + Footer.length(rowCount: rows) > segment.pointee.header.capacity {
            violations.append("\(path): no room for its footer")
        }
        return violations
    }
}

extension SegmentStore {
    /// Lets the directory go as a killed process does: nothing is forced, no footer is written. For tests.
    package func abandon() {
        closing.withLock { _ in
            guard phase.load(ordering: .acquiring) == Phase.open else { return }
            stopThreads()
            let allShards = Array(0..<Index.shardCount)
            index.withLocks(allShards[...]) { phase.store(Phase.closing, ordering: .sequentiallyConsistent) }
            sealing.withLock { _ in maintenance.withLock { _ in letGo() } }
        }
    }
}
