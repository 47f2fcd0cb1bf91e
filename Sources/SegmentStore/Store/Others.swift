import Synchronization

/// What may lie in the segments that are left when a victim is gone: nothing has anything to hide if they are all younger.
///
/// A large record has a segment of its own, and may live for ever. It is older than most and can hide in nothing but its
/// own key's way: were its number to count for other keys, no tombstone of theirs would ever go.
struct Others {
    /// The lowest number of all of them.
    let oldest: UInt64
    /// The lowest number of those with more than one record, and the lowest of their shadow floors.
    private let oldestOfMany: UInt64
    private let shadowFloor: UInt64
    /// Hashes of the keys of the only records of the rest.
    private let onlyKeys: Set<UInt64>

    init(_ slots: [Int], of store: SegmentStore) {
        var (oldest, oldestOfMany, shadowFloor) = (UInt64.max, UInt64.max, UInt64.max)
        var onlyKeys: Set<UInt64> = []
        for slot in slots {
            let segment = store.segments[slot]
            oldest = min(oldest, segment.pointee.header.number)
            if let hash = store.onlyKeyHash(in: slot) {
                onlyKeys.insert(hash)
            } else {
                oldestOfMany = min(oldestOfMany, segment.pointee.header.number)
                shadowFloor = min(shadowFloor, segment.pointee.shadowFloor)
            }
        }
        (self.oldest, self.oldestOfMany, self.shadowFloor) = (oldest, oldestOfMany, shadowFloor)
        self.onlyKeys = onlyKeys
    }

    /// True if a record of the key may lie in one of them that was there when the number was the highest.
    func mayHold(_ keyHash: UInt64, upTo horizon: UInt64) -> Bool {
        oldestOfMany <= horizon || onlyKeys.contains(keyHash)
    }

    /// True if a record of the key may lie in one of them that is older than the one of the sequence, or is that one.
    func mayHold(_ keyHash: UInt64, before sequence: UInt64) -> Bool {
        sequence >= shadowFloor || onlyKeys.contains(keyHash)
    }
}

extension SegmentStore {
    /// The hash of the key whose record is all that a sealed segment holds; nil of any other segment.
    func onlyKeyHash(in slot: Int) -> UInt64? {
        let segment = segments[slot]
        guard segment.pointee.isSealed.load(ordering: .acquiring),
            segment.pointee.recordCount.load(ordering: .relaxed) == 1
        else { return nil }
        var hash = segment.pointee.onlyKeyHash.load(ordering: .relaxed)
        if hash == Segment.unknownKeyHash {
            hash = Segment.noKeyHash
            // By its row: to read a large record would take long, and one that is not what the row says is nobody's.
            let end = segment.pointee.recordEnd.load(ordering: .relaxed)
            forEachRow(of: slot) { row in
                let isAll = row.offset == Format.recordsStart && row.offset + row.length == end
                if row.kind == .put && isAll { hash = row.keyHash }
            }
            segment.pointee.onlyKeyHash.store(hash, ordering: .relaxed)
        }
        return hash == Segment.noKeyHash || hash == Segment.unknownKeyHash ? nil : hash
    }
}
