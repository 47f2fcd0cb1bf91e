import CLinux
import Glibc

/// Tells a forked child from the process that opened a store, without a system call.
///
/// One byte in a page that the kernel zeroes in every child (`MADV_WIPEONFORK`, Linux 4.14): reading it costs a load,
/// where asking for the process id in every get would cost a system call.
///
/// `@unchecked`: the byte is written once, before the guard is shared.
struct ForkGuard: @unchecked Sendable {
    private let flag: UnsafePointer<UInt8>?

    /// One page serves every store of the process.
    static let shared = ForkGuard()

    private init() {
        let size = Int(getpagesize())
        let page = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let page, page != MAP_FAILED, madvise(page, size, CInt(MADV_WIPEONFORK)) == 0 else {
            flag = nil
            return
        }
        page.storeBytes(of: 1, as: UInt8.self)
        flag = UnsafePointer(page.assumingMemoryBound(to: UInt8.self))
    }

    @inline(__always)
    var isForkedChild: Bool {
        guard let flag else { return false }
        return flag.pointee == 0
    }
}
