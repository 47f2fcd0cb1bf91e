import Synchronization

/// Which segment makes room where all of it is wanted, by the rules of S3-FIFO over segments (Yang et al., "FIFO queues are
/// all you need for cache eviction", SOSP 2023).
extension SegmentStore {
    /// True of a segment that one record fills, which is never copied.
    private func isAlone(_ slot: Int) -> Bool {
        let segment = segments[slot]
        return segment.pointee.recordCount.load(ordering: .relaxed) == 1
            && segment.pointee.liveBytes.load(ordering: .relaxed) > nextCapacity / 2
    }

    func evictionVictim(_ candidates: [Int], _ state: inout ReclaimState) -> ReclaimState.Victim? {
        guard let limit, options.eviction != .none else { return nil }
        if options.eviction == .fifo {
            return lowestNumber(candidates).map { victim($0, .evict(below: .max, loss: 0, leavesGhosts: false)) }
        }
        fillMain(candidates, limit, &state)
        // Each time round, a segment that one record fills is evicted or moved behind the others, read less often.
        for _ in 0...candidates.count * 4 {
            guard let victim = oldest(candidates, limit, state) else { return nil }
            guard isAlone(victim.slot), keepsAlone(victim, &state) else { return victim }
        }
        return oldest(candidates, limit, state)
    }

    /// What was set while there was room for all of it has had longer than others to be read, and no less right to stay: it
    /// joins the main log, all but the newest, once the first entry has to leave.
    private func fillMain(_ candidates: [Int], _ limit: SizeLimit, _ state: inout ReclaimState) {
        guard !state.mainWasFilled else { return }
        state.mainWasFilled = true
        let first = candidates.filter { log(of: $0) == .first }
        var firstBytes = firstLogBytes(first)
        for slot in first where firstBytes > limit.firstLog {
            segments[slot].pointee.log.store(SegmentHeader.Log.main.rawValue, ordering: .relaxed)
            firstBytes -= segments[slot].pointee.header.capacity
        }
    }

    /// So many eviction victims in a row may win no segment before the next comes from the first log, and before half of
    /// the next is given up, whatever it is: callers' waits are bounded.
    private static let fruitlessFromMain = 2
    private static let fruitlessAtAll = 4

    private func oldest(_ candidates: [Int], _ limit: SizeLimit, _ state: ReclaimState) -> ReclaimState.Victim? {
        let ordered = candidates.sorted {
            segments[$0].pointee.order.load(ordering: .relaxed) < segments[$1].pointee.order.load(ordering: .relaxed)
        }
        let first = ordered.filter { log(of: $0) == .first }
        let firstBytes = firstLogBytes(first)
        let main = ordered.first { log(of: $0) == .main }
        // While the main log has room, whoever comes back at all is welcome there.
        let isMainFull = firstBytes <= limit.firstLog + 2 * limit.segmentCapacity
        ghosts.setFloor(isMainFull ? main.map { segments[$0].pointee.order.load(ordering: .relaxed) } ?? 0 : 0)
        // Where nearly all of the main log is wanted, what is new makes way before what is wanted does.
        let isMainWanted = Self.fruitlessFromMain..<Self.fruitlessAtAll ~= state.fruitless
        let isFromFirst = !first.isEmpty && (firstBytes > limit.firstLog || main == nil || isMainWanted)
        guard let slot = isFromFirst ? first.first : main else { return nil }
        let isFruitless = state.fruitless >= Self.fruitlessAtAll
        let level = isFruitless ? levelThatHalves(slot) : 1
        var victim = victim(slot, .evict(below: level, loss: isFromFirst ? 3 : 1, leavesGhosts: isFromFirst))
        // Where nearly all are like that, tombstones are what has old segments given up, and then they need not stay.
        victim.sparesTombstones = !isFruitless || maintenance.withLock { freeSegments($0) } < Self.reservedSegments
        return victim
    }

    /// True if the record that fills the segment stays: it joins the main log, or goes behind what is there, as it lies.
    private func keepsAlone(_ victim: ReclaimState.Victim, _ state: inout ReclaimState) -> Bool {
        guard case .evict(_, let loss, _) = victim.plan else { return false }
        var isKept = false
        forEachRow(of: victim.slot) { row in
            let shard = Index.shard(of: row.keyHash)
            index.withLock(shard) {
                _ = index[shard].pointee.probe(row.keyHash) { entry, cell -> Bool? in
                    guard entry.slot == victim.slot, entry.offset == row.offset else { return nil }
                    var current = IndexEntry(word: cell.pointee.load(ordering: .acquiring))
                    while current.isLive && current.use > 0 {
                        let (done, original) = cell.pointee.compareExchange(
                            expected: current.word,
                            desired: current.withUse(max(0, current.use - loss)).word,
                            ordering: .acquiringAndReleasing
                        )
                        if done {
                            isKept = true
                            break
                        }
                        current = IndexEntry(word: original)
                    }
                    return true
                }
            }
        }
        guard isKept else { return false }
        state.lastOrder = max(state.lastOrder, reservation.withLock { $0.highestNumber }) + 1
        segments[victim.slot].pointee.order.store(state.lastOrder, ordering: .relaxed)
        segments[victim.slot].pointee.log.store(SegmentHeader.Log.main.rawValue, ordering: .relaxed)
        return true
    }

    /// Bytes of the first log: of its sealed segments, and the one that takes new records.
    private func firstLogBytes(_ sealed: [Int]) -> Int {
        sealed.reduce(reservation.withLock { $0.first.capacity }) { $0 + segments[$1].pointee.header.capacity }
    }

    private func log(of slot: Int) -> SegmentHeader.Log? {
        SegmentHeader.Log(rawValue: segments[slot].pointee.log.load(ordering: .relaxed))
    }

    /// So often what is kept must have been read, for at most half of the segment to be kept.
    private func levelThatHalves(_ slot: Int) -> Int {
        var bytes = [0, 0, 0, 0]
        forEachRow(of: slot) { row in
            if let found = entry(naming: row, in: slot) { bytes[found.entry.use] += row.length }
        }
        var sum = 0
        for use in (1...3).reversed() {
            sum += bytes[use]
            if sum * 2 > segments[slot].pointee.header.capacity { return use + 1 }
        }
        return 1
    }
}
