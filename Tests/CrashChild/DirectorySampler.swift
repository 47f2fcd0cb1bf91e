import Glibc

/// Measures, about once a millisecond, the bytes that a directory and everything in it takes on the disk, as
/// `du --block-size=1` counts them.
///
///     arguments: directory
///     output: a line for each byte read from standard input, and one at its end:
///             most  samples  longest gap between two of them  time from the first to the last (both in microseconds)
struct DirectorySampler {
    private let path: String
    private var most = 0
    private var samples = 0
    private var longestGap = 0
    private var first = 0
    private var last = 0

    init?(_ arguments: [String]) {
        guard arguments.count == 1 else { return nil }
        path = arguments[0]
    }

    mutating func sample() {
        let now = ChildRole.monotonicMicroseconds()
        if samples == 0 { first = now } else { longestGap = max(longestGap, now - last) }
        last = now
        samples += 1
        // Looking at one file after the other can meet one before it is deleted and another that was made after that. So
        // what would be a new maximum counts once it has been seen twice in a row, the same files with the same blocks.
        var seen = Self.blocks(in: path)
        while seen.bytes > most {
            let again = Self.blocks(in: path)
            if again == seen { most = seen.bytes }
            seen = again
        }
    }

    func run() -> CInt {
        Self.runAheadOfOthers()
        var sampler = self
        while true {
            sampler.sample()
            guard let request = ChildRole.request(within: 1) else { continue }
            // What was asked for now must show what was there when it was asked.
            sampler.sample()
            ChildRole.say("\(sampler.most) \(sampler.samples) \(sampler.longestGap) \(sampler.last - sampler.first)")
            if request == .end { return 0 }
        }
    }

    /// Has this process run as soon as it is due, where it may: the load that it watches keeps every core busy, and would
    /// let tens of milliseconds pass between two samples.
    private static func runAheadOfOthers() {
        var parameters = sched_param(sched_priority: sched_get_priority_min(SCHED_FIFO))
        _ = sched_setscheduler(0, SCHED_FIFO, &parameters)
    }

    /// What each file takes, by its inode.
    private struct Blocks: Equatable {
        var byInode: [UInt64: Int] = [:]
        var bytes: Int { byInode.values.reduce(0, +) }
    }

    private static func blocks(in path: String) -> Blocks {
        var blocks = Blocks()
        guard let directory = opendir(path) else { return blocks }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == ".." { continue }
            var status = stat()
            guard fstatat(dirfd(directory), name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            blocks.byInode[UInt64(status.st_ino)] = Int(status.st_blocks) * 512
        }
        return blocks
    }
}
