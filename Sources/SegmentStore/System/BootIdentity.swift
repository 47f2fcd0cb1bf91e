import Glibc

/// Tells one run of the machine from another: what the kernel's memory held in an earlier one is gone.
enum BootIdentity {
    /// Neither zero nor all ones, which say other things in a footer. Where the kernel has no name for its run, no two processes agree.
    static let present: UInt64 = {
        let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return random }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 36)
        guard read(descriptor, &bytes, bytes.count) == bytes.count else { return random }
        return min(max(1, XXH3.hash(bytes)), .max - 1)
    }()

    private static var random: UInt64 { UInt64.random(in: 1 ..< .max) }
}
