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

    /// The other places of a record that is no longer named, which are not known from now on.
    mutating func take(_ named: IndexEntry) -> [IndexEntry] {
        others.isEmpty ? [] : others.removeValue(forKey: named.place) ?? []
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
