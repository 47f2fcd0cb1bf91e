/// Figures of one tier of a `TieredCache` since it was made.
public struct TierStatistics: Sendable, Hashable {
    /// The tier's name.
    public var name: String
    /// Reads that it gave a value for.
    public var hits = 0
    /// Reads that it was asked for and had no value for.
    public var misses = 0
    /// Entries stored in it by sets.
    public var sets = 0
    /// Entries stored in it because a tier below had them.
    public var fills = 0
    /// Calls that failed.
    public var failures = 0
    /// Calls that were not made because the tier was failing.
    public var skipped = 0
    /// Entries that it refused while it worked: too large, for one.
    public var refused = 0
    /// Entries that it never got because its queue was full, or could not be emptied at the end.
    public var dropped = 0
    /// Entries stored in it, or removed, after it had failed and came back.
    public var repaired = 0
    /// Entries that wait for it.
    public var queued = 0
    /// Keys of which it is known to hold nothing or an older value.
    public var outdated = 0
    /// Whether it is being left out of reading.
    public var isReadingSuspended = false
    /// Whether it is being left out of writing.
    public var isWritingSuspended = false

    init(name: String) { self.name = name }
}
