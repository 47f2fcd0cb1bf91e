import Synchronization

extension SegmentStore {
    /// Calls the body with every key that begins with the prefix, each once if it lives throughout, in no order.
    ///
    /// Keys set or removed meanwhile, or whose entries end meanwhile, may be seen or not. Each key is lent for one call of
    /// the body, which may call the store.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func forEachKey(
        hasPrefix prefix: [UInt8] = [],
        _ body: (RawSpan) -> Void
    ) throws(StoreError) {
        for shard in 0..<Self.keyPartCount { try forEachKey(inPart: shard, hasPrefix: prefix, body) }
    }

    /// The keys are seen in so many parts, each of which fits into memory a caller can spare.
    package static var keyPartCount: Int { Index.shardCount }

    /// Calls the body with every key of one part.
    package func forEachKey(
        inPart shard: Int,
        hasPrefix prefix: [UInt8],
        _ body: (RawSpan) -> Void
    ) throws(StoreError) {
        // The body may set, and where room is short that is not to be had from segments that this holds.
        var keys: [UInt8] = []
        var ends: [Int] = []
        try forEachRecord(inPart: shard) { record in
            let key = record.key
            guard key.count >= prefix.count, zip(key, prefix).allSatisfy({ $0 == $1 }) else { return }
            keys.append(contentsOf: key)
            ends.append(keys.count)
        }
        var start = 0
        for end in ends {
            body(keys.span.extracting(start..<end).bytes)
            start = end
        }
    }

    /// Calls the body with the record of every entry of one part that lives, whole ones alone; also of those that have
    /// ended and are not forgotten yet, and of those whose values only a newer version can read, where these are asked for:
    /// by who removes. The body keeps their segments from being reclaimed, and must not set.
    func forEachRecord(
        inPart shard: Int,
        includingUnlisted includesUnlisted: Bool = false,
        _ body: (RecordView) -> Void
    ) throws(StoreError) {
        try checkReadable()
        let stripe = Stripe.current
        let now = options.clock.milliseconds()
        // A snapshot of the entries, whose segments are pinned, so that the records can be read without the lock.
        let snapshot = index.withLock(shard) { () -> Snapshot in
            var snapshot = Snapshot()
            index[shard].pointee.forEach { entry, _ in
                if entry.isLive || (includesUnlisted && !entry.isTombstone) { snapshot.entries.append(entry) }
            }
            for slot in Set(snapshot.entries.map(\.slot)) where segments.pin(slot, stripe: stripe) {
                snapshot.pinned.insert(slot)
            }
            return snapshot
        }
        defer { for slot in snapshot.pinned { segments.unpin(slot, stripe: stripe) } }
        for entry in snapshot.entries where snapshot.pinned.contains(entry.slot) {
            let segment = segments[entry.slot]
            guard let lying = segment.pointee.record(at: entry.offset) else { continue }
            // Beside a writer, who may use the file again, a copy is what is checked and given out.
            var copy: UnsafeMutableRawPointer?
            if isReadOnly {
                let memory = UnsafeMutableRawPointer.allocate(byteCount: lying.length, alignment: Format.alignment)
                memory.copyMemory(from: lying.base, byteCount: lying.length)
                copy = memory
            }
            defer { copy?.deallocate() }
            let record = RecordView(base: copy.map { UnsafeRawPointer($0) } ?? lying.base, length: lying.length)
            // A key that damage made must not be listed; its record is not got either, nor is one that is not understood.
            guard record.layoutHolds, record.isUnderstoodPut || (includesUnlisted && record.isUnderstood),
                record.checksumHolds(salt: segment.pointee.salt)
            else { continue }
            if record.expiry != 0 && record.expiry <= now {
                noteEnded(entry, hash: hash(of: record.key), length: record.length)
                if !includesUnlisted { continue }
            }
            body(record)
        }
    }

    /// What is seen to have ended stays so, whatever the clock says next.
    private func noteEnded(_ entry: IndexEntry, hash: UInt64, length: Int) {
        let shard = index.shard(for: hash)
        _ = shard.pointee.probe(hash) { found, cell -> Bool? in
            guard found.isSameRecord(as: entry) else { return nil }
            markExpired(found, cell, shard, length: length)
            return true
        }
    }

    private struct Snapshot: Sendable {
        var entries: [IndexEntry] = []
        var pinned: Set<Int> = []
    }
}
