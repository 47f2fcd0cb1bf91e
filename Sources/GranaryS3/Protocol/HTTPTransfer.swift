internal import AsyncHTTPClient
internal import Granary
internal import NIOCore
internal import Synchronization

/// How far an exchange has come, and how long it may go on.
final class HTTPTransfer: Sendable {
    private let limit: Mutex<TransferLimit>

    /// Begins now.
    init(timeout: Duration) { limit = Mutex(TransferLimit(timeout: timeout, at: Self.now)) }

    /// So many bytes came.
    func note(received count: Int) {
        let now = Self.now
        limit.withLock { $0.note(received: count, at: now) }
    }

    /// So many bytes went.
    func note(sent count: Int) {
        let now = Self.now
        limit.withLock { $0.note(sent: count, at: now) }
    }

    /// What is left of the time; nil once it is over.
    private var timeLeft: Duration? {
        let left = limit.withLock { $0.deadline } - Self.now
        return left > 0 ? .nanoseconds(left) : nil
    }

    private static let start = ContinuousClock.now
    private static var now: Int64 { start.duration(to: .now).cappedNanoseconds }

    /// What the body gives, unless the time is over before: then it is cancelled and waited for, and the error is thrown.
    ///
    /// - Throws: what the body throws, the error, and `CancellationError` once the task is cancelled.
    func run<Result: Sendable>(
        throwing error: any Error,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await race(
            body,
            against: {
                while let timeLeft = self.timeLeft { try await Task.sleep(for: timeLeft) }
                throw error
            }
        )
    }
}

/// A body in parts, each of which is noted when it is asked for: those before it have left by then.
struct OutgoingParts: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let bytes: ByteBuffer
    let transfer: HTTPTransfer

    static let partLength = 64 << 10

    func makeAsyncIterator() -> Iterator { Iterator(rest: bytes, transfer: transfer) }

    struct Iterator: AsyncIteratorProtocol {
        var rest: ByteBuffer
        let transfer: HTTPTransfer

        mutating func next() async throws -> ByteBuffer? {
            let part = rest.readSlice(length: Swift.min(rest.readableBytes, OutgoingParts.partLength))
            guard let part, part.readableBytes > 0 else { return nil }
            transfer.note(sent: part.readableBytes)
            return part
        }
    }
}
