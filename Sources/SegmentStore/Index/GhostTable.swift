import CLinux
import Synchronization

/// Remembers the keys of entries that left unread, about nine tenths as many as there are entries: who comes back soon is
/// worth keeping (the ghost queue of S3-FIFO).
///
/// Soon is sooner than the main log's oldest segment has been there: its entries may have waited no longer to be read than
/// the ghost did. Without that, keys that are asked for in turns, more of them than fit, drive each other out before
/// anyone's turn comes (LIRS forgets in the same way: Jiang and Zhang, SIGMETRICS 2002).
///
/// A ghost is 40 bits of its key's hash and the end of the number of the segment it was set in, in a bucket of eight that
/// its hash chooses; a new one takes the oldest one's cell. With a quarter more cells than ghosts that comes to ten bytes a
/// ghost. A false one keeps an entry that need not be kept, and may have a segment begun for it alone.
///
/// `@unchecked`: each part is touched under the lock of its shard alone, `sources` by whoever reclaims.
final class GhostTable: @unchecked Sendable {
    private let parts = PerShard(repeating: Part())
    /// The segments that ghosts come from, as few of the newest as have so many as are remembered.
    private var sources: [Source] = []
    private let newest = Atomic<UInt64>(0)
    /// Ghosts of older segments are forgotten.
    private let oldest = Atomic<UInt64>(0)
    /// Those of segments that are no newer have come back too late.
    private let floor = Atomic<UInt64>(0)

    private struct Source {
        var segment: UInt64
        var ghosts: Int
    }

    /// Bounds the list where few entries leave a segment.
    private static let mostSources = 1_024

    /// Says which segment the next ghosts come from, and by the number of all entries how many are to be remembered.
    func begin(segment: UInt64, entries: Int) {
        guard sources.last?.segment != segment else { return }
        var others = sources.dropFirst().reduce(0) { $0 + $1.ghosts }
        while sources.count > 1, others >= Self.ghosts(for: entries) || sources.count >= Self.mostSources {
            sources.removeFirst()
            others -= sources[0].ghosts
        }
        sources.append(Source(segment: segment, ghosts: 0))
        newest.store(segment, ordering: .relaxed)
        oldest.store(sources[0].segment, ordering: .relaxed)
    }

    /// Has the processor fetch meanwhile where the key would be taken in.
    func prefetch(_ hash: UInt64, shard: Int) { parts[shard].pointee.prefetch(hash) }

    /// Takes the key in; `entries` are those of its shard.
    func insert(_ hash: UInt64, shard: Int, entries: Int) {
        sources[sources.count - 1].ghosts += 1
        parts[shard].pointee.insert(hash, of: sources[sources.count - 1].segment, capacity: Self.ghosts(for: entries))
    }

    /// Ghosts of the segment and of older ones come back too late from now on; zero: none does.
    func setFloor(_ segment: UInt64) { floor.store(segment, ordering: .relaxed) }

    /// True if the key was a ghost and is back soon enough; it is a ghost no longer.
    func take(_ hash: UInt64, shard: Int) -> Bool {
        guard let segment = parts[shard].pointee.take(hash, newest: newest.load(ordering: .relaxed)) else {
            return false
        }
        return segment >= oldest.load(ordering: .relaxed) && segment > floor.load(ordering: .relaxed)
    }

    func removeAll(shard: Int) { parts[shard].pointee = Part() }

    /// Ghosts that are remembered, and the bytes of the table's part.
    func figures(shard: Int) -> (count: Int, bytes: Int) {
        parts[shard].pointee.figures(newest: newest.load(ordering: .relaxed), oldest: oldest.load(ordering: .relaxed))
    }

    private static func ghosts(for entries: Int) -> Int { entries * 9 / 10 }

    private struct Part {
        private static let bucketLength = 8
        private static let smallest = 16

        private static let segmentBits: UInt64 = 24
        private static let segmentMask: UInt64 = 1 << segmentBits - 1

        /// 40 bits of the hash, never all zero, and below them the low 24 of the segment's number.
        private var cells: [UInt64] = []
        /// So many are to fit.
        private var capacity = 0

        mutating func insert(_ hash: UInt64, of segment: UInt64, capacity wanted: Int) {
            let wanted = max(Self.smallest, wanted)
            if wanted > capacity * 5 / 4 || wanted * 2 < capacity { resize(to: wanted, newest: segment) }
            put(Self.bits(hash) << Self.segmentBits | segment & Self.segmentMask, newest: segment)
        }

        func prefetch(_ hash: UInt64) {
            guard !cells.isEmpty else { return }
            let bucket = bucket(of: Self.bits(hash))
            cells.withUnsafeBufferPointer { cells in
                guard let base = cells.baseAddress else { return }
                // A bucket is as long as a line, and begins anywhere in one.
                granary_prefetch_line(base + bucket.lowerBound)
                granary_prefetch_line(base + bucket.upperBound - 1)
            }
        }

        private mutating func put(_ cell: UInt64, newest: UInt64) {
            let bucket = bucket(of: cell >> Self.segmentBits)
            var oldest = bucket.lowerBound
            for number in bucket {
                if cells[number] >> Self.segmentBits == cell >> Self.segmentBits || cells[number] == 0 {
                    oldest = number
                    break
                }
                if Self.segment(cells[number], newest) < Self.segment(cells[oldest], newest) { oldest = number }
            }
            cells[oldest] = cell
        }

        mutating func take(_ hash: UInt64, newest: UInt64) -> UInt64? {
            guard !cells.isEmpty else { return nil }
            let bits = Self.bits(hash)
            for number in bucket(of: bits) where cells[number] >> Self.segmentBits == bits {
                defer { cells[number] = 0 }
                return Self.segment(cells[number], newest)
            }
            return nil
        }

        func figures(newest: UInt64, oldest: UInt64) -> (count: Int, bytes: Int) {
            (cells.count { $0 != 0 && Self.segment($0, newest) >= oldest }, cells.count * 8)
        }

        /// Keeps the youngest that fit into their buckets.
        private mutating func resize(to wanted: Int, newest: UInt64) {
            let kept = cells.filter { $0 != 0 }
                .sorted { Self.segment($0, newest) < Self.segment($1, newest) }.suffix(wanted)
            capacity = wanted
            let buckets = (wanted * 5 / 4 + Self.bucketLength - 1) / Self.bucketLength
            cells = [UInt64](repeating: 0, count: buckets * Self.bucketLength)
            for cell in kept { put(cell, newest: newest) }
        }

        private func bucket(of bits: UInt64) -> Range<Int> {
            let first = Int(bits) % (cells.count / Self.bucketLength) * Self.bucketLength
            return first..<first + Self.bucketLength
        }

        /// The number of the cell's segment: of all that end as the cell says, the last that is no newer than the newest.
        private static func segment(_ cell: UInt64, _ newest: UInt64) -> UInt64 {
            newest &- (newest &- cell) & segmentMask
        }

        /// The low bits, which do not choose the shard.
        private static func bits(_ hash: UInt64) -> UInt64 { max(1, hash & UInt64.max >> segmentBits) }
    }
}
