import CLinux
import Synchronization

/// Finding the record that answers for a key, and keeping it where it is: what every read does.
extension SegmentStore {
    /// What was found, and what keeps it where it is until `end`.
    ///
    /// Not generic, and nothing in it is counted by reference, so that a read calls nothing of Swift's runtime. It is
    /// filled where it lies: handed up as a result it would be copied, two words at once right after each was stored,
    /// for which a processor waits until all that came before is done.
    @usableFromInline
    struct Reading {
        /// The record; nil: nothing was found.
        var base: UnsafeRawPointer?
        var length = 0
        /// The value as it is stored.
        @usableFromInline var value = UnsafeRawBufferPointer(start: nil, count: 0)
        /// It is stored as it is.
        @usableFromInline var isRaw = false
        var hold = SegmentTable.Hold.none
        /// The memory of a private copy, which `end` frees.
        var copy: UnsafeMutableRawPointer?

        @usableFromInline init() {}

        var record: RecordView? { base.map { RecordView(base: $0, length: length) } }
    }

    private enum Outcome {
        case found
        case missing
        /// The record's segment left between the index's answer and the reading.
        case moved
    }

    /// Finds the key's record, checks all of it and keeps its segment; what is found is ended by `end`. False: nothing is.
    ///
    /// A miss is a short straight run of instructions up to the one load that waits for memory, so that the processor
    /// gets on to the next read meanwhile; what only a candidate needs is in a function of its own.
    @usableFromInline
    func read(_ key: RawSpan, _ reading: inout Reading) throws(StoreError) -> Bool {
        try checkReadable()
        let reader = readerFinder.current ?? segments.readers.register()
        // The bytes are borrowed for the whole call.
        let key = key.withUnsafeBytes { $0 }
        let hash = XXH3.hash(key, seed: keyHashSeed.load(ordering: .relaxed))
        let shard = index.shard(for: hash)
        var hasRefreshed = false
        while true {
            let outcome = shard.pointee.probe(hash) { entry, cell in
                candidate(entry, cell, shard, key: key, reader: reader, &reading)
            }
            switch outcome {
            case .found:
                if let reader { reader.countHit() } else { counters.hits.increment(stripe: Stripe.current) }
                return true
            case .missing, nil:
                if isReadOnly, !hasRefreshed, isStale.exchange(false, ordering: .acquiringAndReleasing) {
                    // What was there may have been carried elsewhere.
                    try refresh()
                    hasRefreshed = true
                    continue
                }
                if let reader { reader.countMiss() } else { counters.misses.increment(stripe: Stripe.current) }
                return false
            case .moved: try checkReadable()
            }
        }
    }

    @usableFromInline
    func end(_ reading: Reading) {
        if let copy = reading.copy { copy.deallocate() }
        segments.release(reading.hold)
    }

    /// The value of what is stored compressed; nil where a record whose checksum held does not decode: the read was none
    /// after all.
    @usableFromInline
    func decoded(_ reading: Reading) -> [UInt8]? {
        if let record = reading.record, let value = ValueCompression.decompressed(record) { return value }
        countDamage()
        let stripe = Stripe.current
        counters.hits.decrement(stripe: stripe)
        counters.misses.increment(stripe: stripe)
        return nil
    }

    /// Looks at what the entry names; nil: it is another key's record.
    @inline(never)
    private func candidate(
        _ entry: IndexEntry,
        _ cell: UnsafeMutablePointer<Atomic<UInt64>>,
        _ shard: UnsafeMutablePointer<IndexShard>,
        key: UnsafeRawBufferPointer,
        reader: Reader?,
        _ reading: inout Reading
    ) -> Outcome? {
        guard let hold = segments.hold(entry.slot, by: reader) else { return .moved }
        let segment = segments[entry.slot]
        let place = UnsafeRawPointer(segment.pointee.base) + entry.offset
        granary_prefetch_kilobyte(place)
        // The slot may have been given to another segment before it was held; the entry is gone then.
        guard IndexEntry(word: cell.pointee.load(ordering: .acquiring)).isSameRecord(as: entry) else {
            segments.release(hold)
            return .moved
        }
        var bytes = UnsafeRawBufferPointer(start: place, count: segment.pointee.readableCount &- entry.offset)
        // Beside a writer, who may reuse the file, a private copy is what is checked and given out.
        let copy = isReadOnly ? Self.copy(bytes) : nil
        if let copy { bytes = UnsafeRawBufferPointer(copy) }
        let candidate = Candidate(entry: entry, cell: cell, shard: shard, salt: segment.pointee.salt)
        let outcome = examine(bytes, candidate, key: key, &reading)
        if outcome == .found {
            if limit != nil && entry.use < 3 { noteUse(entry, cell) }
            reading.hold = hold
            reading.copy = copy?.baseAddress
        } else {
            copy?.deallocate()
            segments.release(hold)
        }
        return outcome
    }

    /// An entry whose hash fits, and what belongs to it.
    private struct Candidate {
        var entry: IndexEntry
        var cell: UnsafeMutablePointer<Atomic<UInt64>>
        var shard: UnsafeMutablePointer<IndexShard>
        /// Of the segment that the entry names.
        var salt: UInt64
    }

    /// A copy of the record that begins the bytes, or of as much of them as can hold none.
    @inline(never)
    private static func copy(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutableRawBufferPointer {
        let stated = bytes.count < Format.recordHeaderLength ? 0 : bytes.baseAddress.map(RecordView.statedLength) ?? 0
        let count = min(bytes.count, max(stated, Format.recordHeaderLength))
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: Format.alignment)
        copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        return copy
    }

    /// Decides whether the record that begins the bytes answers for the key; nil: it is another key's.
    ///
    /// What is wrong is dealt with elsewhere, so that the processor may guess all of these conditions to hold and read
    /// on before it has the bytes that decide them.
    @inline(__always)
    private func examine(
        _ bytes: UnsafeRawBufferPointer,
        _ candidate: Candidate,
        key: UnsafeRawBufferPointer,
        _ reading: inout Reading
    ) -> Outcome? {
        guard bytes.count >= Format.recordHeaderLength, let base = bytes.baseAddress else {
            return reject(nil, candidate)
        }
        let length = RecordView.statedLength(base)
        let record = RecordView(base: base, length: length)
        guard length >= Format.recordHeaderLength, length <= bytes.count else { return reject(nil, candidate) }
        guard record.layoutHolds, record.hasKey(key) else { return reject(record, candidate) }
        if !candidate.entry.isLive { return .missing }
        if record.expiry != 0, let outcome = expired(record, candidate) { return outcome }
        guard record.checksumHolds(salt: candidate.salt) else { return damaged(candidate) }
        guard record.isUnderstoodRawPut || record.isUnderstoodPut else { return unreadable(record, candidate) }
        reading.base = base
        reading.length = length
        reading.value = record.storedValue
        reading.isRaw = record.isRaw
        return .found
    }

    /// A candidate by its hash whose key differs: another key with the same bits, or this key with damage in it.
    @inline(never)
    private func reject(_ record: RecordView?, _ candidate: Candidate) -> Outcome? {
        if let record, record.layoutHolds, record.checksumHolds(salt: candidate.salt) { return nil }
        noteDamage(in: candidate.entry.slot)
        return nil
    }

    @inline(never)
    private func damaged(_ candidate: Candidate) -> Outcome {
        noteDamage(in: candidate.entry.slot)
        return .missing
    }

    /// What a newer version stored in its own way is whole; everything else that has no value does not belong there.
    @inline(never)
    private func unreadable(_ record: RecordView, _ candidate: Candidate) -> Outcome {
        record.isUnderstood && !record.hasKnownCodec ? .missing : damaged(candidate)
    }

    /// Counts damage, but for what a writer has done who has used the file again: then there is something new to see.
    private func noteDamage(in slot: Int) {
        if isReadOnly {
            let segment = segments[slot]
            let count = min(Format.recordsStart, segment.pointee.readableCount)
            let headers = HeaderPair(startOfFile: RawSpan(_unsafeStart: segment.pointee.base, byteCount: count))
            guard headers.header == segment.pointee.header, !headers.isSpare else {
                isStale.store(true, ordering: .releasing)
                return
            }
        }
        countDamage()
    }

    @inline(never)
    func countDamage() {
        counters.damagedReads.increment(stripe: Stripe.current)
    }

    /// Marks an entry that has ended, so that it stays so whatever the clock does; nil: it has not.
    @inline(never)
    private func expired(_ record: RecordView, _ candidate: Candidate) -> Outcome? {
        guard record.expiry <= options.clock.milliseconds() else { return nil }
        // An expiry that damage made must not mark the entry for good.
        guard record.checksumHolds(salt: candidate.salt) else { return damaged(candidate) }
        markExpired(candidate.entry, candidate.cell, candidate.shard, length: record.length)
        return .missing
    }

    /// Counts a read of the entry, up to three: what eviction goes by.
    @inline(never)
    private func noteUse(_ entry: IndexEntry, _ cell: UnsafeMutablePointer<Atomic<UInt64>>) {
        // An exchange that fails met another reader's, or a writer's, after whom this read no longer counts.
        _ = cell.pointee.compareExchange(
            expected: entry.word,
            desired: entry.withUse(entry.use + 1).word,
            ordering: .relaxed
        )
    }
}
