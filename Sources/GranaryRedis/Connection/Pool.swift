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
        /// Those that were among them and have ended, whose requests have not been given to others yet.
        var leaving: [Connection] = []
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
    /// Guards the above; inside it those of connections and requests are taken, which take no other.
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
        repeated repetition: Request.Repetition = .always,
        isSeenThrough: Bool = false
    ) async throws -> [RESPValue] {
        let request = Request(command, repetition)
        let replies = try await replies(to: request, isSeenThrough: isSeenThrough) { self.send(request) }
        return [replies.first] + replies.others
    }

    /// The same for one command.
    ///
    /// - Throws: as `replies`.
    nonisolated(nonsending) func reply(
        to command: RESPCommand,
        repeated repetition: Request.Repetition = .always,
        isSeenThrough: Bool = false
    ) async throws -> RESPValue {
        let request = Request(command, repetition)
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
                state.withLock { $0.leave(connection) }
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
            let mayGo = request.prepareToRepeat(isWithdrawn: ending.isWithdrawn)
            if mayGo { again.append(request) } else { over.append(request) }
        }
        // In one step, so that whoever flushes finds the requests with one connection or with the other.
        let opened = state.withLock { state -> Connection? in
            state.note(ending, of: connection, options.reconnection)
            let (next, isNew) = successor(&state, isNeeded: !again.isEmpty || !ending.unsent.isEmpty)
            for request in ending.unsent {
                // To wait for another one that others wait for, too, is no second try.
                let mayGo = (!ending.wasReady && !isNew) || request.prepareToGoAgain()
                if mayGo { again.append(request) } else { over.append(request) }
            }
            for request in again where next?.enqueue(request) != true { over.append(request) }
            return isNew ? next : nil
        }
        for request in over { request.fail(ending.error) }
        opened?.open(to: server, tls: tls, options)
    }

    /// The connection for what one that has ended leaves, and whether it is a new one.
    private func successor(_ state: inout State, isNeeded: Bool) -> (Connection?, isNew: Bool) {
        guard isNeeded, !state.isClosed else { return (nil, false) }
        // As many as may be without that one: the last was made since it broke.
        if state.connections.count >= options.connections { return (state.connections.last, false) }
        // Else what waited for one that could not be made goes along with what others wait for.
        return state.retryAt == nil ? (addConnection(&state), true) : (state.connections.last, false)
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
    ///
    /// - Throws: `RedisCacheError` where one breaks that owes answers: what it was asked goes on with another, or has failed.
    func flush() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            // All at a time, so that those of a server that is silent run into their timeouts together.
            for connection in state.withLock({ $0.connections + $0.leaving }) {
                group.addTask { [self] in try await waitForAnswers(of: connection) }
            }
            try await group.waitForAll()
        }
    }

    private func waitForAnswers(of connection: Connection) async throws {
        // One that owes nothing may have been let go long ago, unseen as yet.
        if connection.load == 0 { return }
        let request = Request(RESPCommand("PING"), .never)
        _ = try await replies(to: request, isSeenThrough: true) {
            if !connection.enqueue(request) { request.fail(broken) }
        }
    }

    private var broken: RedisCacheError {
        RedisCacheError(.connectionLost, server: server.address, detail: "a connection broke meanwhile; try again")
    }

    /// Takes no further requests, waits for the answers to those that there are, and closes the connections.
    func close() async {
        state.withLock { $0.isClosed = true }
        // A connection that breaks on the way has told those who waited. A second closer waits just as long: to abandon
        // the connections would fail what the first one waits for.
        try? await flush()
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
        connections.removeAll { $0 === connection }
        leaving.removeAll { $0 === connection }
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

    /// Nothing goes to the connection any more, which has ended.
    fileprivate mutating func leave(_ connection: Connection) {
        guard let place = connections.firstIndex(where: { $0 === connection }) else { return }
        leaving.append(connections.remove(at: place))
    }
}
