/// Tells keys whose entries may have left the index since the window was opened: a bit for each of so many parts of the
/// hashes, so that none that left is missed.
///
/// `@unchecked`: each part is touched under the lock of its shard alone.
final class LeaverFilter: @unchecked Sendable {
    private let parts = PerShard(repeating: Part())

    /// A false alarm costs a tombstone in the end; with 64 KiB in all, one key in nine raises one while 60,000 entries
    /// leave, as many as a large segment holds.
    private static let bitCount = 16_384

    private struct Part {
        /// Empty: nobody has left.
        var words: [UInt64] = []
    }

    func removeAll(shard: Int) { parts[shard].pointee.words.removeAll(keepingCapacity: true) }

    func insert(_ hash: UInt64, shard: Int) {
        if parts[shard].pointee.words.isEmpty { fill(0, shard: shard) }
        let bit = Self.bit(hash)
        parts[shard].pointee.words[bit / 64] |= 1 << (bit % 64)
    }

    /// For entries whose keys cannot be told.
    func insertAll(shard: Int) { fill(.max, shard: shard) }

    func mayContain(_ hash: UInt64, shard: Int) -> Bool {
        guard !parts[shard].pointee.words.isEmpty else { return false }
        let bit = Self.bit(hash)
        return parts[shard].pointee.words[bit / 64] & 1 << (bit % 64) != 0
    }

    private func fill(_ word: UInt64, shard: Int) {
        parts[shard].pointee.words.removeAll(keepingCapacity: true)
        parts[shard].pointee.words.append(contentsOf: repeatElement(word, count: Self.bitCount / 64))
    }

    /// The low bits, which do not choose the shard.
    private static func bit(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (bitCount - 1) }
}
