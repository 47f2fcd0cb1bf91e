import Synchronization

/// One entry of a batch.
public struct BatchEntry: Sendable {
    /// The key, 1 to 65,535 bytes.
    public var key: [UInt8]
    /// The value, up to 1 GiB.
    public var value: [UInt8]
    /// What is stored along.
    public var options: SetOptions

    /// An entry to set along with others.
    public init(key: [UInt8], value: [UInt8], options: SetOptions = SetOptions()) {
        self.key = key
        self.value = value
        self.options = options
    }
}

extension SegmentStore {
    /// Stores many entries with one reservation for each segment they touch, and one flush.
    ///
    /// Not atomic: after a crash each entry stands alone. Of two entries with the same key the later one counts.
    ///
    /// - Throws: as `set`; what was stored before the failure stays stored.
    public func set(_ batch: [BatchEntry]) throws(StoreError) {
        try checkWritable()
        for entry in batch {
            try checkSizes(key: entry.key.count, value: entry.value.count, tag: entry.options.tag)
        }
        var last: UInt64 = 0
        var arena: [UInt8] = []
        var start = 0
        while start < batch.count {
            let end = Self.chunkEnd(batch, from: start)
            last = max(last, try write(batch[start..<end], arena: &arena))
            start = end
        }
        if !batch.isEmpty { try waitUntilForced(last) }
    }

    /// So many entries, or bytes, are encoded and locked for at once: enough to share the cost of the locks, few enough
    /// that other writers wait for less than a millisecond.
    private static let chunkEntries = 1_024
    private static let chunkBytes = 1 << 20

    private static func chunkEnd(_ batch: [BatchEntry], from start: Int) -> Int {
        var end = start
        var bytes = 0
        repeat {
            bytes += batch[end].key.count + batch[end].value.count
            end += 1
        } while end < batch.count && end - start < chunkEntries && bytes < chunkBytes
        return end
    }

    /// Writes the entries; the arena holds their bytes side by side, so that all can be lent at once.
    private func write(_ batch: ArraySlice<BatchEntry>, arena: inout [UInt8]) throws(StoreError) -> UInt64 {
        if let entry = batch.first, batch.count == 1 {
            return try entry.key.span.bytes.withUnsafeBytes { key throws(StoreError) in
                try entry.value.span.bytes.withUnsafeBytes { value throws(StoreError) in
                    try withDraft(key: key, value: value, entry.options) { draft throws(StoreError) in
                        try write(draft)
                    }
                }
            }
        }
        arena.removeAll(keepingCapacity: true)
        for entry in batch {
            arena.append(contentsOf: entry.key)
            arena.append(contentsOf: entry.value)
        }
        return try arena.span.bytes.withUnsafeBytes { bytes throws(StoreError) in
            var drafts: [Draft] = []
            var compressed: [(number: Int, value: CompressedValue)] = []
            drafts.reserveCapacity(batch.count)
            var position = 0
            for (number, entry) in batch.enumerated() {
                let key = UnsafeRawBufferPointer(rebasing: bytes[position..<position + entry.key.count])
                position += entry.key.count
                let value = UnsafeRawBufferPointer(rebasing: bytes[position..<position + entry.value.count])
                position += entry.value.count
                drafts.append(draft(key: key, value: value, entry.options))
                if let stored = ValueCompression.compressed(value, entry.options.compression ?? options.compression) {
                    compressed.append((number, stored))
                }
            }
            return try write(drafts, compressed)
        }
    }

    /// Puts the compressed values side by side too, and writes all.
    private func write(
        _ drafts: [Draft],
        _ compressed: [(number: Int, value: CompressedValue)]
    ) throws(StoreError) -> UInt64 {
        guard !compressed.isEmpty else { return try write(drafts) }
        let joined = compressed.flatMap(\.value.bytes)
        return try joined.span.bytes.withUnsafeBytes { bytes throws(StoreError) in
            var drafts = drafts
            var position = 0
            for (number, value) in compressed {
                let stored = UnsafeRawBufferPointer(rebasing: bytes[position..<position + value.bytes.count])
                drafts[number] = drafts[number].storing(stored, value.codec)
                position += value.bytes.count
            }
            return try write(drafts)
        }
    }

    private func write(_ drafts: [Draft]) throws(StoreError) -> UInt64 {
        var last: UInt64 = 0
        var rest = drafts[...]
        while let first = rest.first {
            if needsOwnSegment(first.length) {
                last = max(last, try write(first))
                rest = rest.dropFirst()
                continue
            }
            let small = rest.prefix { !needsOwnSegment($0.length) }
            let (written, sequence) = try writeTogether(small)
            last = max(last, sequence)
            rest = rest.dropFirst(written)
            if written < small.count, let next = rest.first, try !makeRoom(for: next.length) {
                last = max(last, try writeAlone(next))
                rest = rest.dropFirst()
            }
        }
        return last
    }

    /// Writes as many of the drafts as the active segment and the spare have room for; returns how many those are.
    private func writeTogether(_ drafts: ArraySlice<Draft>) throws(StoreError) -> (count: Int, sequence: UInt64) {
        let shards = Set(drafts.map(\.shard)).sorted()
        let tickets = try index.withLocks(shards[...]) { () throws(StoreError) -> [Reservation.Ticket] in
            try checkWritable()
            let tickets = reserveTogether(drafts)
            defer { for ticket in tickets { publication.end(ticket) } }
            for ticket in tickets { wake(for: ticket) }
            for (draft, ticket) in zip(drafts, tickets) {
                fill(draft, ticket)
                try publish(draft, slot: ticket.slot, offset: ticket.offset)
            }
            return tickets
        }
        return (tickets.count, tickets.last?.sequence ?? 0)
    }

    /// Room for as many of the drafts as there is, under their shards' locks. Keys that left not long ago go to the main
    /// log, as single sets of them do.
    private func reserveTogether(_ drafts: ArraySlice<Draft>) -> [Reservation.Ticket] {
        let (tickets, wanted) = reservation.withLock { reservation in
            var tickets: [Reservation.Ticket] = []
            var wanted = 0
            for draft in drafts {
                var ticket: Reservation.Ticket?
                if limit != nil, ghosts.take(draft.hash, shard: draft.shard) {
                    ticket = reservation.reserveMain(draft.length, in: segments, now: Self.monotonicTime)
                    if ticket != nil { wanted += 1 }
                }
                ticket = ticket ?? reservation.reserve(draft.length, in: segments, now: Self.monotonicTime)
                guard let ticket else { break }
                publication.begin(ticket)
                tickets.append(ticket)
            }
            return (tickets, wanted)
        }
        if wanted > 0 { reclaimFigures.withLock { $0.ghostHits += wanted } }
        return tickets
    }
}
