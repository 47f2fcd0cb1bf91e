import Glibc
import Synchronization

/// Zeroed memory for buckets. Small chunks come from the heap; large ones are mapped, so that pages cost memory only
/// once they are touched and go back to the system when the index is emptied.
enum IndexMemory {
    private static let mappedFrom = 1 << 16

    static func allocate(count: Int) -> UnsafeMutableRawPointer? {
        if count >= mappedFrom {
            let base = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
            return base == MAP_FAILED ? nil : base
        }
        var base: UnsafeMutableRawPointer?
        guard posix_memalign(&base, IndexBucket.length, count) == 0, let base else { return nil }
        memset(base, 0, count)
        return base
    }

    static func deallocate(_ base: UnsafeMutableRawPointer, count: Int) {
        if count >= mappedFrom {
            munmap(base, count)
        } else {
            free(base)
        }
    }

    static func zero(_ base: UnsafeMutableRawPointer, count: Int) {
        // Private anonymous pages read as zeros after this, also to a reader that is looking at them now.
        if count >= mappedFrom && madvise(base, count, MADV_DONTNEED) == 0 { return }
        for word in 0..<count / 8 {
            (base + word * 8).assumingMemoryBound(to: Atomic<UInt64>.self).pointee.store(0, ordering: .relaxed)
        }
    }
}
