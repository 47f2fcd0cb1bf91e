import CLZ4
import CLinux
import Glibc
import Synchronization

/// What a store knows of an entry besides its value.
public struct EntryInfo: Sendable, Equatable {
    /// Bytes of the value.
    public var valueLength: Int
    /// Bytes that the value takes in the store.
    public var storedLength: Int
    /// When the entry was set, in seconds since 1970.
    public var created: UInt32
    /// When the entry ends, in milliseconds since 1970; nil: never.
    public var expiry: UInt64?
    /// The tag it was set with.
    public var tag: [UInt8]?
    /// The caller's byte it was set with.
    public var callerByte: UInt8

    init(_ record: RecordView) {
        valueLength = record.rawLength
        storedLength = record.storedLength
        created = record.created
        expiry = record.expiry == 0 ? nil : record.expiry
        tag = record.extensionLength == 0 ? nil : RecordExtensions(decoding: record.extensions)?.tag
        callerByte = record.callerByte
    }
}

extension SegmentStore {
    /// The value of the key, or nil if it has none, has expired, or was damaged (`statistics` counts that).
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func get(_ key: RawSpan) throws(StoreError) -> [UInt8]? {
        var reading = Reading()
        guard let record = try read(key, &reading) else { return nil }
        defer { end(reading) }
        if record.isRaw { return Array(record.storedValue) }
        return checked(Self.decompressed(record))
    }

    /// Appends the value of the key to the buffer; false, and nothing appended, where `get` gives nil.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func get(_ key: RawSpan, appendingTo buffer: inout [UInt8]) throws(StoreError) -> Bool {
        var reading = Reading()
        guard let record = try read(key, &reading) else { return false }
        defer { end(reading) }
        if record.isRaw {
            buffer.append(contentsOf: record.storedValue)
            return true
        }
        guard let value = checked(Self.decompressed(record)) else { return false }
        buffer.append(contentsOf: value)
        return true
    }

    /// Lends the value of the key to the body without copying it; nil, and the body not called, where `get` gives nil.
    ///
    /// The bytes stay as they are for as long as the body runs, whatever happens to the entry meanwhile; the body may
    /// call the store. A value that is stored compressed, or read beside a writer, is lent as a private copy.
    ///
    /// - Throws: `.closed` or `.forkedChild`. What the body throws belongs into its result.
    @inlinable
    public func withValue<Result>(_ key: RawSpan, _ body: (RawSpan) -> Result) throws(StoreError) -> Result? {
        var result: Result?
        try lendValue(of: key) { result = body($0) }
        return result
    }

    /// `withValue` without a result, so that it is compiled once and handles nothing whose type it does not know.
    @usableFromInline
    func lendValue(of key: RawSpan, to body: (RawSpan) -> Void) throws(StoreError) {
        var reading = Reading()
        guard let record = try read(key, &reading) else { return }
        if record.isRaw {
            body(RawSpan(_unsafeBytes: record.storedValue))
        } else if let value = checked(Self.decompressed(record)) {
            body(value.span.bytes)
        }
        end(reading)
    }

    /// Lends the value of the key along with what is known of the entry; otherwise as `withValue`.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func withEntry<Result>(
        _ key: RawSpan,
        _ body: (EntryInfo, RawSpan) -> Result
    ) throws(StoreError) -> Result? {
        var reading = Reading()
        guard let record = try read(key, &reading) else { return nil }
        defer { end(reading) }
        let info = EntryInfo(record)
        if record.isRaw { return body(info, RawSpan(_unsafeBytes: record.storedValue)) }
        guard let value = checked(Self.decompressed(record)) else { return nil }
        return body(info, value.span.bytes)
    }

    /// What is known of the key's entry; its value is checked and not decoded.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func entry(_ key: RawSpan) throws(StoreError) -> EntryInfo? {
        var reading = Reading()
        guard let record = try read(key, &reading) else { return nil }
        defer { end(reading) }
        return EntryInfo(record)
    }

    /// True if `get` would give a value.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func contains(_ key: RawSpan) throws(StoreError) -> Bool {
        var reading = Reading()
        guard try read(key, &reading) != nil else { return false }
        end(reading)
        return true
    }

    /// Entries that can be got; those that expired unseen are among them.
    public var count: Int { index.liveCount }

    // MARK: Looking up

    /// What keeps a record where it is until `end`.
    ///
    /// Not generic, and nothing in it is counted by reference, so that a read calls nothing of Swift's runtime. It is
    /// filled where it lies: handed up as a result it would be copied, two words at once right after each was stored,
    /// for which a processor waits until all that came before is done.
    private struct Reading {
        var hold = SegmentTable.Hold.none
        /// The memory of a private copy, which `end` frees.
        var copy: UnsafeMutableRawPointer?
        /// What was found, for the caller of `candidate`.
        var base: UnsafeRawPointer?
        var length = 0
    }

    private enum Outcome {
        case found
        case missing
        /// The record's segment left between the index's answer and the reading.
        case moved
    }

    /// Finds the key's record, checks all of it and keeps its segment; what is found is ended by `end`.
    ///
    /// A miss is a short straight run of instructions up to the one load that waits for memory, so that the processor
    /// gets on to the next read meanwhile; what only a candidate needs is in a function of its own.
    private func read(_ key: RawSpan, _ reading: inout Reading) throws(StoreError) -> RecordView? {
        try checkReadable()
        let reader = readerFinder.current ?? segments.readers.register()
        // The bytes are borrowed for the whole call.
        let key = key.withUnsafeBytes { $0 }
        let hash = XXH3.hash(key, seed: keyHashSeed.load(ordering: .relaxed))
        let shard = index.shard(for: hash)
        while true {
            let outcome = shard.pointee.probe(hash) { entry, cell in
                candidate(entry, cell, shard, key: key, reader: reader, &reading)
            }
            switch outcome {
            case .found:
                if let reader { reader.countHit() } else { counters.hits.increment(stripe: Stripe.current) }
                return reading.base.map { RecordView(base: $0, length: reading.length) }
            case .missing, nil:
                if let reader { reader.countMiss() } else { counters.misses.increment(stripe: Stripe.current) }
                return nil
            case .moved: try checkReadable()
            }
        }
    }

    @inline(__always)
    private func end(_ reading: Reading) {
        if let copy = reading.copy { copy.deallocate() }
        segments.release(reading.hold)
    }

    /// The decoded value; where a record whose checksum held does not decode, the read was none after all.
    private func checked(_ value: [UInt8]?) -> [UInt8]? {
        guard value == nil else { return value }
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
        var bytes = UnsafeRawBufferPointer(start: place, count: segment.pointee.readableCount - entry.offset)
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
        guard record.checksumHolds(salt: candidate.salt), record.isUnderstoodRawPut || record.isUnderstoodPut else {
            return damaged(candidate)
        }
        reading.base = base
        reading.length = length
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

    /// Counts damage, but for what a writer has done who has used the file again: that is a miss until the next refresh.
    private func noteDamage(in slot: Int) {
        if isReadOnly {
            let segment = segments[slot]
            let header = RawSpan(_unsafeStart: segment.pointee.base, byteCount: Format.headerLength)
            guard case .valid(segment.pointee.header, false) = HeaderCopy(header) else { return }
        }
        countDamage()
    }

    @inline(never)
    private func countDamage() {
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

    // MARK: Decoding

    /// The value of a record that is stored as LZ4; nil if the bytes don't decode to the length that the record states.
    @inline(never)
    private static func decompressed(_ record: RecordView) -> [UInt8]? {
        let stored = record.storedValue
        let rawLength = record.rawLength
        // LZ4 cannot expand more than 255 times: a length beyond that is forged, and nothing is allocated for it.
        guard record.codecByte == RecordCodec.lz4.rawValue, let source = stored.baseAddress,
            rawLength <= Format.maximumValueLength, rawLength / 255 <= stored.count
        else { return nil }
        var isWhole = false
        let value = [UInt8](unsafeUninitializedCapacity: rawLength) { buffer, count in
            guard let target = buffer.baseAddress else { return }
            let written = LZ4_decompress_safe(
                source.assumingMemoryBound(to: CChar.self),
                UnsafeMutableRawPointer(target).assumingMemoryBound(to: CChar.self),
                CInt(stored.count),
                CInt(rawLength)
            )
            isWhole = Int(written) == rawLength
            count = isWhole ? rawLength : 0
        }
        return isWhole ? value : nil
    }
}
