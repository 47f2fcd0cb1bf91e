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
        try lookUp(key) { record in
            switch RecordCodec(rawValue: record.codecByte) {
            case .raw: Array(record.storedValue)
            case .lz4: Self.decompressed(record)
            case nil: nil
            }
        }
    }

    /// Appends the value of the key to the buffer; false, and nothing appended, where `get` gives nil.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func get(_ key: RawSpan, appendingTo buffer: inout [UInt8]) throws(StoreError) -> Bool {
        let found: Void? = try lookUp(key) { record in
            guard record.codecByte != RecordCodec.raw.rawValue else {
                buffer.append(contentsOf: record.storedValue)
                return ()
            }
            guard let value = Self.decompressed(record) else { return nil }
            buffer.append(contentsOf: value)
            return ()
        }
        return found != nil
    }

    /// Lends the value of the key to the body without copying it; nil, and the body not called, where `get` gives nil.
    ///
    /// The bytes stay as they are for as long as the body runs, whatever happens to the entry meanwhile; the body may
    /// call the store. A value that is stored compressed, or read beside a writer, is lent as a private copy.
    ///
    /// - Throws: `.closed` or `.forkedChild`. What the body throws belongs into its result.
    public func withValue<Result>(_ key: RawSpan, _ body: (RawSpan) -> Result) throws(StoreError) -> Result? {
        try lookUp(key) { record in Self.lend(record, body) }
    }

    /// Lends the value of the key along with what is known of the entry; otherwise as `withValue`.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func withEntry<Result>(
        _ key: RawSpan,
        _ body: (EntryInfo, RawSpan) -> Result
    ) throws(StoreError) -> Result? {
        try lookUp(key) { record in Self.lend(record) { body(EntryInfo(record), $0) } }
    }

    /// What is known of the key's entry; its value is checked and not decoded.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func entry(_ key: RawSpan) throws(StoreError) -> EntryInfo? {
        try lookUp(key) { EntryInfo($0) }
    }

    /// True if `get` would give a value.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func contains(_ key: RawSpan) throws(StoreError) -> Bool {
        try lookUp(key) { _ in true } ?? false
    }

    /// Entries that can be got; those that expired unseen are among them.
    public var count: Int { index.liveCount }

    // MARK: Looking up

    /// Finds the key's record, checks all of it, and runs the body while its segment is pinned.
    @inline(__always)
    private func lookUp<Result>(
        _ key: RawSpan,
        _ body: (RecordView) -> Result?
    ) throws(StoreError) -> Result? {
        try checkReadable()
        let stripe = Stripe.current
        let result: Result? = try key.withUnsafeBytes { key throws(StoreError) in
            let hash = XXH3.hash(key, seed: keyHashSeed.load(ordering: .relaxed))
            while true {
                switch find(key, hash: hash, stripe: stripe, body) {
                case .found(let result): return result
                case .missing: return nil
                case .moved: try checkReadable()
                }
            }
        }
        if result == nil { counters.misses.increment(stripe: stripe) } else { counters.hits.increment(stripe: stripe) }
        return result
    }

    private enum Lookup<Result> {
        case found(Result)
        case missing
        /// The record's segment left between the index's answer and the reading.
        case moved
    }

    @inline(__always)
    private func find<Result>(
        _ key: UnsafeRawBufferPointer,
        hash: UInt64,
        stripe: Int,
        _ body: (RecordView) -> Result?
    ) -> Lookup<Result> {
        let found = index.shard(for: hash).pointee.probe(hash) { entry, cell -> Lookup<Result>? in
            guard segments.pin(entry.slot, stripe: stripe) else { return .moved }
            defer { segments.unpin(entry.slot, stripe: stripe) }
            // The slot may have been given to another segment before it was pinned; the entry is gone then.
            guard IndexEntry(word: cell.pointee.load(ordering: .acquiring)).isSameRecord(as: entry) else {
                return .moved
            }
            return withRecord(entry) { record in
                examine(record, entry: entry, cell: cell, key: key, body)
            }
        }
        return found ?? .missing
    }

    /// The record where it lies, or, beside a writer who may reuse the file, a private copy of it.
    @inline(__always)
    private func withRecord<Result>(_ entry: IndexEntry, _ body: (RecordView?) -> Result) -> Result {
        let record = segments[entry.slot].pointee.record(at: entry.offset)
        guard isReadOnly, let record else { return body(record) }
        return withUnsafeTemporaryAllocation(byteCount: record.length, alignment: Format.alignment) { copy in
            guard let base = copy.baseAddress else { return body(nil) }
            base.copyMemory(from: record.base, byteCount: record.length)
            return body(RecordView(base: base, length: record.length))
        }
    }

    /// Decides whether the record answers for the key; nil: it is another key's.
    @inline(__always)
    private func examine<Result>(
        _ record: RecordView?,
        entry: IndexEntry,
        cell: UnsafeMutablePointer<Atomic<UInt64>>,
        key: UnsafeRawBufferPointer,
        _ body: (RecordView) -> Result?
    ) -> Lookup<Result>? {
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
        guard let result = body(record) else {
            countDamage()
            return .missing
        }
        return .found(result)
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

    @inline(__always)
    private static func lend<Result>(_ record: RecordView, _ body: (RawSpan) -> Result) -> Result? {
        if record.codecByte == RecordCodec.raw.rawValue {
            return body(RawSpan(_unsafeBytes: record.storedValue))
        }
        guard let value = decompressed(record) else { return nil }
        return body(value.span.bytes)
    }

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
