import Glibc

/// The three descriptors that the process starts with.
enum StandardStreams {
    /// Keeps the numbers 0 to 2 from files opened later: a store's file with the number 1 would get the results.
    ///
    /// A descriptor that was closed on start becomes one that refuses the use it would be put to.
    static func fillClosed() {
        for (descriptor, flags) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)]
        where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
            // The lowest free number is this one, since those below are taken by now.
            _ = open("/dev/null", flags)
        }
    }
}
