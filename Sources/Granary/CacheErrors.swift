public import SegmentStore

/// A call on a cache that was closed.
public struct CacheClosedError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Which cache, in words.
    public var cache: String

    /// The error of a call on the cache.
    public init(cache: String) { self.cache = cache }

    /// What happened, and what to do about it.
    public var description: String { "\(cache) was closed; open another" }
}

/// An error that tells whether the backend works and refuses what it was given.
///
/// What stands in front of a strategy asks that: a backend that refuses one value is not down. An error that does not
/// conform counts as the backend's failure.
public protocol CacheRefusal: Error {
    /// Whether the same call would be refused however well the backend is.
    var isRefusal: Bool { get }
}

extension StoreError: CacheRefusal {
    /// True for keys, tags and values that no segment store takes, or none of this size.
    public var isRefusal: Bool { code == .invalidKey || code == .invalidTag || code == .valueTooLarge }
}
