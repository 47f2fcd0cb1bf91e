internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// A few connections with one server, made when they are needed. Requests go to the one that owes the fewest answers, those
/// of one moment together.
///
/// Nothing happens by itself: a connection that broke is made anew by the next request, and one that could not be made is
/// tried again by the first request after the back-off.
final class Pool: Sendable {
    fileprivate struct State {
        var connections: [Connection] = []
        /// Connections that ended after they were let in.
        var breaks = 0
        /// Attempts to connect that failed since then, but for those that broke along with one that was let in.
        var failures = 0
        /// When connecting may be tried again, and why it may not before.
        var retryAt: ContinuousClock.Instant?
        var lastError: RedisCacheError?
        var isClosed = false
    }

    private enum Choice {
        case send(Connection)
        case fail(RedisCacheError)
    }

    let server: RedisServer
    /// One for all: it keeps up with a server, which has one thread as well, and what several connections read and send in
    /// a turn of it costs one wake-up.
    private let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    private let tls: NIOSSLContext?
    private let options: RedisCacheOptions
    /// Guards the above; no other lock is taken inside it.
    private let state = Mutex(State())

    init(_ server: RedisServer, _ options: RedisCacheOptions) throws(RedisCacheError) {
        self.server = server
        self.options = options
        tls = try server.tls?.context(for: server)
    }

    // MARK: Requests

    /// Sends the commands and waits for their replies. A task that is cancelled stops waiting unless it has to be seen
    /// through; commands on their way go on.
    ///
    /// - Throws: `RedisCacheError` where no replies came, and `CancellationError`.
    nonisolated(nonsending) func replies(
        to command: RESPCommand,
        isRepeatable: Bool = true,
        isSeenThrough: Bool = false
    ) async throws -> [RESPValue] {
        let request = Request(command, isRepeatable: isRepeatable)
        let replies = try await replies(to: request, isSeenThrough: isSeenThrough) { self.send(request) }
        return [replies.first] + replies.others
    }

    /// The same for one command.
    ///
    /// - Throws: as `replies`.
    nonisolated(nonsending) func reply(
        to command: RESPCommand,
        isRepeatable: Bool = true,
        isSeenThrough: Bool = false
    ) async throws -> RESPValue {
        let request = Request(command, isRepeatable: isRepeatable)
        return try await replies(to: request, isSeenThrough: isSeenThrough) { self.send(request) }.first
    }

    private nonisolated(nonsending) func replies(
        to request: Request,
        isSeenThrough: Bool,
        _ send: () -> Void
    ) async throws -> Request.Replies {
        try await withTaskCancellationHandler {
            // A checked continuation costs an allocation; `Request` sees to it that each is resumed once.
            try await withUnsafeThrowingContinuation { continuation in
                if request.await(continuation) { send() }
            }
        } onCancel: {
            if !isSeenThrough { request.cancel() }
        }
    }

    private func send(_ request: Request) {
        while true {
            switch choose() {
            case .fail(let error): return request.fail(error)
            case .send(let connection):
                if connection.enqueue(request) { return }
                // It has ended; what it gives back comes along another way.
                state.withLock { $0.remove(connection) }
            }
        }
    }

    private func choose() -> Choice {
        let (choice, opened) = state.withLock { state -> (Choice, Connection?) in
            guard !state.isClosed else { return (.fail(closed), nil) }
            if let gathering = state.gathering { return (.send(gathering), nil) }
            let best = state.leastLoaded
            if let best, !best.isReady || best.load == 0 || state.connections.count >= options.connections {
                return (.send(best), nil)
            }
            if let retryAt = state.retryAt, let error = state.lastError, retryAt > options.reconnection.now() {
                return (best.map { .send($0) } ?? .fail(error), nil)
            }
            let connection = addConnection(&state)
            return (.send(best ?? connection), connection)
        }
        opened?.open(to: server, tls: tls, options)
        return choice
    }

    // MARK: Ends

    /// What may be sent again goes to a connection that was made since: what broke one may have broken the others, unseen
    /// as yet.
    private func ended(_ connection: Connection, _ ending: Connection.Ending) {
        var (again, over): ([Request], [Request]) = ([], [])
        for request in ending.sent {
            if request.prepareToRepeat() { again.append(request) } else { over.append(request) }
        }
        let (next, isNew) = state.withLock { state -> (Connection?, Bool) in
            state.note(ending, of: connection, options.reconnection)
            guard !state.isClosed, !again.isEmpty || !ending.unsent.isEmpty else { return (nil, false) }
            // As many as may be without this one: the last was made since it broke.
            if state.connections.count >= options.connections { return (state.connections.last, false) }
            // Else what waited for one that could not be made goes along with what others wait for.
            return state.retryAt == nil ? (addConnection(&state), true) : (state.connections.last, false)
        }
        for request in ending.unsent {
            // To wait for another one that others wait for, too, is no second try.
            let mayGo = (!ending.wasReady && !isNew) || request.prepareToRepeat(always: true)
            if mayGo { again.append(request) } else { over.append(request) }
        }
        for request in over { request.fail(ending.error) }
        for request in again where next?.enqueue(request) != true { request.fail(ending.error) }
        if isNew { next?.open(to: server, tls: tls, options) }
    }

    private func addConnection(_ state: inout State) -> Connection {
        let connection = Connection(on: eventLoop, breaksBefore: state.breaks) { [self] in ended($0, $1) }
        state.connections.append(connection)
        return connection
    }

    private var closed: RedisCacheError {
        RedisCacheError(.closed, server: server.address, detail: "the cache is closed; open another one")
    }

    /// Waits until every connection has answered what it was asked before.
    func flush() async throws {
        for connection in state.withLock({ $0.connections }) {
            let request = Request(RESPCommand("PING"), isRepeatable: false)
            _ = try await replies(to: request, isSeenThrough: true) {
                // One that has ended owes nothing.
                if !connection.enqueue(request) { request.take(.null) }
            }
        }
    }

    /// Takes no further requests, waits for the answers to those that there are, and closes the connections.
    func close() async {
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        // A connection that breaks on the way has told those who waited.
        if !wasClosed { try? await flush() }
        abandon()
    }

    /// Closes the connections, whatever is on its way.
    func abandon() {
        let connections = state.withLock { state in
            defer { state.connections = [] }
            state.isClosed = true
            return state.connections
        }
        for connection in connections { connection.shutDown(closed) }
    }
}

extension Pool.State {
    /// The connection whose next write is being put together, if there is one.
    fileprivate var gathering: Connection? {
        connections.firstIndex(where: \.isGathering).map { connections[$0] }
    }

    /// The connection to ask: one that is ready before one that is not, and of those the one that owes the fewest answers.
    fileprivate var leastLoaded: Connection? {
        var best: (place: Int, isReady: Bool, load: Int)?
        // By places: to pass connections around costs more than to compare them.
        for place in connections.indices {
            let (isReady, load) = (connections[place].isReady, connections[place].load)
            guard let other = best else {
                best = (place, isReady, load)
                continue
            }
            if isReady != other.isReady ? isReady : load < other.load { best = (place, isReady, load) }
        }
        return best.map { connections[$0.place] }
    }

    fileprivate mutating func note(
        _ ending: Connection.Ending,
        of connection: Connection,
        _ reconnection: RedisReconnection
    ) {
        remove(connection)
        if ending.wasReady {
            breaks += 1
            failures = 0
            retryAt = nil
        } else if ending.error.code != .connectionLost || connection.breaksBefore == breaks {
            failures += 1
            lastError = ending.error
            retryAt = reconnection.now() + reconnection.wait(afterFailures: failures)
        }
        // Else it was dropped along with one that had been let in, and says no more of the server than that one.
    }

    fileprivate mutating func remove(_ connection: Connection) {
        connections.removeAll { $0 === connection }
    }
}
