import CLinux
import Synchronization

/// A barrier with a cheap side for readers and a dear one for whoever must know what readers have stored.
///
/// A reader stores, then loads, and the two must not change places. A fence between them costs as much as half a read.
/// Where the kernel can run a fence on every processor that this process is on (`membarrier`, Linux 4.14), readers only
/// keep the compiler from reordering, and the rare other side pays for both (Linux manual, membarrier(2)).
struct MemoryBarrier: Sendable {
    private let isAsymmetric: Bool

    init() {
        // Registered for each store, because a forked child may have to do it anew.
        isAsymmetric = granary_membarrier(CInt(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED.rawValue)) == 0
    }

    /// Between a reader's store and its load.
    @inline(__always)
    func light() {
        if isAsymmetric { granary_compiler_fence() } else { atomicMemoryFence(ordering: .sequentiallyConsistent) }
    }

    /// Between a store that readers must see and loads of what readers have stored; false if the system, which promised
    /// it when asked first, refuses: then what the loads say counts for nothing.
    func heavy() -> Bool {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return !isAsymmetric || granary_membarrier(CInt(MEMBARRIER_CMD_PRIVATE_EXPEDITED.rawValue)) == 0
    }
}
