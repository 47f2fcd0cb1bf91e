import CLinux
import Synchronization

/// Five entries in a cache line: finding a key costs one miss of the processor's caches in most cases.
///
///     0   five entry words (8 each)
///     40  five times 32 bits of the key's hash (4 each)
///     60  link: number of the overflow bucket, 0 none (24 bits), and a filter of what lies there and beyond (8 bits)
///
/// A probe follows the link only if the filter has the bit of its hash, so that few misses pay for a second cache line.
///
/// A non-owning handle on memory of the index, which is never unmapped while the store lives; every word in it is read
/// and written as an atomic.
struct IndexBucket {
    static let length = 64
    static let cellCount = 5

    let base: UnsafeMutableRawPointer

    @inline(__always)
    func word(_ cell: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (base + cell * 8).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always)
    func hash(_ cell: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        (base + 40 + cell * 4).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    @inline(__always)
    var link: UnsafeMutablePointer<Atomic<UInt32>> {
        (base + 60).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// A bit for each cell whose hash this is.
    @inline(__always)
    func cells(with hash: UInt32) -> UInt32 {
        let first = granary_equal_words(base + 40, hash)
        let last = self.hash(4).pointee.load(ordering: .acquiring)
        return first | (last == hash ? 16 : 0)
    }

    /// Fills an empty cell; the word comes last, for it makes the cell count.
    @inline(__always)
    func fill(_ cell: Int, hash: UInt32, word: UInt64) {
        self.hash(cell).pointee.store(hash, ordering: .releasing)
        self.word(cell).pointee.store(word, ordering: .releasing)
    }

    func empty() {
        for cell in 0..<Self.cellCount { word(cell).pointee.store(0, ordering: .releasing) }
        link.pointee.store(0, ordering: .releasing)
    }
}

/// Where a bucket's chain goes on, and what may lie there.
struct IndexLink {
    var word: UInt32

    static let highestNumber = (1 << 24) - 1

    /// The overflow bucket's number; zero: there is none.
    @inline(__always) var number: Int { Int(word & 0xFF_FFFF) }

    /// True if an entry with the hash bits may lie in the overflow bucket or beyond.
    @inline(__always)
    func mayLead(to bits: UInt64) -> Bool { word & Self.filterBit(bits) != 0 }

    /// The link to the bucket, or to where it leads already, that also leads to an entry with the hash bits.
    func leading(to bits: UInt64, number: Int) -> IndexLink {
        IndexLink(word: word & ~0xFF_FFFF | UInt32(truncatingIfNeeded: number) | Self.filterBit(bits))
    }

    /// Chosen by bits of the hash that stand in an entry's word.
    @inline(__always)
    private static func filterBit(_ bits: UInt64) -> UInt32 {
        1 << UInt32(truncatingIfNeeded: 24 + IndexEntry.filterNumber(of: bits))
    }
}
