/// Where records lie a second time: for each that the index names and that lies elsewhere too, its other places.
///
/// Reclamation carries a record to another segment before the one where it lay is given up. Whoever reads beside it can
/// see both, and takes the one for the other; when the segment that the index names goes first, the record is still there.
/// There are so many as reclamation carries from one victim, and as deaths in the middle of that have left.
struct RecordCopies: Sendable {
    /// By slot and offset of the record that is named.
    private var others: [UInt64: [IndexEntry]] = [:]

    /// Records that lie in more places than one.
    var count: Int { others.count }

    /// The index names the one, and the other is the same record.
    mutating func add(_ other: IndexEntry, of named: IndexEntry) {
        others[named.place, default: []].append(other)
    }

    /// The index names the one from now on, which is the same record as what it named before.
    mutating func move(from old: IndexEntry, to named: IndexEntry) {
        others[named.place] = (others.removeValue(forKey: old.place) ?? []) + [old]
    }

    /// The index no longer names the record, for there is a newer one.
    mutating func remove(_ named: IndexEntry) {
        if !others.isEmpty { others[named.place] = nil }
    }

    /// Another place of the record that was named, outside the slots, which is named from now on.
    mutating func replacement(of gone: IndexEntry, outside slots: Set<Int>) -> IndexEntry? {
        guard var rest = others.removeValue(forKey: gone.place) else { return nil }
        rest.removeAll { slots.contains($0.slot) }
        guard let next = rest.popLast() else { return nil }
        if !rest.isEmpty { others[next.place] = rest }
        return next
    }

    /// The segments in the slots are gone.
    mutating func forget(_ slots: Set<Int>) {
        guard !others.isEmpty else { return }
        for (place, entries) in others {
            let left = entries.filter { !slots.contains($0.slot) }
            others[place] = left.isEmpty ? nil : left
        }
    }
}
