import Synchronization

/// Which entries are meant: all that every condition given holds for.
public struct EntrySelection: Sendable, Equatable {
    /// What the key begins with.
    public var prefix: [UInt8]
    /// The tag that the entry was set with; nil: any, or none.
    public var tag: [UInt8]?
    /// Set before this time, in seconds since 1970; nil: whenever.
    public var createdBefore: UInt32?

    /// All entries, unless conditions are given.
    public init(prefix: [UInt8] = [], tag: [UInt8]? = nil, createdBefore: UInt32? = nil) {
        self.prefix = prefix
        self.tag = tag
        self.createdBefore = createdBefore
    }

    fileprivate func holds(_ record: RecordView) -> Bool {
        if let createdBefore, record.created >= createdBefore { return false }
        if let tag {
            guard record.tagHash == RecordExtensions.tagHash(tag),
                RecordExtensions(decoding: record.extensions)?.tag == tag
            else { return false }
        }
        let key = record.key
        return key.count >= prefix.count && zip(key, prefix).allSatisfy { $0 == $1 }
    }
}

extension SegmentStore {
    /// Removes every entry that was set with the tag; returns how many there were.
    ///
    /// All entries are looked at. Those that are set meanwhile may stay or go.
    ///
    /// - Throws: as `set`.
    @discardableResult
    public func removeAll(taggedWith tag: [UInt8]) throws(StoreError) -> Int {
        try checkSizes(key: 1, tag: tag)
        return try removeAll(where: EntrySelection(tag: tag))
    }

    /// Removes every entry that is meant; returns how many there were. Otherwise as `removeAll(taggedWith:)`.
    ///
    /// - Throws: as `set`.
    @discardableResult
    public func removeAll(where selection: EntrySelection) throws(StoreError) -> Int {
        try checkWritable()
        var count = 0
        var last: UInt64 = 0
        for part in 0..<Self.keyPartCount {
            var keys: [[UInt8]] = []
            // What has ended would come back if the clock were set back before the store is opened again.
            try forEachRecord(inPart: part, includingUnlisted: true) {
                if selection.holds($0) { keys.append(Array($0.key)) }
            }
            for key in keys {
                var existed = false
                let sequence = try key.span.bytes.withUnsafeBytes { key throws(StoreError) in
                    // Looked at again under the lock: the key may have been set anew without the tag.
                    try writeTombstone(key, hash: hash(of: key), existed: &existed) { selection.holds($0) }
                }
                if let sequence { last = max(last, sequence) }
                if existed { count += 1 }
            }
        }
        if last > 0 { try waitUntilForced(last) }
        return count
    }

    /// Wins back what disk space it can without evicting anything: copies what lives out of every segment of which more
    /// than a sixteenth is dead, and deletes those. Returns the bytes by which the directory shrank.
    ///
    /// - Throws: as `set`.
    @discardableResult
    public func compact() throws(StoreError) -> Int {
        try checkWritable()
        let before = try statistics().allocatedBytes
        try leaveActive()
        // Each run empties one segment, and none twice: what it fills is whole.
        var most = segments.inUse.count + 1
        while most > 0, try reclaimOne(.compaction) { most -= 1 }
        try maintenance.withLock { state throws(StoreError) in
            for slot in state.parked where !segments.isHeld(slot) { try discard(slot, &state) }
        }
        return max(0, before - (try statistics().allocatedBytes))
    }

    /// Lets the active segments take no more records, so that they can be compacted too.
    private func leaveActive() throws(StoreError) {
        let now = options.clock.milliseconds()
        reservation.withLock { reservation in
            for tail in [reservation.first, reservation.main] where tail.slot >= 0 {
                // How much has ended in one is only known once it is sealed.
                let hasEnded = segments[tail.slot].pointee.soonestExpiry.load(ordering: .relaxed) <= now
                guard hasEnded || segments[tail.slot].pointee.deadBytes > tail.capacity / 16 else { continue }
                reservation.leave(tail, in: segments)
                if tail.slot == reservation.first.slot {
                    reservation.first = LogTail()
                } else {
                    reservation.main = LogTail()
                }
            }
        }
        try sealFull()
        // A closed one that was to be gone on with as well.
        maintenance.withLock { $0.continuable = nil }
    }
}
