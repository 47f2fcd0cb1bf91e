import CLZ4
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
        guard let reading = try read(key) else { return nil }
        defer { end(reading) }
        if reading.record.isRaw { return Array(reading.record.storedValue) }
        return checked(Self.decompressed(reading.record))
    }

    /// Appends the value of the key to the buffer; false, and nothing appended, where `get` gives nil.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func get(_ key: RawSpan, appendingTo buffer: inout [UInt8]) throws(StoreError) -> Bool {
        guard let reading = try read(key) else { return false }
        defer { end(reading) }
        if reading.record.isRaw {
            buffer.append(contentsOf: reading.record.storedValue)
            return true
        }
        guard let value = checked(Self.decompressed(reading.record)) else { return false }
        buffer.append(contentsOf: value)
        return true
    }

    /// Lends the value of the key to the body without copying it; nil, and the body not called, where `get` gives nil.
    ///
    /// The bytes stay as they are for as long as the body runs, whatever happens to the entry meanwhile; the body may
    /// call the store. A value that is stored compressed, or read beside a writer, is lent as a private copy.
    ///
    /// - Throws: `.closed` or `.forkedChild`. What the body throws belongs into its result.
    public func withValue<Result>(_ key: RawSpan, _ body: (RawSpan) -> Result) throws(StoreError) -> Result? {
        guard let reading = try read(key) else { return nil }
        defer { end(reading) }
        if reading.record.isRaw { return body(RawSpan(_unsafeBytes: reading.record.storedValue)) }
        guard let value = checked(Self.decompressed(reading.record)) else { return nil }
        return body(value.span.bytes)
    }

    /// Lends the value of the key along with what is known of the entry; otherwise as `withValue`.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func withEntry<Result>(
        _ key: RawSpan,
        _ body: (EntryInfo, RawSpan) -> Result
    ) throws(StoreError) -> Result? {
        guard let reading = try read(key) else { return nil }
        defer { end(reading) }
        let info = EntryInfo(reading.record)
        if reading.record.isRaw { return body(info, RawSpan(_unsafeBytes: reading.record.storedValue)) }
        guard let value = checked(Self.decompressed(reading.record)) else { return nil }
        return body(info, value.span.bytes)
    }

    /// What is known of the key's entry; its value is checked and not decoded.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func entry(_ key: RawSpan) throws(StoreError) -> EntryInfo? {
        guard let reading = try read(key) else { return nil }
        defer { end(reading) }
        return EntryInfo(reading.record)
    }

    /// True if `get` would give a value.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func contains(_ key: RawSpan) throws(StoreError) -> Bool {
        guard let reading = try read(key) else { return false }
        end(reading)
        return true
    }

    /// Entries that can be got; those that expired unseen are among them.
    public var count: Int { index.liveCount }

    // MARK: Looking up

    /// A record that answers for a key, and what keeps it where it is until `end`.
    ///
    /// Not generic, and nothing in it is counted by reference, so that a read calls nothing of Swift's runtime.
    private struct Reading {
        var record: RecordView
        var hold: SegmentTable.Hold
        /// The memory of a private copy, which `end` frees.
        var copy: UnsafeMutableRawPointer?
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
    private func read(_ key: RawSpan) throws(StoreError) -> Reading? {
        try checkReadable()
        let reader = readerFinder.current ?? segments.readers.register()
        // The bytes are borrowed for the whole call.
        let key = key.withUnsafeBytes { $0 }
        let hash = XXH3.hash(key, seed: keyHashSeed.load(ordering: .relaxed))
        let shard = index.shard(for: hash)
        while true {
            var reading: Reading?
            let outcome = shard.pointee.probe(hash) { entry, cell in
                candidate(entry, cell, key: key, reader: reader, &reading)
            }
            switch outcome {
            case .found:
                if let reader { reader.countHit() } else { counters.hits.increment(stripe: Stripe.current) }
                return reading
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
        key: UnsafeRawBufferPointer,
        reader: Reader?,
        _ reading: inout Reading?
    ) -> Outcome? {
        guard let hold = segments.hold(entry.slot, by: reader) else { return .moved }
        // The slot may have been given to another segment before it was held; the entry is gone then.
        guard IndexEntry(word: cell.pointee.load(ordering: .acquiring)).isSameRecord(as: entry) else {
            segments.release(hold)
            return .moved
        }
        var record = segments[entry.slot].pointee.record(at: entry.offset)
        // Beside a writer, who may reuse the file, a private copy is what is checked and given out.
        let copy = isReadOnly ? record.map(Self.copy) : nil
        if let copy, let length = record?.length { record = RecordView(base: copy, length: length) }
        let outcome = examine(record, entry: entry, cell: cell, key: key)
        if let record, outcome == .found {
            reading = Reading(record: record, hold: hold, copy: copy)
        } else {
            copy?.deallocate()
            segments.release(hold)
        }
        return outcome
    }

    @inline(never)
    private static func copy(_ record: RecordView) -> UnsafeMutableRawPointer {
        let copy = UnsafeMutableRawPointer.allocate(byteCount: record.length, alignment: Format.alignment)
        copy.copyMemory(from: record.base, byteCount: record.length)
        return copy
    }

    /// Decides whether the record answers for the key; nil: it is another key's.
    @inline(__always)
    private func examine(
        _ record: RecordView?,
        entry: IndexEntry,
        cell: UnsafeMutablePointer<Atomic<UInt64>>,
        key: UnsafeRawBufferPointer
    ) -> Outcome? {
        let salt = segments[entry.slot].pointee.salt
        guard let record, Frame.length(of: record.frame) == record.length, record.layoutHolds, record.hasKey(key) else {
            noteIfDamaged(record, salt: salt)
            return nil
        }
        if !entry.isLive { return .missing }
        let expiry = record.expiry
        if expiry != 0 && expiry <= options.clock.milliseconds() {
            // An expiry that damage made must not mark the entry for good.
            if record.checksumHolds(salt: salt) { markExpired(entry, cell) } else { countDamage() }
            return .missing
        }
        guard record.checksumHolds(salt: salt), record.isUnderstood, record.kindByte == RecordKind.put.rawValue else {
            countDamage()
            return .missing
        }
        return .found
    }

    /// A candidate by its hash whose key differs: another key with the same bits, or this key with damage in it.
    @inline(never)
    private func noteIfDamaged(_ record: RecordView?, salt: UInt64) {
        if let record, record.layoutHolds, record.checksumHolds(salt: salt) { return }
        countDamage()
    }

    @inline(never)
    private func countDamage() {
        counters.damagedReads.increment(stripe: Stripe.current)
    }

    /// Marks an entry that was seen expired, so that it stays so whatever the clock does.
    @inline(never)
    private func markExpired(_ entry: IndexEntry, _ cell: UnsafeMutablePointer<Atomic<UInt64>>) {
        let current = cell.pointee.load(ordering: .acquiring)
        guard IndexEntry(word: current).isSameRecord(as: entry) else { return }
        let (marked, _) = cell.pointee.compareExchange(
            expected: current,
            desired: IndexEntry(word: current).expired.word,
            ordering: .acquiringAndReleasing
        )
        guard marked, let record = segments[entry.slot].pointee.record(at: entry.offset) else { return }
        let hash = XXH3.hash(record.key, seed: keyHashSeed.load(ordering: .relaxed))
        index.shard(for: hash).pointee.liveCount.wrappingSubtract(1, ordering: .relaxed)
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
