internal import Synchronization

/// Commands that are on their way together, and who waits for their replies.
final class Request: Sendable {
    /// When commands may be sent again that were sent and not answered.
    enum Repetition: Sendable {
        /// Whenever a connection ended: they only read.
        case always
        /// Where the server let the connection go: what it has not read by then it never does. Otherwise it may read them
        /// later, and do them after what was written meanwhile.
        case onceWithdrawn
        /// Never: done twice they answer something else.
        case never
    }

    let command: RESPCommand
    private let repetition: Repetition

    /// Replies in the order of their commands; most requests have one, for which no array is made.
    struct Replies: Sendable {
        var first: RESPValue
        var others: [RESPValue] = []
    }

    typealias Continuation = UnsafeContinuation<Replies, any Error>

    fileprivate struct State {
        var continuation: Continuation?
        /// All but the last one.
        var replies: Replies?
        var received = 0
        /// Whoever waited has got an answer, or has left.
        var isOver = false
        var wasRepeated = false
    }

    private let state = Mutex(State())

    init(_ command: RESPCommand, _ repetition: Repetition) {
        self.command = command
        self.repetition = repetition
    }

    /// Somebody waits from now on; false if they have left already.
    func await(_ continuation: Continuation) -> Bool {
        let isOver = state.withLock { state in
            if !state.isOver { state.continuation = continuation }
            return state.isOver
        }
        if isOver { continuation.resume(throwing: CancellationError()) }
        return !isOver
    }

    /// Whether the next reply is the last one. Replies are taken by one connection at a time, so that none comes between.
    var lacksOne: Bool { command.replyCount == 1 || state.withLock { $0.received + 1 == command.replyCount } }

    /// Takes the next reply.
    func take(_ reply: consuming RESPValue) {
        guard command.replyCount == 1 else { return takeNext(reply) }
        state.withLock { $0.end() }?.resume(returning: Replies(first: consume reply))
    }

    private func takeNext(_ reply: RESPValue) {
        let (continuation, earlier) = state.withLock { state -> (Continuation?, Replies?) in
            state.received += 1
            if state.received == command.replyCount { return (state.end(), state.replies.take()) }
            if !state.isOver, state.replies?.others.append(reply) == nil { state.replies = Replies(first: reply) }
            return (nil, nil)
        }
        guard let continuation else { return }
        if var replies = earlier {
            replies.others.append(reply)
            continuation.resume(returning: replies)
        } else {
            continuation.resume(returning: Replies(first: reply))
        }
    }

    /// Ends the waiting with the error.
    func fail(_ error: any Error) {
        state.withLock { $0.end() }?.resume(throwing: error)
    }

    /// Ends the waiting of somebody whose task is cancelled; the commands go their way.
    func cancel() { fail(CancellationError()) }

    /// Makes it as good as new if it may be sent again; `isWithdrawn` if the server let its connection go.
    func prepareToRepeat(isWithdrawn: Bool) -> Bool {
        switch repetition {
        case .always: prepareToGoAgain()
        case .onceWithdrawn: isWithdrawn && prepareToGoAgain()
        case .never: false
        }
    }

    /// The same of one that may have been sent or not; again once at most.
    func prepareToGoAgain() -> Bool {
        state.withLock { state in
            guard !state.isOver, !state.wasRepeated else { return false }
            state.wasRepeated = true
            state.received = 0
            state.replies = nil
            return true
        }
    }
}

extension Request.State {
    /// Nothing counts from now on; returns who is to be told.
    fileprivate mutating func end() -> Request.Continuation? {
        isOver = true
        defer { continuation = nil }
        return continuation
    }
}
