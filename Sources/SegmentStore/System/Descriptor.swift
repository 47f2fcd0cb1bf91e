import Glibc

/// Owns an open file descriptor and closes it.
struct Descriptor: ~Copyable, Sendable {
    let number: CInt
    private let files: any FileLayer

    /// Opens the file; the mode counts where the flags create it.
    init(_ path: String, flags: CInt, mode: mode_t = 0, files: any FileLayer) throws(SystemError) {
        self.files = files
        number = try files.open(path, flags: flags, mode: mode)
    }

    deinit {
        files.close(number)
    }
}
