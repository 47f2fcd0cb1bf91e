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

    /// Indexes every row; false where memory for the index could not be had.
    func build(from tables: [(slot: Int, rows: LoadedRows)]) -> Bool {
        let rowCount = tables.reduce(0) { $0 + $1.rows.rows.count }
        let bySlot = Dictionary(uniqueKeysWithValues: tables.map { ($0.slot, $0.rows.rows) })
        // Small stores are not worth a second thread.
        let workers = rowCount < 20_000 ? 1 : 8
        let order = tables.map(\.slot)
        let failures = Box(0)
        index.reserve(rowCount)
        inParallel(workers) { worker in
            var accounts: [Int: Account] = [:]
            for slot in order {
                guard let rows = bySlot[slot] else { continue }
                var failed = 0
                rows.forEach { row in
                    let shard = Index.shard(of: row.keyHash)
                    guard shard % workers == worker, row.kind == .put || row.kind == .delete,
                        row.sequence >= clearFloor
                    else { return }
                    if !place(row, slot: slot, shard: shard, tables: bySlot, accounts: &accounts) { failed += 1 }
                }
                if failed > 0 { failures.value.withLock { $0 += failed } }
            }
            for (slot, account) in accounts {
                segments[slot].pointee.liveBytes.wrappingAdd(account.live, ordering: .relaxed)
                segments[slot].pointee.tombstoneBytes.wrappingAdd(account.tombstones, ordering: .relaxed)
            }
        }
        return failures.value.withLock { $0 } == 0
    }

    private struct Account {
        var live = 0
        var tombstones = 0
    }

    private func place(
        _ row: FooterRow,
        slot: Int,
        shard: Int,
        tables: [Int: RowTable],
        accounts: inout [Int: Account]
    ) -> Bool {
        let table = index[shard]
        var entry = IndexEntry(
            slot: slot,
            offset: row.offset,
            hash: row.keyHash,
            shadows: false,
            isTombstone: row.kind == .delete
        )
        if row.expiry != 0 && row.expiry <= now { entry = entry.expired }
        let found = table.pointee.probe(row.keyHash) { known, cell -> Known? in
            guard let knownRow = tables[known.slot]?.row(atOffset: known.offset), knownRow.keyHash == row.keyHash,
                isSameKey(row, slot, knownRow, known.slot)
            else { return nil }
            return Known(entry: known, row: knownRow, cell: cell)
        }
        guard let found else {
            count(row, entry, slot: slot, sign: 1, shard: shard, accounts: &accounts)
            return table.pointee.insert(entry, hash: row.keyHash)
        }
        let wins =
            (row.sequence, row.kind == .delete ? 1 : 0, segments[slot].pointee.header.number)
            > (found.row.sequence, found.row.kind == .delete ? 1 : 0, segments[found.entry.slot].pointee.header.number)
        if wins {
            count(found.row, found.entry, slot: found.entry.slot, sign: -1, shard: shard, accounts: &accounts)
            count(row, entry, slot: slot, sign: 1, shard: shard, accounts: &accounts)
            found.cell.pointee.store(entry.shadowing.word, ordering: .releasing)
        } else {
            found.cell.pointee.store(found.entry.shadowing.word, ordering: .releasing)
        }
        return true
    }

    private struct Known {
        var entry: IndexEntry
        var row: FooterRow
        var cell: UnsafeMutablePointer<Atomic<UInt64>>
    }

    private func count(
        _ row: FooterRow,
        _ entry: IndexEntry,
        slot: Int,
        sign: Int,
        shard: Int,
        accounts: inout [Int: Account]
    ) {
        if entry.isTombstone {
            accounts[slot, default: Account()].tombstones += sign * row.length
        } else {
            accounts[slot, default: Account()].live += sign * row.length
            if entry.isLive { index[shard].pointee.liveCount.wrappingAdd(sign, ordering: .relaxed) }
        }
    }

    /// Equal 64-bit hashes are settled by the keys. Where a damaged record no longer has its key, the rows' word is
    /// taken: an older value must not come back because the newest one cannot be read.
    private func isSameKey(_ row: FooterRow, _ slot: Int, _ other: FooterRow, _ otherSlot: Int) -> Bool {
        guard let key = keyBytes(of: row, in: slot), let otherKey = keyBytes(of: other, in: otherSlot) else {
            return true
        }
        if key.count == otherKey.count, let left = key.baseAddress, let right = otherKey.baseAddress,
            memcmp(left, right, key.count) == 0
        {
            return true
        }
        let seed = segments[slot].pointee.header.keyHashSeed
        return XXH3.hash(key, seed: seed) != row.keyHash || XXH3.hash(otherKey, seed: seed) != other.keyHash
    }

    private func keyBytes(of row: FooterRow, in slot: Int) -> UnsafeRawBufferPointer? {
        guard let record = segments[slot].pointee.record(at: row.offset), record.length == row.length,
            record.layoutHolds
        else { return nil }
        return record.key
    }
}
