/// A backend that keeps values under keys, for a while or for good: the interface that every strategy shares.
///
/// Writing one takes two methods; those for many keys loop over them unless a backend can do better. Keys are compared
/// by their UTF-8 bytes.
public protocol CacheStrategy: Sendable {
    /// The value of the key, or nil if there is none, it has expired, or it is damaged.
    ///
    /// - Throws: where the backend cannot be asked; a caller who can compute the value may treat that as a miss.
    func get(_ key: String) async throws -> CacheValue?

    /// Stores the value under the key.
    ///
    /// - Throws: where the backend could not store it.
    func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws

    /// The same as `get`, with what is known of the entry's end; what is put in front of this strategy needs that.
    ///
    /// - Throws: where the backend cannot be asked.
    func hit(_ key: String) async throws -> CacheHit?

    /// The same for many keys, in their order.
    ///
    /// - Throws: where the backend cannot be asked.
    func hits(_ keys: [String]) async throws -> [CacheHit?]

    /// The values of many keys, in their order; nil for each that `get` of one key gives nil for.
    ///
    /// - Throws: where the backend cannot be asked.
    func get(_ keys: [String]) async throws -> [CacheValue?]

    /// Stores many entries; not atomic. Of two with the same key the later one counts.
    ///
    /// - Throws: where the backend could not store all of them; some may be stored.
    func set(_ entries: [CacheEntry]) async throws
}

extension CacheStrategy {
    /// Asks for one key after another.
    ///
    /// - Throws: what the first `get` that fails throws.
    public func get(_ keys: [String]) async throws -> [CacheValue?] {
        var values: [CacheValue?] = []
        values.reserveCapacity(keys.count)
        for key in keys { values.append(try await get(key)) }
        return values
    }

    /// The value of the key, of an end that is not known.
    ///
    /// - Throws: what `get` throws.
    public func hit(_ key: String) async throws -> CacheHit? {
        try await get(key).map { CacheHit($0, end: .unknown) }
    }

    /// Asks for one key after another.
    ///
    /// - Throws: what the first `hit` that fails throws.
    public func hits(_ keys: [String]) async throws -> [CacheHit?] {
        var hits: [CacheHit?] = []
        hits.reserveCapacity(keys.count)
        for key in keys { hits.append(try await hit(key)) }
        return hits
    }

    /// Stores one entry after another.
    ///
    /// - Throws: what the first `set` that fails throws; the entries before it are stored.
    public func set(_ entries: [CacheEntry]) async throws {
        for entry in entries { try await set(entry.key, to: entry.value, options: entry.options) }
    }

    /// Stores the value with no expiry and no tag.
    ///
    /// - Throws: where the backend could not store it.
    public func set(_ key: String, to value: CacheValue) async throws {
        try await set(key, to: value, options: CacheSetOptions())
    }
}

/// A strategy whose content can be counted, listed and removed.
///
/// Calls throw where the backend cannot be asked; listing keys does once the first one is asked for.
public protocol ManagedCacheStrategy: CacheStrategy {
    /// Removes the key's entry; false if it had none.
    @discardableResult
    func remove(_ key: String) async throws -> Bool

    /// Removes every entry.
    func removeAll() async throws

    /// Entries stored; those that expired may be counted until their room is reclaimed.
    func count() async throws -> Int

    /// The keys that begin with the prefix, in no order; each that lives throughout comes exactly once.
    func keys(hasPrefix prefix: String) -> CacheKeys

    /// Bytes that the cache takes where it keeps its entries, with as much overhead as the backend can tell.
    func byteCount() async throws -> Int

    /// The figures of this opener of the cache.
    func statistics() async throws -> CacheStatistics

    /// Makes what was stored as lasting as the backend can.
    func flush() async throws

    /// Ends the use of the cache.
    func close() async throws
}

extension ManagedCacheStrategy {
    /// All keys.
    public var keys: CacheKeys { keys(hasPrefix: "") }
}

/// The bytes of a value, and how they code it.
public struct CacheValue: Sendable, Hashable {
    /// The value's bytes.
    public var bytes: [UInt8]
    /// What the bytes are.
    public var coding: ValueCoding

    /// A value of the bytes.
    public init(_ bytes: [UInt8], coding: ValueCoding = .bytes) {
        self.bytes = bytes
        self.coding = coding
    }
}

/// How a value's bytes are to be understood; stored with them, so that no reader mistakes one kind for another.
///
/// Numbers from 128 on are for codings of your own.
public struct ValueCoding: RawRepresentable, Sendable, Hashable {
    /// The number that is stored.
    public let rawValue: UInt8

    /// The coding of the number.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Bytes that mean whatever their owner says.
    public static let bytes = ValueCoding(rawValue: 0)
    /// JSON (RFC 8259) in UTF-8.
    public static let json = ValueCoding(rawValue: 1)
    /// Text in UTF-8.
    public static let text = ValueCoding(rawValue: 2)
    /// IEEE 754 single-precision numbers, little-endian, four bytes each.
    public static let floats = ValueCoding(rawValue: 3)
}

/// A value that was found, and when it ends.
public struct CacheHit: Sendable, Hashable {
    /// When a value that was found ends.
    public enum End: Sendable, Hashable {
        /// It stays until it is removed or has to make room.
        case never
        /// In milliseconds since 1970.
        case at(UInt64)
        /// The strategy cannot tell; nobody else should keep such a value.
        case unknown
    }

    /// The value.
    public var value: CacheValue
    /// When it ends.
    public var end: End

    /// A value that ends then.
    public init(_ value: CacheValue, end: End) {
        self.value = value
        self.end = end
    }
}

/// What is stored along with a value.
public struct CacheSetOptions: Sendable, Hashable {
    /// When the entry ends; nil: never.
    public var expiry: CacheExpiry?
    /// Text to group entries by, up to 255 bytes of UTF-8; nil or empty: none. A strategy without tags ignores it.
    public var tag: String?

    /// No expiry and no tag unless given.
    public init(expiry: CacheExpiry? = nil, tag: String? = nil) {
        self.expiry = expiry
        self.tag = tag
    }
}

/// When an entry ends.
public enum CacheExpiry: Sendable, Hashable {
    /// So long after it is set; at once if that is negative.
    case after(Duration)
    /// At a moment, in milliseconds since 1970.
    case at(milliseconds: UInt64)

    /// The moment in milliseconds since 1970, for an entry that is set now.
    public func milliseconds(now: UInt64) -> UInt64 {
        switch self {
        case .at(let milliseconds): return milliseconds
        case .after(let duration):
            let (seconds, attoseconds) = duration.components
            guard seconds >= 0, attoseconds >= 0 else { return now }
            let (milliseconds, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000)
            if overflow { return .max }
            let (end, overflowed) = now.addingReportingOverflow(
                milliseconds + UInt64(attoseconds / 1_000_000_000_000_000)
            )
            return overflowed ? .max : end
        }
    }
}

/// One entry of many that are stored at once.
public struct CacheEntry: Sendable, Hashable {
    /// The key.
    public var key: String
    /// The value.
    public var value: CacheValue
    /// What is stored along.
    public var options: CacheSetOptions

    /// An entry to store along with others.
    public init(_ key: String, _ value: CacheValue, options: CacheSetOptions = CacheSetOptions()) {
        self.key = key
        self.value = value
        self.options = options
    }
}

/// Figures of one opener of a cache.
public struct CacheStatistics: Sendable, Hashable {
    /// Reads that gave a value.
    public var hits = 0
    /// Reads that gave none.
    public var misses = 0
    /// Entries stored.
    public var sets = 0
    /// Values that were there and could not be used.
    public var damaged = 0

    /// Figures that are all zero.
    public init() {}
}
