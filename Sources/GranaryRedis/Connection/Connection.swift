internal import Granary
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// One connection with the server, as seen from any thread: it takes requests from the moment it is made, sends them once
/// the server has let it in, and gives back those that it could not bring to an end.
///
/// Requests are handed over under a lock. The first one wakes the event loop, which sends all that have come together by
/// then in one write. Until it does, the connection gathers: what else is asked meanwhile had better come along than be a
/// write of another connection, which costs both sides as much as a dozen small requests.
final class Connection: Sendable {
    /// How a connection ended.
    struct Ending: Sendable {
        let error: RedisCacheError
        /// Whether the server had let it in.
        let wasReady: Bool
        /// Whether it was the server that let it go, who does nothing then of what it has not read.
        let isWithdrawn: Bool
        /// Requests that were sent and not answered, in their order.
        let sent: [Request]
        /// Requests that were never sent.
        let unsent: [Request]
    }

    /// Bytes of requests from which on it gathers no more: nobody should wait for long requests of others.
    static let mostGatheredBytes = 64 << 10

    private enum Phase { case connecting, ready, ended }

    private struct State {
        var phase = Phase.connecting
        var waiting: [Request] = []
        var waitingBytes = 0
        /// The event loop is going to look at what waits.
        var isLookDue = false
        var handler: NIOLoopBound<ConnectionHandler>?
    }

    /// Guards the above; no other lock is taken inside it.
    private let state = Mutex(State())
    private let eventLoop: any EventLoop
    /// How many connections had broken before it was made.
    let breaksBefore: Int
    private let whenEnded: @Sendable (Connection, Ending) -> Void
    private let unanswered = Atomic(0)
    private let isLetIn = Atomic(false)
    private let gathers = Atomic(false)

    init(
        on eventLoop: any EventLoop,
        breaksBefore: Int = 0,
        whenEnded: @escaping @Sendable (Connection, Ending) -> Void
    ) {
        self.eventLoop = eventLoop
        self.breaksBefore = breaksBefore
        self.whenEnded = whenEnded
    }

    /// Requests that lack an answer, or lacked one when it ended.
    var load: Int { unanswered.load(ordering: .relaxed) }
    /// Whether the server has let it in.
    var isReady: Bool { isLetIn.load(ordering: .relaxed) }

    /// Whether something waits for the event loop's look, and more may join it.
    var isGathering: Bool { gathers.load(ordering: .relaxed) }

    // MARK: Connecting

    /// Connects, within the timeout.
    func open(to server: RedisServer, tls: NIOSSLContext?, _ options: RedisCacheOptions) {
        let timeout = TimeAmount.nanoseconds(options.connectTimeout)
        let deadline = eventLoop.scheduleTask(in: timeout) { [self] in
            let silence = "the server did not let the connection in within \(options.connectTimeout)"
            let remedy = "see whether it hangs, and whether it speaks TLS (rediss://) or does not (redis://)"
            close(.init(.timedOut, server: server.address, detail: "\(silence); \(remedy)"))
        }
        ClientBootstrap(group: eventLoop)
            // A little later, so that the two cannot be confused.
            .connectTimeout(timeout + .milliseconds(50))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: server.host, port: server.port)
            .flatMapThrowing { [self] channel in
                do {
                    try take(channel, server, tls, options, deadline)
                } catch {
                    channel.close(promise: nil)
                    throw error
                }
            }
            .whenFailure { [self] error in
                deadline.cancel()
                end(RedisCacheError(connecting: error, to: server))
            }
    }

    /// Signs in over the channel, unless the connection has ended meanwhile.
    private func take(
        _ channel: any Channel,
        _ server: RedisServer,
        _ tls: NIOSSLContext?,
        _ options: RedisCacheOptions,
        _ deadline: Scheduled<Void>
    ) throws {
        let handler = ConnectionHandler(self, server, timeout: options.commandTimeout, deadline: deadline)
        let isWanted = state.withLock { state in
            guard state.phase == .connecting else { return false }
            state.handler = NIOLoopBound(handler, eventLoop: eventLoop)
            return true
        }
        guard isWanted else { return channel.close(promise: nil) }
        if let tls { try channel.pipeline.syncOperations.addHandler(Self.tlsHandler(tls, server)) }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// Servers known by an address have no name to tell them (RFC 6066, 3); the certificate is checked for the address.
    private static func tlsHandler(_ tls: NIOSSLContext, _ server: RedisServer) throws -> NIOSSLClientHandler {
        let isAddress = (try? SocketAddress(ipAddress: server.host, port: server.port)) != nil
        return try NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : server.host)
    }

    // MARK: From any thread

    /// Takes the request; false if the connection has ended.
    func enqueue(_ request: Request) -> Bool {
        let handler = state.withLock { state -> NIOLoopBound<ConnectionHandler>?? in
            guard state.phase != .ended else { return nil }
            state.waiting.append(request)
            state.waitingBytes += request.command.bytes.count
            unanswered.add(1, ordering: .relaxed)
            guard state.phase == .ready else { return .some(nil) }
            gathers.store(state.waitingBytes < Self.mostGatheredBytes, ordering: .relaxed)
            if state.isLookDue { return .some(nil) }
            state.isLookDue = true
            return state.handler
        }
        guard let handler else { return false }
        if let handler { eventLoop.execute { handler.value.sendWaiting() } }
        return true
    }

    /// Ends it, whatever is on its way.
    func shutDown(_ error: RedisCacheError) {
        eventLoop.execute { [self] in close(error) }
    }

    // MARK: From the event loop

    /// The server has let the connection in.
    func letIn() {
        state.withLock { $0.phase = .ready }
        isLetIn.store(true, ordering: .relaxed)
    }

    /// What waits is going to be looked at without anybody waking the event loop.
    func announceLook() { state.withLock { $0.isLookDue = true } }

    /// Moves what waits to be sent into the array, which is empty and whose memory serves for what comes next.
    func takeWaiting(into requests: inout [Request]) {
        state.withLock { state in
            state.isLookDue = false
            state.waitingBytes = 0
            gathers.store(false, ordering: .relaxed)
            swap(&state.waiting, &requests)
        }
    }

    /// A request has been answered.
    func noteAnswer() { unanswered.subtract(1, ordering: .relaxed) }

    /// Closes the channel if there is one, and ends.
    private func close(_ error: RedisCacheError) {
        if let handler = state.withLock({ $0.handler }) { handler.value.end(error) } else { end(error) }
    }

    /// Nothing is sent from now on; what was sent and not answered is given back along with what was not sent.
    func end(_ error: RedisCacheError, isWithdrawn: Bool = false, sent: [Request] = []) {
        let ending = state.withLock { state -> Ending? in
            guard state.phase != .ended else { return nil }
            let ending = Ending(
                error: error,
                wasReady: state.phase == .ready,
                isWithdrawn: isWithdrawn,
                sent: sent,
                unsent: state.waiting
            )
            state.phase = .ended
            state.waiting = []
            state.handler = nil
            gathers.store(false, ordering: .relaxed)
            return ending
        }
        isLetIn.store(false, ordering: .relaxed)
        if let ending { whenEnded(self, ending) }
    }
}

extension TimeAmount {
    /// The duration, as far as the event loop can tell it.
    static func nanoseconds(_ duration: Duration) -> TimeAmount { .nanoseconds(duration.cappedNanoseconds) }
}
