import CLinux
import Synchronization

/// A barrier with a cheap side for readers and a dear one for whoever must know what readers have stored.
///
/// A reader stores, then loads, and the two must not change places. A fence between them costs as much as half a read.
/// Where the kernel can run a fence on every processor that this process is on (`membarrier`, Linux 4.14), readers only
/// keep the compiler from reordering, and the rare other side pays for both (Linux manual, membarrier(2)).
///
/// A process says once that it will ask for that. With more than one thread the kernel takes its time over it, as much as
/// opening a store does (7 to 50 ms were seen), so it is said when the dear side is first needed, or ahead of that.
struct MemoryBarrier: ~Copyable, Sendable {
    private let isAsymmetric: Bool
    private let isRegistered = Atomic<Bool>(false)

    init() {
        let known = granary_membarrier(CInt(MEMBARRIER_CMD_QUERY.rawValue))
        let needed = [MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED]
        isAsymmetric = known > 0 && needed.allSatisfy { known & CInt($0.rawValue) != 0 }
    }

    /// Between a reader's store and its load.
    @inline(__always)
    func light() {
        if isAsymmetric { granary_compiler_fence() } else { atomicMemoryFence(ordering: .sequentiallyConsistent) }
    }

    /// Between a store that readers must see and loads of what readers have stored; false if the system, which said it
    /// could, refuses: then what the loads say counts for nothing.
    func heavy() -> Bool {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard isAsymmetric else { return true }
        prepare()
        return granary_membarrier(CInt(MEMBARRIER_CMD_PRIVATE_EXPEDITED.rawValue)) == 0
    }

    /// True once a heavy barrier takes microseconds.
    var isPrepared: Bool { !isAsymmetric || isRegistered.load(ordering: .acquiring) }

    func prepare() {
        guard !isPrepared else { return }
        let result = granary_membarrier(CInt(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED.rawValue))
        isRegistered.store(result == 0, ordering: .releasing)
    }
}
