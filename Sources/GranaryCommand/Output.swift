import Glibc

/// Writing to standard output and standard error.
enum Output {
    /// Writes all the bytes to standard output.
    ///
    /// A reader that has gone ends the command quietly; any other failure is one.
    static func write(_ bytes: [UInt8]) throws(CommandFailure) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(1, $0.baseAddress.map { $0 + done }, $0.count - done) }
            if count >= 0 {
                done += count
            } else if errno == EPIPE {
                throw CommandFailure(.done)
            } else if errno != EINTR {
                throw CommandFailure(.failed, "standard output cannot be written: \(String(cString: strerror(errno)))")
            }
        }
    }

    static func write(_ text: String) throws(CommandFailure) { try write(Array(text.utf8)) }

    /// A line on standard error; where that cannot be written there is nobody to tell.
    ///
    /// Whoever made the text, no password of a URL is shown: parsers repeat what they do not understand.
    static func message(_ text: String) { raw("\(ServerURL.redacted(text))\n") }

    /// Text on standard error as it is.
    static func raw(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }

    static let errorsGoToTerminal = isatty(2) == 1
}

/// Collects output so that many short lines are few writes.
struct BufferedOutput {
    private var bytes: [UInt8] = []

    mutating func append(_ part: some Sequence<UInt8>, terminator: UInt8) throws(CommandFailure) {
        bytes.append(contentsOf: part)
        bytes.append(terminator)
        if bytes.count >= 1 << 16 { try flush() }
    }

    mutating func flush() throws(CommandFailure) {
        try Output.write(bytes)
        bytes.removeAll(keepingCapacity: true)
    }
}
