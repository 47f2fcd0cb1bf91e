import Glibc

/// A file as the kernel has it, and as the disk has it.
///
/// Stores to a mapping pass no file layer; they are found by comparing the two.
/// `@unchecked`: touched under the disk's lock alone.
final class SimulatedFile: @unchecked Sendable {
    static let sector = 512
    private static let page = 4_096
    /// Compared at once; few files differ in more than a few of these.
    private static let block = 1 << 16
    /// More than any segment of the workload takes.
    private static let room = 64 << 20

    private let durable: UnsafeMutableRawPointer
    private(set) var durableLength = 0
    private var live: UnsafeMutableRawPointer?
    private(set) var liveLength = 0
    /// Pages of the durable image that may be other than zero.
    private var used: Set<Int> = []

    init?() {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let memory = mmap(nil, Self.room, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED else {
            return nil
        }
        durable = memory
    }

    deinit {
        munmap(durable, Self.room)
        unmapLive()
    }

    private func unmapLive() {
        if let live { munmap(live, liveLength) }
        live = nil
        liveLength = 0
    }

    /// Looks at the file anew, after its length changed.
    func follow(_ descriptor: CInt) {
        unmapLive()
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size > 0 else { return }
        let length = Int(status.st_size)
        precondition(length <= Self.room)
        guard let memory = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0), memory != MAP_FAILED else { return }
        live = memory
        liveLength = length
    }

    // MARK: Reaching the disk

    /// Sectors of the range that changed reach the disk, if they are chosen.
    func persist(_ range: Range<Int>, choosing isChosen: (Int) -> Bool = { _ in true }) {
        guard let live else { return }
        let end = min(range.upperBound, liveLength)
        for block in Self.pieces(of: range.lowerBound..<end, length: Self.block) {
            if memcmp(live + block.lowerBound, durable + block.lowerBound, block.count) == 0 { continue }
            for page in Self.pieces(of: block, length: Self.page) {
                if memcmp(live + page.lowerBound, durable + page.lowerBound, page.count) == 0 { continue }
                used.insert(page.lowerBound / Self.page)
                for sector in Self.pieces(of: page, length: Self.sector) {
                    let start = sector.lowerBound
                    if memcmp(live + start, durable + start, sector.count) != 0 && isChosen(start) {
                        memcpy(durable + start, live + start, sector.count)
                    }
                }
            }
        }
    }

    private static func pieces(of range: Range<Int>, length: Int) -> some Sequence<Range<Int>> {
        let first = range.lowerBound - range.lowerBound % length
        return stride(from: first, to: max(first, range.upperBound), by: length).lazy.map { start in
            max(start, range.lowerBound)..<min(start + length, range.upperBound)
        }
    }

    /// The length reaches the disk, and what lies beyond it is gone there.
    func persistLength(_ length: Int) {
        for page in used where (page + 1) * Self.page > length {
            let start = max(length, page * Self.page)
            memset(durable + start, 0, (page + 1) * Self.page - start)
        }
        durableLength = length
    }

    // MARK: After the cut

    /// Makes the file that the disk holds, and follows that from now on.
    func restore(at path: String) -> Bool {
        unmapLive()
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        guard ftruncate(descriptor, durableLength) == 0 else { return false }
        for page in used.sorted() where page * Self.page < durableLength {
            let start = page * Self.page
            let count = min(Self.page, durableLength - start)
            guard pwrite(descriptor, durable + start, count, start) == count else { return false }
        }
        follow(descriptor)
        return true
    }
}
