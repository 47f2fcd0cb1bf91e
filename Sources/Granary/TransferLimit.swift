/// How long an answer may take whose length nobody knows before: it may not stop for longer than the timeout, and not be
/// slower, over all of it, than the slowest line that is of use. So large answers get the time that they need, and one that
/// comes by the byte does not go on for ever.
///
/// Moments are nanoseconds since any other one.
package struct TransferLimit: Sendable {
    /// Bytes a second, beyond which the timeout is granted once.
    package static let slowest: Int64 = 64 << 10

    /// More than any answer has, and few enough that the time for them is a number.
    private static let mostBytes: Int64 = 1 << 40

    /// What Linux keeps for one connection unless told otherwise (`net.ipv4.tcp_wmem`).
    private static let largestBuffers: Int64 = 4 << 20

    private let timeout: Int64
    private var start: Int64
    /// When something came or went last.
    private var last: Int64
    private var receivedCount: Int64 = 0
    /// When something went last, and the time for what may still lie in buffers of this machine.
    private var lastSent: Int64
    private var sentCount: Int64 = 0

    /// Begins at the moment.
    package init(timeout: Duration, at now: Int64) {
        self.timeout = timeout.cappedNanoseconds
        (start, last, lastSent) = (now, now, now)
    }

    /// Begins anew: what came so far was one answer, and the next is due.
    package mutating func restart(at now: Int64) {
        (start, last, lastSent) = (now, now, now)
        (receivedCount, sentCount) = (0, 0)
    }

    /// So many bytes came.
    package mutating func note(received count: Int, at now: Int64) {
        last = now
        receivedCount = min(receivedCount + Int64(count), Self.mostBytes)
    }

    /// So many bytes were handed to the system. What lies in its buffers goes unseen, as slowly as any may; but hardly for
    /// longer than sending took, and the timeout more where the buffers took it all at once.
    package mutating func note(sent count: Int, at now: Int64) {
        sentCount = min(sentCount + Int64(count), Self.mostBytes)
        lastSent = now + min(Self.time(for: min(sentCount, Self.largestBuffers)), now - start + timeout)
        last = lastSent
    }

    /// What came since the beginning was no part of the answer, which is due as it was.
    package mutating func discountReceived() { (last, receivedCount) = (lastSent, 0) }

    /// When it is over, unless something comes or goes before.
    package var deadline: Int64 {
        min(last + timeout, start + timeout + Self.time(for: receivedCount + sentCount))
    }

    private static func time(for count: Int64) -> Int64 {
        count / slowest * 1_000_000_000 + count % slowest * 1_000_000_000 / slowest
    }
}

extension Duration {
    /// Nanoseconds, a century at most, so that a moment and a few of them are a number.
    package var cappedNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let longest: Int64 = 100 * 365 * 86_400
        guard seconds < longest else { return longest * 1_000_000_000 }
        return seconds < 0 || attoseconds < 0 ? 0 : seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
