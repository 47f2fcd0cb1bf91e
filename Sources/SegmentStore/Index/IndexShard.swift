import CLinux
import Glibc
import Synchronization

/// One of the index's shards: a linear hash table (Litwin, "Linear Hashing: A New Tool for File and Table Addressing",
/// VLDB 1980), which grows by splitting one bucket at a time, so that no insert pays for a whole table.
///
/// Readers take no lock. A hit needs no validation: the entry's word is read whole, and the record's key decides. A
/// miss counts only if `version` was even and unchanged meanwhile, for a split moves entries between buckets.
struct IndexShard: ~Copyable {
    /// Guards everything below but the atomics' reading, and orders the writes to the shard's keys: held from
    /// reservation to publication. The reservation lock may be taken inside it; of two shards the lower comes first.
    let writer = Mutex<Void>(())

    /// Low half: buckets split in this round; high half: the number of buckets that the round began with, less one.
    private let geometry = Atomic<UInt64>(firstGeometry)
    /// Odd while a split moves entries.
    private let version = Atomic<UInt64>(0)
    /// Entries that are neither tombstones nor seen expired.
    let liveCount = Atomic<Int>(0)
    /// Sets that were published here.
    let setCount = Atomic<Int>(0)
    /// Bytes of the records of these, and of removals.
    let writtenBytes = Atomic<Int>(0)

    /// Overflow buckets made; their numbers begin at 1: 0 says none. Changed under the lock.
    let overflowCount = Atomic<Int>(0)

    private let primary: IndexColumn
    private let overflow: IndexColumn
    private let primaryArena: IndexArena
    private let overflowArena: IndexArena
    /// Behind a pointer, so that no operation needs exclusive access to the shard, which readers borrow all along.
    private let state: UnsafeMutablePointer<State>

    private static let firstCount = 4
    private static let firstGeometry = UInt64(firstCount - 1) << 32

    private struct State {
        var entryCount = 0
        var freeOverflow: [UInt32] = []
    }

    /// A shard with its first buckets; nil where there is no memory for them.
    init?(_ number: Int, primary: IndexArena, overflow: IndexArena) {
        self.primary = primary.column(of: number)
        self.overflow = overflow.column(of: number)
        primaryArena = primary
        overflowArena = overflow
        state = .allocate(capacity: 1)
        state.initialize(to: State())
        guard primary.makeRoom(for: Self.firstCount - 1) else { return nil }
    }

    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    // MARK: Reading

    /// Without a branch, for none could be foretold.
    @inline(__always)
    private func bucketNumber(_ hash: UInt32, geometry: UInt64) -> Int {
        let mask = UInt32(truncatingIfNeeded: geometry >> 32)
        let split = UInt32(truncatingIfNeeded: geometry)
        let number = hash & mask
        return Int(number < split ? hash & (mask &<< 1 | 1) : number)
    }

    /// Has the processor fetch the bucket of the hash meanwhile.
    @inline(__always)
    func prefetch(_ hash: UInt64) {
        let low = UInt32(truncatingIfNeeded: hash)
        granary_prefetch_line(primary[bucketNumber(low, geometry: geometry.load(ordering: .relaxed))].base)
    }

    /// Calls the body with each candidate for the hash until it returns something; nil once no cell is left.
    ///
    /// Safe without the lock. A candidate's key may be another one with the same hash bits.
    @inline(__always)
    func probe<Result>(
        _ hash: UInt64,
        _ body: (IndexEntry, UnsafeMutablePointer<Atomic<UInt64>>) -> Result?
    ) -> Result? {
        let low = UInt32(truncatingIfNeeded: hash)
        let bits = IndexEntry.hashBits(of: hash)
        while true {
            let before = version.load(ordering: .acquiring)
            let number = bucketNumber(low, geometry: geometry.load(ordering: .acquiring))
            var next = primary[number]
            // A chain longer than that is one that is being rearranged under this reader.
            var steps = 0
            while true {
                let bucket = next
                var cells = bucket.cells(with: low)
                while cells != 0 {
                    let word = bucket.word(cells.trailingZeroBitCount)
                    cells &= cells &- 1
                    let entry = IndexEntry(word: word.pointee.load(ordering: .acquiring))
                    if entry.word != 0 && entry.word & IndexEntry.hashMask == bits, let result = body(entry, word) {
                        return result
                    }
                }
                let link = IndexLink(word: bucket.link.pointee.load(ordering: .acquiring))
                if !link.mayLead(to: bits) || link.number == 0 || steps > 1_024 { break }
                steps += 1
                next = overflow[link.number - 1]
            }
            if before & 1 == 0 {
                if before == version.load(ordering: .sequentiallyConsistent) { return nil }
            } else {
                // The writer may have been put to sleep in mid-split.
                sched_yield()
            }
        }
    }

    // MARK: Writing, under the lock

    /// Adds an entry for a key that has none; false where memory is at its end.
    func insert(_ entry: IndexEntry, hash: UInt64) -> Bool {
        let low = UInt32(truncatingIfNeeded: hash)
        let bucket = bucketNumber(low, geometry: geometry.load(ordering: .relaxed))
        guard append(entry.word, hash: low, to: primary[bucket]) else { return false }
        state.pointee.entryCount += 1
        if state.pointee.entryCount * 4 > bucketCount * Self.entriesPerFourBuckets { split() }
        return true
    }

    /// Empties a cell that `probe` found; returns what it held last.
    @discardableResult
    func remove(at cell: UnsafeMutablePointer<Atomic<UInt64>>) -> IndexEntry {
        state.pointee.entryCount -= 1
        return IndexEntry(word: cell.pointee.exchange(0, ordering: .acquiringAndReleasing))
    }

    /// Makes the table as large as it will be for so many entries; before the first one.
    func reserve(_ count: Int) {
        guard state.pointee.entryCount == 0 else { return }
        let wanted = max(
            Self.firstCount,
            (count * 4 + Self.entriesPerFourBuckets - 1) / Self.entriesPerFourBuckets
        )
        let made = primaryArena.reserve(rows: wanted) ? wanted : bucketCount
        var count = Self.firstCount
        while count * 2 <= made { count *= 2 }
        setGeometry(count: count, split: made - count)
    }

    /// Forgets every entry. Readers see each key either as it was or as absent.
    ///
    /// The buckets' memory is the index's to empty, once all shards are.
    func removeAll() {
        _ = version.wrappingAdd(1, ordering: .sequentiallyConsistent)
        // One by one: a reader marking an entry as expired counts it down itself, or fails and leaves that to this.
        var ended = 0
        forEach { _, cell in
            if IndexEntry(word: cell.pointee.exchange(0, ordering: .acquiringAndReleasing)).isLive { ended += 1 }
        }
        liveCount.wrappingSubtract(ended, ordering: .relaxed)
        forEachBucket { $0.empty() }
        geometry.store(Self.firstGeometry, ordering: .releasing)
        _ = version.wrappingAdd(1, ordering: .sequentiallyConsistent)
        state.pointee.entryCount = 0
        overflowCount.store(0, ordering: .relaxed)
        state.pointee.freeOverflow = []
    }

    /// Calls the body with every entry and its cell.
    func forEach(_ body: (IndexEntry, UnsafeMutablePointer<Atomic<UInt64>>) -> Void) {
        forEachBucket { bucket in
            for cell in 0..<IndexBucket.cellCount {
                let word = bucket.word(cell)
                let entry = IndexEntry(word: word.pointee.load(ordering: .acquiring))
                if entry.word != 0 { body(entry, word) }
            }
        }
    }

    private func forEachBucket(_ body: (IndexBucket) -> Void) {
        for row in 0..<bucketCount {
            var next: IndexBucket? = primary[row]
            while let bucket = next {
                // Asked first: the body may end the chain.
                next = overflowBucket(of: bucket)
                body(bucket)
            }
        }
    }

    // MARK: Growth

    /// 3.25 entries a bucket of five cells: 22.4 bytes an entry with the overflow buckets this leads to.
    private static let entriesPerFourBuckets = 13

    var bucketCount: Int {
        let geometry = geometry.load(ordering: .relaxed)
        return Int(geometry >> 32) + 1 + Int(geometry & 0xFFFF_FFFF)
    }

    private func setGeometry(count: Int, split: Int) {
        geometry.store(UInt64(count - 1) << 32 | UInt64(split), ordering: .releasing)
    }

    private func overflowBucket(of bucket: IndexBucket) -> IndexBucket? {
        let link = IndexLink(word: bucket.link.pointee.load(ordering: .acquiring))
        return link.number == 0 ? nil : overflow[link.number - 1]
    }

    /// Puts the word into the first free cell of the bucket's chain.
    private func append(_ word: UInt64, hash: UInt32, to first: IndexBucket) -> Bool {
        var bucket = first
        while true {
            for cell in 0..<IndexBucket.cellCount where bucket.word(cell).pointee.load(ordering: .relaxed) == 0 {
                bucket.fill(cell, hash: hash, word: word)
                return true
            }
            let link = IndexLink(word: bucket.link.pointee.load(ordering: .relaxed))
            if link.number != 0 {
                // Before the entry is there: a probe that follows in vain loses nothing.
                let leading = link.leading(to: word & IndexEntry.hashMask, number: link.number)
                bucket.link.pointee.store(leading.word, ordering: .releasing)
                bucket = overflow[link.number - 1]
                continue
            }
            guard let number = takeOverflowBucket() else { return false }
            overflow[number - 1].fill(0, hash: hash, word: word)
            let leading = link.leading(to: word & IndexEntry.hashMask, number: number)
            bucket.link.pointee.store(leading.word, ordering: .releasing)
            return true
        }
    }

    private func takeOverflowBucket() -> Int? {
        if let number = state.pointee.freeOverflow.popLast() { return Int(number) }
        let count = overflowCount.load(ordering: .relaxed)
        guard count < IndexLink.highestNumber, overflowArena.makeRoom(for: count) else { return nil }
        overflowCount.store(count + 1, ordering: .relaxed)
        return count + 1
    }

    /// Splits the next bucket of the round in two. Without memory the table stays as it is and its chains grow.
    private func split() {
        let geometry = geometry.load(ordering: .relaxed)
        let count = Int(geometry >> 32) + 1
        let source = Int(geometry & 0xFFFF_FFFF)
        // 32 hash bits choose buckets; far below that the table has other limits.
        guard count < 1 << 29, primaryArena.makeRoom(for: count + source) else { return }
        let low = primary[source]
        let high = primary[count + source]

        var cells: [(word: UInt64, hash: UInt32)] = []
        _ = version.wrappingAdd(1, ordering: .sequentiallyConsistent)
        var next: IndexBucket? = low
        var number = 0
        while let bucket = next {
            for cell in 0..<IndexBucket.cellCount {
                // Exchanged, so that a reader's mark either moves along or fails.
                let word = bucket.word(cell).pointee.exchange(0, ordering: .acquiringAndReleasing)
                if word != 0 { cells.append((word, bucket.hash(cell).pointee.load(ordering: .relaxed))) }
            }
            let following = IndexLink(word: bucket.link.pointee.load(ordering: .relaxed)).number
            bucket.empty()
            if number != 0 { state.pointee.freeOverflow.append(UInt32(truncatingIfNeeded: number)) }
            number = following
            next = following == 0 ? nil : overflow[following - 1]
        }
        for cell in cells {
            let bucket = Int(cell.hash) & (2 * count - 1) == source ? low : high
            // The chain held all of them before, so its freed buckets are enough.
            _ = append(cell.word, hash: cell.hash, to: bucket)
        }
        if source + 1 == count {
            setGeometry(count: 2 * count, split: 0)
        } else {
            setGeometry(count: count, split: source + 1)
        }
        _ = version.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }
}
