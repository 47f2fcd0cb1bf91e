import Synchronization

/// Five entries in a cache line: finding a key costs one miss of the processor's caches in most cases.
///
///     0   five entry words (8 each)
///     40  five times 32 bits of the key's hash (4 each)
///     60  number of the overflow bucket, 0 none (4)
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
    var overflow: UnsafeMutablePointer<Atomic<UInt32>> {
        (base + 60).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// Fills an empty cell; the word comes last, for it makes the cell count.
    @inline(__always)
    func fill(_ cell: Int, hash: UInt32, word: UInt64) {
        self.hash(cell).pointee.store(hash, ordering: .relaxed)
        self.word(cell).pointee.store(word, ordering: .releasing)
    }

    func empty() {
        for cell in 0..<Self.cellCount { word(cell).pointee.store(0, ordering: .releasing) }
        overflow.pointee.store(0, ordering: .releasing)
    }
}

/// Buckets that are added one by one and never move: chunks of doubling size, the first of `firstCount`.
///
/// Bucket `n` lies in chunk ⌊log2(n / firstCount)⌋ + 1, the first ones in chunk 0 (Brodnik et al., "Resizable Arrays in
/// Optimal Time and Space", 1999, use the same shape).
struct BucketArray: ~Copyable {
    static let firstCount = 4
    private static let firstShift = 2
    private static let chunkLimit = 27

    private let chunks: UnsafeMutablePointer<UnsafeMutableRawPointer?>

    init() {
        chunks = .allocate(capacity: Self.chunkLimit)
        chunks.initialize(repeating: nil, count: Self.chunkLimit)
    }

    deinit {
        for chunk in 0..<Self.chunkLimit {
            if let base = chunks[chunk] { IndexMemory.deallocate(base, count: Self.length(ofChunk: chunk)) }
        }
        chunks.deallocate()
    }

    /// The bucket, which `makeRoom` has made.
    @inline(__always)
    func bucket(_ number: Int) -> IndexBucket? {
        let high = number >> Self.firstShift
        if high == 0 {
            guard let base = chunks[0] else { return nil }
            return IndexBucket(base: base + number * IndexBucket.length)
        }
        let log = Int.bitWidth - 1 - high.leadingZeroBitCount
        guard let base = chunks[log + 1] else { return nil }
        return IndexBucket(base: base + (number - (Self.firstCount << log)) * IndexBucket.length)
    }

    /// Makes the bucket exist; false where memory or the array is at its end.
    func makeRoom(for number: Int) -> Bool {
        let high = number >> Self.firstShift
        let chunk = high == 0 ? 0 : Int.bitWidth - high.leadingZeroBitCount
        guard chunk < Self.chunkLimit else { return false }
        if chunks[chunk] != nil { return true }
        chunks[chunk] = IndexMemory.allocate(count: Self.length(ofChunk: chunk))
        return chunks[chunk] != nil
    }

    /// Empties every bucket, and gives large chunks' pages back to the system.
    func empty() {
        for chunk in 0..<Self.chunkLimit {
            if let base = chunks[chunk] { IndexMemory.zero(base, count: Self.length(ofChunk: chunk)) }
        }
    }

    private static func length(ofChunk chunk: Int) -> Int {
        (chunk == 0 ? firstCount : firstCount << (chunk - 1)) * IndexBucket.length
    }
}
