/// The same calls for keys and values that are strings and arrays. A string is its UTF-8 bytes: two spellings that
/// Swift calls equal are two keys.
extension SegmentStore {
    /// Stores the value under the key; see `set(_:to:options:)` for spans.
    public func set(
        _ key: [UInt8],
        to value: [UInt8],
        options: SetOptions = SetOptions()
    ) throws(StoreError) {
        try set(key.span.bytes, to: value.span.bytes, options: options)
    }

    /// Stores the value under the key; see `set(_:to:options:)` for spans.
    public func set(
        _ key: String,
        to value: [UInt8],
        options: SetOptions = SetOptions()
    ) throws(StoreError) {
        try set(key.utf8.span.bytes, to: value.span.bytes, options: options)
    }

    /// The value of the key; see `get(_:)` for spans.
    public func get(_ key: [UInt8]) throws(StoreError) -> [UInt8]? { try get(key.span.bytes) }

    /// The value of the key; see `get(_:)` for spans.
    public func get(_ key: String) throws(StoreError) -> [UInt8]? { try get(key.utf8.span.bytes) }

    /// Lends the value of the key; see `withValue(_:_:)` for spans.
    public func withValue<Result>(_ key: [UInt8], _ body: (RawSpan) -> Result) throws(StoreError) -> Result? {
        try withValue(key.span.bytes, body)
    }

    /// Lends the value of the key; see `withValue(_:_:)` for spans.
    public func withValue<Result>(_ key: String, _ body: (RawSpan) -> Result) throws(StoreError) -> Result? {
        try withValue(key.utf8.span.bytes, body)
    }

    /// What is known of the key's entry; see `entry(_:)` for spans.
    public func entry(_ key: [UInt8]) throws(StoreError) -> EntryInfo? { try entry(key.span.bytes) }

    /// What is known of the key's entry; see `entry(_:)` for spans.
    public func entry(_ key: String) throws(StoreError) -> EntryInfo? { try entry(key.utf8.span.bytes) }

    /// True if `get` would give a value; see `contains(_:)` for spans.
    public func contains(_ key: [UInt8]) throws(StoreError) -> Bool { try contains(key.span.bytes) }

    /// True if `get` would give a value; see `contains(_:)` for spans.
    public func contains(_ key: String) throws(StoreError) -> Bool { try contains(key.utf8.span.bytes) }

    /// Removes the key's entry; see `remove(_:)` for spans.
    @discardableResult
    public func remove(_ key: [UInt8]) throws(StoreError) -> Bool { try remove(key.span.bytes) }

    /// Removes the key's entry; see `remove(_:)` for spans.
    @discardableResult
    public func remove(_ key: String) throws(StoreError) -> Bool { try remove(key.utf8.span.bytes) }
}
