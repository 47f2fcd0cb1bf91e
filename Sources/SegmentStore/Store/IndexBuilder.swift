import Glibc
import Synchronization

/// A value that one thread fills and another reads later.
final class Box<Value: Sendable>: Sendable {
    let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
}

/// Makes the index from the rows of all segments: of each key the record with the highest sequence counts, and on a tie
/// a tombstone, and then the one in the segment with the higher number.
struct IndexBuilder {
    let index: Index
    let segments: SegmentTable
    let clearFloor: UInt64
    /// Milliseconds since 1970; entries that ended by then are marked as expired.
    let now: UInt64
    /// Takes in what lies in two segments, for an opener that reads while a writer reclaims; nil: nobody needs to know.
    let copies: Box<RecordCopies>?

    /// Indexes every row; false where memory for the index could not be had.
    func build(from tables: [(slot: Int, rows: LoadedRows)]) -> Bool {
        let rowCount = tables.reduce(0) { $0 + $1.rows.rows.count }
        let bySlot = Dictionary(uniqueKeysWithValues: tables.map { ($0.slot, $0.rows.rows) })
        // Small stores are not worth a second thread.
        let workers = rowCount < 20_000 ? 1 : min(Index.shardCount, max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))))
        let order = tables.map(\.slot)
        let failures = Box(0)
        index.reserve(rowCount)
        inParallel(workers) { worker in
            var accounts = Accounts()
            var failed = 0
            for slot in order {
                guard let rows = bySlot[slot] else { continue }
                forEach(rows, ofShardsOf: worker, among: workers) { row in
                    if !place(row, slot: slot, tables: bySlot, accounts: &accounts) { failed += 1 }
                }
            }
            accounts.add(to: segments, index)
            if failed > 0 { failures.value.withLock { $0 += failed } }
        }
        return failures.value.withLock { $0 } == 0
    }

    /// Calls the body with the rows whose shards are the worker's, in order, each some rows after its bucket was asked
    /// for: most of what building an index costs is waiting for buckets.
    private func forEach(_ rows: RowTable, ofShardsOf worker: Int, among workers: Int, _ body: (FooterRow) -> Void) {
        rows.withUnsafeBytes { bytes in
            var waiting = InlineArray<16, Int>(repeating: 0)
            var taken = 0
            var done = 0
            func finish() {
                if let row = FooterRow(bytes, at: waiting[done & 15]) { body(row) }
                done += 1
            }
            for position in stride(from: 0, to: bytes.count, by: Format.footerRowLength) {
                let hash = FooterRow.keyHash(bytes, at: position)
                guard Index.shard(of: hash) % workers == worker else { continue }
                index.shard(for: hash).pointee.prefetch(hash)
                if taken - done == waiting.count { finish() }
                waiting[taken & 15] = position
                taken += 1
            }
            while done < taken { finish() }
        }
    }

    /// What one worker has counted, to be added up once.
    private struct Accounts {
        var bySlot: [Int: Account] = [:]
        /// The one that is being counted, apart from the others, for a look-up a row would cost as much as the rest.
        private var slot = -1
        private var present = Account()
        private var liveCounts = [Int](repeating: 0, count: Index.shardCount)

        mutating func count(_ length: Int, _ entry: IndexEntry, sign: Int, shard: Int) {
            if entry.slot != slot {
                if slot >= 0 { bySlot[slot] = present }
                slot = entry.slot
                present = bySlot[slot] ?? Account()
            }
            if entry.isTombstone {
                present.tombstones += sign * length
            } else if entry.isLive {
                present.live += sign * length
                liveCounts[shard] += sign
            }
        }

        mutating func add(to segments: SegmentTable, _ index: Index) {
            if slot >= 0 { bySlot[slot] = present }
            for (slot, account) in bySlot {
                segments[slot].pointee.liveBytes.wrappingAdd(account.live, ordering: .relaxed)
                segments[slot].pointee.tombstoneBytes.wrappingAdd(account.tombstones, ordering: .relaxed)
            }
            for shard in 0..<Index.shardCount {
                index[shard].pointee.liveCount.wrappingAdd(liveCounts[shard], ordering: .relaxed)
            }
        }
    }

    private struct Account {
        var live = 0
        var tombstones = 0
    }

    private func place(
        _ row: FooterRow,
        slot: Int,
        tables: [Int: RowTable],
        accounts: inout Accounts
    ) -> Bool {
        guard row.kind == .put || row.kind == .delete, row.sequence >= clearFloor else { return true }
        let shard = Index.shard(of: row.keyHash)
        let table = index[shard]
        var entry = IndexEntry(
            slot: slot,
            offset: row.offset,
            hash: row.keyHash,
            shadows: false,
            isTombstone: row.kind == .delete
        )
        if row.expiry != 0 && row.expiry <= now { entry = entry.expired }
        segments[slot].pointee.noteExpiry(row.expiry)
        let found = table.pointee.probe(row.keyHash) { known, cell -> Known? in
            guard let knownRow = tables[known.slot]?.row(atOffset: known.offset),
                isSameKey(row, slot, knownRow, known.slot)
            else { return nil }
            return Known(entry: known, row: knownRow, cell: cell)
        }
        guard let found else {
            accounts.count(row.length, entry, sign: 1, shard: shard)
            return table.pointee.insert(entry, hash: row.keyHash)
        }
        let wins =
            (row.sequence, row.kind == .delete ? 1 : 0, segments[slot].pointee.header.number)
            > (found.row.sequence, found.row.kind == .delete ? 1 : 0, segments[found.entry.slot].pointee.header.number)
        noteCopy(row, entry, found, wins: wins)
        if wins {
            accounts.count(found.row.length, found.entry, sign: -1, shard: shard)
            accounts.count(row.length, entry, sign: 1, shard: shard)
            found.cell.pointee.store(entry.shadowing.word, ordering: .releasing)
        } else {
            found.cell.pointee.store(found.entry.shadowing.word, ordering: .releasing)
        }
        return true
    }

    /// Reclamation carried a record, and a death came before the segment where it lay was given up; or it has not ended yet.
    @inline(__always)
    private func noteCopy(_ row: FooterRow, _ entry: IndexEntry, _ found: Known, wins: Bool) {
        let isCopy = row.sequence == found.row.sequence && row.kind == found.row.kind
        if isCopy { segments[wins ? found.entry.slot : entry.slot].pointee.noteCopy(row.sequence) }
        guard let copies, isCopy || wins else { return }
        copies.value.withLock { copies in
            switch (isCopy, wins) {
            case (true, true): copies.move(from: found.entry, to: entry)
            case (true, false): copies.add(entry, of: found.entry)
            case (false, _): _ = copies.take(found.entry)
            }
        }
    }

    private struct Known {
        var entry: IndexEntry
        var row: FooterRow
        var cell: UnsafeMutablePointer<Atomic<UInt64>>
    }

    /// Hashes that the index takes for equal are settled by the keys, whatever the rows' other bits say: a get would
    /// find either record. Where a damaged record no longer has its key, the rows' word is taken: an older value must
    /// not come back because the newest one cannot be read.
    private func isSameKey(_ row: FooterRow, _ slot: Int, _ other: FooterRow, _ otherSlot: Int) -> Bool {
        let haveEqualHashes = row.keyHash == other.keyHash
        guard let key = keyBytes(of: row, in: slot), let otherKey = keyBytes(of: other, in: otherSlot) else {
            return haveEqualHashes
        }
        if key.count == otherKey.count, let left = key.baseAddress, let right = otherKey.baseAddress,
            memcmp(left, right, key.count) == 0
        {
            return true
        }
        guard haveEqualHashes else { return false }
        let seed = segments[slot].pointee.header.keyHashSeed
        return XXH3.hash(key, seed: seed) != row.keyHash || XXH3.hash(otherKey, seed: seed) != other.keyHash
    }

    /// The key that a get would compare, whatever length the row states.
    private func keyBytes(of row: FooterRow, in slot: Int) -> UnsafeRawBufferPointer? {
        guard let record = segments[slot].pointee.record(at: row.offset), record.layoutHolds else { return nil }
        return record.keyWithin
    }
}
