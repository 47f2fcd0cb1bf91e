import Glibc
import Synchronization

extension SegmentStore {
    /// Stores the value under the key. What it replaced is gone for every reader once this returns.
    ///
    /// When this returns, the entry survives the death of the process; what survives a power cut is the durability
    /// option's to say.
    ///
    /// - Throws: `.invalidKey` (1 to 65,535 bytes), `.valueTooLarge` (1 GiB), `.invalidTag` (1 to 255 bytes),
    ///   `.readOnly`, `.closed`, `.noSpace`, `.inputOutput`, or `.writesStopped` after a failed flush. Where a flush
    ///   that this call waits for fails, the entry may or may not survive a power cut.
    public func set(
        _ key: RawSpan,
        to value: RawSpan,
        options setOptions: SetOptions = SetOptions()
    ) throws(StoreError) {
        try checkWritable()
        try checkSizes(key: key.byteCount, value: value.byteCount, tag: setOptions.tag)
        let sequence = try key.withUnsafeBytes { key throws(StoreError) in
            try value.withUnsafeBytes { value throws(StoreError) in
                try withDraft(key: key, value: value, setOptions) { draft throws(StoreError) in try write(draft) }
            }
        }
        try waitUntilForced(sequence)
    }

    func checkSizes(key: Int, value: Int = 0, tag: [UInt8]? = nil) throws(StoreError) {
        guard Format.keyLengthRange.contains(key) else {
            throw StoreError(.invalidKey, detail: "a key of \(key) bytes; keys take 1 to 65,535 bytes")
        }
        if let limit, key > limit.longestKey {
            throw StoreError(
                .invalidKey,
                detail: "a key of \(key) bytes; with a size limit of \(limit.bytes) bytes keys take at most "
                    + "\(limit.longestKey); raise the limit"
            )
        }
        guard value <= Format.maximumValueLength else {
            throw StoreError(.valueTooLarge, detail: "a value of \(value) bytes; values take at most 1 GiB")
        }
        if let tag, tag.isEmpty || tag.count > Format.maximumTagLength {
            throw StoreError(.invalidTag, detail: "a tag of \(tag.count) bytes; tags take 1 to 255 bytes")
        }
    }

    /// Makes a put of the parts, compressed where that is wanted, and lends it to the body.
    func withDraft<Result>(
        key: UnsafeRawBufferPointer,
        value: UnsafeRawBufferPointer,
        _ setOptions: SetOptions,
        _ body: (Draft) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let draft = draft(key: key, value: value, setOptions)
        guard let stored = ValueCompression.compressed(value, setOptions.compression ?? options.compression) else {
            return try body(draft)
        }
        return try stored.bytes.span.bytes.withUnsafeBytes { bytes throws(StoreError) in
            try body(draft.storing(bytes, stored.codec))
        }
    }

    @inline(__always)
    func draft(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, _ setOptions: SetOptions) -> Draft {
        var draft = Draft(
            .put,
            key: key,
            hash: hash(of: key),
            value: value,
            extensions: RecordExtensions(tag: setOptions.tag),
            created: options.clock.milliseconds()
        )
        // Zero says never; a moment at or before 1970 has passed all the same.
        draft.header.expiry = setOptions.expiry.map { max(1, $0) } ?? 0
        draft.header.callerByte = setOptions.callerByte
        return draft
    }

    @inline(__always)
    func hash(of key: UnsafeRawBufferPointer) -> UInt64 {
        XXH3.hash(key, seed: keyHashSeed.load(ordering: .relaxed))
    }

    // MARK: One record

    /// Appends the record and makes it the newest of its key; returns its sequence.
    func write(_ draft: Draft) throws(StoreError) -> UInt64 {
        if let limit, draft.length > limit.longestRecord { throw tooLarge(draft, limit) }
        if needsOwnSegment(draft.length) { return try writeAlone(draft) }
        var log: SegmentHeader.Log?
        while true {
            let ticket = try index.withLock(draft.shard) { () throws(StoreError) -> Reservation.Ticket? in
                try checkWritable()
                // A key that left not long ago and is back goes to the main log.
                let wanted = log ?? (limit != nil && ghosts.take(draft.hash, shard: draft.shard) ? .main : .first)
                log = wanted
                guard let ticket = wanted == .main ? reserveMain(draft.length) : reserve(draft.length) else {
                    return nil
                }
                defer { publication.end(ticket) }
                fill(draft, ticket)
                try publish(draft, slot: ticket.slot, offset: ticket.offset)
                return ticket
            }
            if let ticket {
                if log == .main { reclaimFigures.withLock { $0.ghostHits += 1 } }
                return ticket.sequence
            }
            if log == .main {
                if try !makeMainRoom(forCaller: draft.length) { log = .first }
                continue
            }
            if try !makeRoom(for: draft.length) { return try writeAlone(draft) }
        }
    }

    @inline(__always)
    func reserve(_ length: Int, keeping sequence: UInt64? = nil) -> Reservation.Ticket? {
        let ticket = reservation.withLock { reservation in
            var ticket = reservation.reserve(length, in: segments, now: Self.monotonicTime)
            if let sequence { ticket?.sequence = sequence }
            if let ticket { publication.begin(ticket) }
            return ticket
        }
        if let ticket { wake(for: ticket) }
        return ticket
    }

    func reserveMain(_ length: Int, keeping sequence: UInt64? = nil) -> Reservation.Ticket? {
        let ticket = reservation.withLock { reservation in
            let ticket = reservation.reserveMain(length, keeping: sequence, in: segments, now: Self.monotonicTime)
            if let ticket { publication.begin(ticket) }
            return ticket
        }
        if let ticket { wake(for: ticket) }
        return ticket
    }

    /// Copies the record into its room and makes it whole.
    @inline(__always)
    func fill(_ draft: Draft, _ ticket: Reservation.Ticket) {
        let segment = segments[ticket.slot]
        let writer = RecordWriter(base: segment.pointee.base + ticket.offset)
        let body = writer.storeBody(draft.header, extensions: draft.extensions, key: draft.key, value: draft.value)
        writer.finish(body: body, frame: ticket.frame, sequence: ticket.sequence, salt: segment.pointee.salt)
    }

    /// Makes the record at the place the one that the index names for its key. Under the shard's lock.
    @inline(__always)
    func publish(_ draft: Draft, slot: Int, offset: Int) throws(StoreError) {
        let shard = index[draft.shard]
        let isTombstone = draft.header.kind == .delete
        let cell = shard.pointee.probe(draft.hash) { entry, cell in names(draft.key, entry) ? cell : nil }
        let entry = IndexEntry(
            slot: slot,
            offset: offset,
            hash: draft.hash,
            // What was evicted a moment ago may still be on the disk.
            shadows: cell != nil || mayHaveLeft(draft.hash, shard: draft.shard),
            isTombstone: isTombstone
        )
        segments[slot].pointee.noteExpiry(draft.header.expiry)
        if let cell {
            replace(cell, by: entry, length: draft.length, shard: draft.shard)
        } else {
            account(entry, length: draft.length, sign: 1, shard: draft.shard)
            guard shard.pointee.insert(entry, hash: draft.hash) else {
                account(entry, length: draft.length, sign: -1, shard: draft.shard)
                throw StoreError(
                    .outOfMemory,
                    path: directory,
                    detail: "the index could not grow; the record is in the log and is found on opening again"
                )
            }
        }
        shard.pointee.writtenBytes.wrappingAdd(draft.length, ordering: .relaxed)
        if !isTombstone { shard.pointee.setCount.wrappingAdd(1, ordering: .relaxed) }
    }

    /// Puts the entry in the place of what the cell holds. Under the shard's lock.
    ///
    /// A key that lives before and after is never missing from the count: what is added is added first.
    @inline(__always)
    func replace(_ cell: UnsafeMutablePointer<Atomic<UInt64>>, by entry: IndexEntry, length: Int, shard: Int) {
        let count = index[shard]
        let wasLive = IndexEntry(word: cell.pointee.load(ordering: .relaxed)).isLive
        if entry.isLive && !wasLive { count.pointee.liveCount.wrappingAdd(1, ordering: .relaxed) }
        // Exchanged, for a reader may be marking the old entry as expired right now, and then counts it down itself.
        let old = IndexEntry(word: cell.pointee.exchange(entry.word, ordering: .acquiringAndReleasing))
        let ended = (old.isLive ? 1 : 0) - (entry.isLive && wasLive ? 1 : 0)
        if ended != 0 { count.pointee.liveCount.wrappingSubtract(ended, ordering: .relaxed) }
        accountBytes(old, length: recordLength(old), sign: -1)
        accountBytes(entry, length: length, sign: 1)
    }

    /// True if the entry's record has the key. Under the shard's lock, where the record cannot leave.
    @inline(__always)
    func names(_ key: UnsafeRawBufferPointer, _ entry: IndexEntry) -> Bool {
        guard let record = segments[entry.slot].pointee.record(at: entry.offset) else { return false }
        return record.layoutHolds && record.hasKey(key)
    }

    @inline(__always)
    func recordLength(_ entry: IndexEntry) -> Int {
        segments[entry.slot].pointee.record(at: entry.offset)?.length ?? 0
    }

    @inline(__always)
    func account(_ entry: IndexEntry, length: Int, sign: Int, shard: Int) {
        accountBytes(entry, length: length, sign: sign)
        if entry.isLive { index[shard].pointee.liveCount.wrappingAdd(sign, ordering: .relaxed) }
    }

    @inline(__always)
    func accountBytes(_ entry: IndexEntry, length: Int, sign: Int) {
        let segment = segments[entry.slot]
        if entry.isTombstone {
            segment.pointee.tombstoneBytes.wrappingAdd(sign * length, ordering: .relaxed)
        } else if !entry.isExpired {
            segment.pointee.liveBytes.wrappingAdd(sign * length, ordering: .relaxed)
        }
    }

    // MARK: Records in segments of their own

    /// True for a record larger than half of what segments hold now.
    func needsOwnSegment(_ length: Int) -> Bool {
        guard length > (limit?.segmentCapacity ?? Format.smallestSegment) / 2 else { return false }
        let capacity = reservation.withLock { $0.capacity }
        return length > max(capacity, nextCapacity) / 2
    }

    /// Writes a large record: its segment is made, its pages touched and its value copied before any lock is taken.
    func writeAlone(_ draft: Draft) throws(StoreError) -> UInt64 {
        let room = Format.recordsStart + draft.length + Footer.length(rowCount: 1)
        let stripe = Stripe.current
        let capacity = Format.wholePages(room)
        let cost = SizeLimit.cost(ofCapacity: capacity)
        let slot = try withRoom(for: limit == nil ? 0 : cost) { state, ahead throws(StoreError) -> Int? in
            guard try makeWay(for: cost + ahead, leaving: leftBySets, &state) else { return nil }
            let slot = try makeSegment(capacity: capacity)
            // A close that comes while the value is being copied must not take the mapping away.
            _ = segments.pin(slot, stripe: stripe)
            return slot
        }
        defer { segments.unpin(slot, stripe: stripe) }
        let segment = segments[slot]
        // All of it is filled at once.
        files.preferHugePages(segment.pointee.base, count: segment.pointee.header.capacity, true)
        let writer = RecordWriter(base: segment.pointee.base + Format.recordsStart)
        let body = writer.storeBody(draft.header, extensions: draft.extensions, key: draft.key, value: draft.value)
        let sequence = try index.withLock(draft.shard) { () throws(StoreError) -> UInt64? in
            guard phase.load(ordering: .relaxed) == Phase.open, !writesStopped.load(ordering: .relaxed) else {
                return nil
            }
            let ticket = reservation.withLock { reservation in
                let ticket = reservation.reserveAlone(slot, length: draft.length, in: segments, now: Self.monotonicTime)
                publication.begin(ticket)
                return ticket
            }
            defer { publication.end(ticket) }
            writer.finish(body: body, frame: ticket.frame, sequence: ticket.sequence, salt: segment.pointee.salt)
            try publish(draft, slot: slot, offset: ticket.offset)
            return ticket.sequence
        }
        guard let sequence else {
            // Nothing names the segment yet, so it goes as if it had never been; once the store is closed its files are
            // the next opener's.
            maintenance.withLock { _ in
                guard phase.load(ordering: .acquiring) == Phase.open, segments.retire(slot) else { return }
                capacityMade.wrappingSubtract(segment.pointee.header.capacity, ordering: .relaxed)
                try? files.unlink(segment.pointee.path)
            }
            try checkWritable()
            throw closedError
        }
        background.wake()
        return sequence
    }

    private func tooLarge(_ draft: Draft, _ limit: SizeLimit) -> StoreError {
        StoreError(
            .valueTooLarge,
            path: directory,
            detail: "a record of \(draft.length) bytes; with a size limit of \(limit.bytes) bytes it takes an eighth "
                + "of that at most; raise the limit"
        )
    }

    static func monotonicTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
