/// Remembers the keys of entries that left unread, about nine tenths as many as there are entries: who comes back soon is
/// worth keeping (the ghost queue of S3-FIFO).
///
/// A ghost is 32 bits of its key's hash and the time it was taken in, as a count of ghosts, in a bucket of eight that its
/// hash chooses; a new one takes the oldest one's cell. With a quarter more cells than ghosts that comes to ten bytes a
/// ghost. A false one keeps an entry that need not be kept.
///
/// `@unchecked`: each part is touched under the lock of its shard alone.
final class GhostTable: @unchecked Sendable {
    private let parts: UnsafeMutablePointer<Part>

    init() {
        parts = .allocate(capacity: Index.shardCount)
        parts.initialize(repeating: Part(), count: Index.shardCount)
    }

    deinit {
        parts.deinitialize(count: Index.shardCount)
        parts.deallocate()
    }

    /// Takes the key in; `entries` are those of its shard, which say how many ghosts are kept.
    func insert(_ hash: UInt64, shard: Int, entries: Int) { parts[shard].insert(hash, entries: entries) }

    /// True if the key was a ghost, which it is no longer.
    func take(_ hash: UInt64, shard: Int) -> Bool { parts[shard].take(hash) }

    func removeAll(shard: Int) { parts[shard] = Part() }

    /// Ghosts that are remembered, and the bytes of the table's part.
    func figures(shard: Int) -> (count: Int, bytes: Int) { parts[shard].figures }

    private struct Part {
        private static let bucketLength = 8

        /// High half: bits of the hash, never all zero; low half: when it was taken in.
        private var cells: [UInt64] = []
        private var clock: UInt32 = 0
        /// So many are remembered.
        private var span = 0

        mutating func insert(_ hash: UInt64, entries: Int) {
            let wanted = max(16, entries * 9 / 10)
            if wanted > span * 5 / 4 || wanted * 2 < span { resize(to: wanted) }
            clock &+= 1
            put(Self.bits(hash) << 32 | UInt64(clock))
        }

        private mutating func put(_ cell: UInt64) {
            let bucket = bucket(of: cell >> 32)
            var oldest = bucket.lowerBound
            for number in bucket {
                if cells[number] >> 32 == cell >> 32 || cells[number] == 0 {
                    oldest = number
                    break
                }
                if age(cells[number]) > age(cells[oldest]) { oldest = number }
            }
            cells[oldest] = cell
        }

        mutating func take(_ hash: UInt64) -> Bool {
            guard !cells.isEmpty else { return false }
            let bits = Self.bits(hash)
            for number in bucket(of: bits) where cells[number] >> 32 == bits {
                defer { cells[number] = 0 }
                return age(cells[number]) <= span
            }
            return false
        }

        var figures: (count: Int, bytes: Int) {
            (cells.reduce(0) { $0 + ($1 != 0 && age($1) <= span ? 1 : 0) }, cells.count * 8)
        }

        /// Keeps the youngest that fit.
        private mutating func resize(to wanted: Int) {
            let kept = cells.filter { $0 != 0 && age($0) <= min(span, wanted) }
            span = wanted
            let buckets = (wanted * 5 / 4 + Self.bucketLength - 1) / Self.bucketLength
            cells = [UInt64](repeating: 0, count: buckets * Self.bucketLength)
            for cell in kept { put(cell) }
        }

        private func age(_ cell: UInt64) -> Int { Int(clock &- UInt32(truncatingIfNeeded: cell)) }

        private func bucket(of bits: UInt64) -> Range<Int> {
            let first = Int(bits) % (cells.count / Self.bucketLength) * Self.bucketLength
            return first..<first + Self.bucketLength
        }

        /// The low bits, which do not choose the shard.
        private static func bits(_ hash: UInt64) -> UInt64 { max(1, hash & 0xFFFF_FFFF) }
    }
}
