import Glibc
import Synchronization

/// Memory for the buckets of all shards: bucket `n` of shard `s` lies at row `n`, column `s`.
///
///     row 0   │ shard 0 │ shard 1 │ … │ shard 31 │      a bucket is 64 bytes, a row 2 KiB
///     row 1   │ shard 0 │ shard 1 │ … │ shard 31 │
///     …
///
/// Shards hold the same number of entries but for chance, so that rows fill from the top and finding a bucket takes a
/// shift and an add, no table. The address space is reserved at once; memory is taken as rows are made. Blocks that are
/// full are put together into huge pages, for on a large index half of what a probe waits for is the address.
///
/// `@unchecked`: the base never changes, buckets are read and written as atomics, and growth is under a lock.
final class IndexArena: @unchecked Sendable {
    fileprivate static let rowLength = IndexBucket.length * Index.shardCount
    private static let hugePage = 2 << 20
    /// Rows that shards can have at most: 2^26 buckets each hold more entries than a store's segments do.
    static let largestRowLimit = 1 << 26

    private let base: UnsafeMutableRawPointer
    private let reserved: UnsafeMutableRawPointer
    private let reservedLength: Int
    private let rowLimit: Int

    /// Rows that may be used; the lock is for making more.
    private let rowCount = Atomic<Int>(0)
    private let growth = Mutex<Growth>(Growth())

    private struct Growth {
        /// Bytes from the base that have been put into huge pages, or need not be.
        var collapsed = 0
        var collapses = true
    }

    /// Rows are made in multiples of so many: two pages of 64 KiB, where pages are that large.
    private static let growthStep = 64

    /// Room for so many rows, or for fewer where the system refuses the address space; nil where it refuses any.
    init?(rows: Int) {
        for limit in [0, 2, 4, 6, 8].map({ rows >> $0 }) {
            // What never fills a huge page need not begin with one.
            let alignment = limit * Self.rowLength < Self.hugePage ? 1 : Self.hugePage
            let length = limit * Self.rowLength + alignment - 1
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
            guard let start = mmap(nil, length, PROT_NONE, flags, -1, 0), start != MAP_FAILED else { continue }
            reserved = start
            reservedLength = length
            rowLimit = limit
            base =
                UnsafeMutableRawPointer(
                    bitPattern: (UInt(bitPattern: start) + UInt(alignment) - 1) & ~(UInt(alignment) - 1)
                ) ?? start
            return
        }
        return nil
    }

    deinit {
        munmap(reserved, reservedLength)
    }

    /// The buckets of one shard.
    func column(of shard: Int) -> IndexColumn {
        IndexColumn(base: base + shard * IndexBucket.length)
    }

    /// Makes the row exist; false where memory or the arena is at its end.
    @inline(__always)
    func makeRoom(for row: Int) -> Bool {
        row < rowCount.load(ordering: .acquiring) || grow(toHold: row)
    }

    /// Makes all rows below the number exist, in huge pages as far as they fill them.
    func reserve(rows: Int) -> Bool {
        guard rows == 0 || makeRoom(for: rows - 1) else { return false }
        growth.withLock { growth in
            let whole = rows * Self.rowLength & ~(Self.hugePage - 1)
            guard whole > growth.collapsed else { return }
            _ = madvise(base + growth.collapsed, whole - growth.collapsed, MADV_HUGEPAGE)
            growth.collapsed = whole
        }
        return true
    }

    /// Puts blocks below the row, which no longer grow, into huge pages; a hint, whose failure costs only speed.
    func collapse(below row: Int) {
        let whole = row * Self.rowLength & ~(Self.hugePage - 1)
        // One at a time, for who makes rows waits for the lock.
        while collapseBlock(below: whole) {}
    }

    private func collapseBlock(below end: Int) -> Bool {
        growth.withLock { growth in
            guard growth.collapses, growth.collapsed < end else { return false }
            // Linux 6.1 and newer; elsewhere pages stay small.
            growth.collapses = madvise(base + growth.collapsed, Self.hugePage, Self.collapseAdvice) == 0
            growth.collapsed += Self.hugePage
            return true
        }
    }

    /// Gives all memory back; every bucket reads as empty. Under all shards' locks.
    func empty() {
        growth.withLock { growth in
            // Private anonymous pages read as zeros after this, also to a reader that is looking at them now.
            _ = madvise(base, rowCount.load(ordering: .relaxed) * Self.rowLength, MADV_DONTNEED)
            growth.collapsed = 0
        }
    }

    private func grow(toHold row: Int) -> Bool {
        guard row < rowLimit else { return false }
        return growth.withLock { _ in
            let count = rowCount.load(ordering: .relaxed)
            if row < count { return true }
            // By an eighth, so that a growing index asks the kernel a few times for each doubling, and by whole pages.
            let wanted = min(rowLimit, (max(row, count + count / 8) | (Self.growthStep - 1)) + 1)
            let start = base + count * Self.rowLength
            guard mprotect(start, (wanted - count) * Self.rowLength, PROT_READ | PROT_WRITE) == 0 else { return false }
            rowCount.store(wanted, ordering: .releasing)
            return true
        }
    }

    /// `MADV_COLLAPSE`, which the headers of Debian 12 lack.
    private static let collapseAdvice: CInt = 25
}

/// The buckets of one shard in an arena: a non-owning handle.
struct IndexColumn {
    fileprivate let base: UnsafeMutableRawPointer

    /// The bucket in the row, which the arena's `makeRoom` has made.
    @inline(__always)
    subscript(row: Int) -> IndexBucket {
        IndexBucket(base: base + row * IndexArena.rowLength)
    }
}
