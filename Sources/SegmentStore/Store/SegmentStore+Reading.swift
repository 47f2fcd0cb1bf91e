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
        guard try read(key, &reading) else { return nil }
        defer { end(reading) }
        return reading.isRaw ? Array(reading.value) : decoded(reading)
    }

    /// Appends the value of the key to the buffer; false, and nothing appended, where `get` gives nil.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func get(_ key: RawSpan, appendingTo buffer: inout [UInt8]) throws(StoreError) -> Bool {
        var reading = Reading()
        guard try read(key, &reading) else { return false }
        defer { end(reading) }
        if reading.isRaw {
            buffer.append(contentsOf: reading.value)
            return true
        }
        guard let value = decoded(reading) else { return false }
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
        var reading = Reading()
        guard try read(key, &reading) else { return nil }
        // Of a value by itself: a span that depended on `reading` would have it allocated.
        let bytes = reading.value
        let result = reading.isRaw ? body(RawSpan(_unsafeBytes: bytes)) : decoded(reading).map { body($0.span.bytes) }
        end(reading)
        return result
    }

    /// Lends the value of the key along with what is known of the entry; otherwise as `withValue`.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func withEntry<Result>(
        _ key: RawSpan,
        _ body: (EntryInfo, RawSpan) -> Result
    ) throws(StoreError) -> Result? {
        var reading = Reading()
        guard try read(key, &reading) else { return nil }
        defer { end(reading) }
        guard let info = reading.record.map(EntryInfo.init) else { return nil }
        if reading.isRaw { return body(info, RawSpan(_unsafeBytes: reading.value)) }
        guard let value = decoded(reading) else { return nil }
        return body(info, value.span.bytes)
    }

    /// What is known of the key's entry; its value is checked and not decoded.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func entry(_ key: RawSpan) throws(StoreError) -> EntryInfo? {
        var reading = Reading()
        guard try read(key, &reading) else { return nil }
        defer { end(reading) }
        return reading.record.map(EntryInfo.init)
    }

    /// True if `get` would give a value.
    ///
    /// - Throws: `.closed` or `.forkedChild`.
    public func contains(_ key: RawSpan) throws(StoreError) -> Bool {
        var reading = Reading()
        guard try read(key, &reading) else { return false }
        end(reading)
        return true
    }

    /// Entries that can be got; those that expired unseen are among them, and those whose values only a newer version can
    /// read.
    public var count: Int { index.liveCount }
}
