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

    private let timeout: Int64
    private var start: Int64
    private var last: Int64
    private var byteCount: Int64 = 0

    /// Begins at the moment.
    package init(timeout: Duration, at now: Int64) {
        self.timeout = timeout.cappedNanoseconds
        (start, last) = (now, now)
    }

    /// Begins anew: what came so far was one answer, and the next is due.
    package mutating func restart(at now: Int64) {
        (start, last, byteCount) = (now, now, 0)
    }

    /// So many bytes came, or went.
    package mutating func note(_ count: Int, at now: Int64) {
        last = now
        byteCount = min(byteCount + Int64(count), Self.mostBytes)
    }

    /// What came since the beginning was no part of the answer, which is due as it was.
    package mutating func discount() { byteCount = 0 }

    /// So many bytes may still be on their way unseen, and go as slowly as any may.
    package mutating func allow(unseen count: Int) { last += Self.time(for: Int64(count)) }

    /// When it is over, unless something comes before.
    package var deadline: Int64 { min(last + timeout, start + timeout + Self.time(for: byteCount)) }

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
