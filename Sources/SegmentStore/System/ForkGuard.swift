import CLinux
import Glibc
import Synchronization

/// Tells a forked child from the process that opened a store, without a system call.
///
/// A word in a page that the kernel zeroes in every child (`MADV_WIPEONFORK`, Linux 4.14) holds the id of the process
/// that last opened a store: reading it costs a load, where asking for the process id in every get would cost a system
/// call. A child that opens a store of its own writes its own id there, which leaves its parent's stores refused.
struct ForkGuard: Sendable {
    private let owner = getpid()
    private let page: Page?

    /// A guard for a store that this process opens now.
    init() {
        page = Page.shared
        page?.word.pointee.store(owner, ordering: .relaxed)
    }

    @inline(__always)
    var isForkedChild: Bool {
        guard let page else { return getpid() != owner }
        return page.word.pointee.load(ordering: .relaxed) != owner
    }

    /// `@unchecked`: the memory is one atomic, and stays for the life of the process.
    private struct Page: @unchecked Sendable {
        let word: UnsafeMutablePointer<Atomic<pid_t>>

        /// One page serves every store of the process; nil on kernels that cannot wipe it.
        static let shared: Page? = {
            let size = Int(getpagesize())
            let page = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            guard let page, page != MAP_FAILED, madvise(page, size, CInt(MADV_WIPEONFORK)) == 0 else { return nil }
            return Page(word: page.assumingMemoryBound(to: Atomic<pid_t>.self))
        }()
    }
}
