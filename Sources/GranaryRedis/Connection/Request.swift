internal import Synchronization

/// Commands that are on their way together, and who waits for their replies.
final class Request: Sendable {
    let command: RESPCommand
    /// Whether sending them twice does what sending them once does.
    let isRepeatable: Bool

    fileprivate struct State {
        var continuation: CheckedContinuation<[RESPValue], any Error>?
        var replies: [RESPValue] = []
        var received = 0
        /// Whoever waited has got an answer, or has left.
        var isOver = false
        var wasRepeated = false
    }

    private let state = Mutex(State())

    init(_ command: RESPCommand, isRepeatable: Bool) {
        self.command = command
        self.isRepeatable = isRepeatable
    }

    /// Somebody waits from now on; false if they have left already.
    func await(_ continuation: CheckedContinuation<[RESPValue], any Error>) -> Bool {
        let isOver = state.withLock { state in
            if !state.isOver { state.continuation = continuation }
            return state.isOver
        }
        if isOver { continuation.resume(throwing: CancellationError()) }
        return !isOver
    }

    /// Takes the next reply; true if it was the last one.
    func take(_ reply: RESPValue) -> Bool {
        let (isLast, continuation, replies) = state.withLock { state in
            state.received += 1
            if !state.isOver { state.replies.append(reply) }
            let isLast = state.received == command.replyCount
            return (isLast, isLast ? state.end() : nil, isLast ? state.replies : [])
        }
        continuation?.resume(returning: replies)
        return isLast
    }

    /// Ends the waiting with the error.
    func fail(_ error: any Error) {
        state.withLock { $0.end() }?.resume(throwing: error)
    }

    /// Ends the waiting of somebody whose task is cancelled; the commands go their way.
    func cancel() { fail(CancellationError()) }

    /// Makes it as good as new if it may be sent again, which is once at most; `always` where it was never sent.
    func prepareToRepeat(always: Bool = false) -> Bool {
        state.withLock { state in
            guard !state.isOver, isRepeatable || always, !state.wasRepeated else { return false }
            state.wasRepeated = true
            state.received = 0
            state.replies = []
            return true
        }
    }
}

extension Request.State {
    /// Nothing counts from now on; returns who is to be told.
    fileprivate mutating func end() -> CheckedContinuation<[RESPValue], any Error>? {
        isOver = true
        defer { continuation = nil }
        return continuation
    }
}
