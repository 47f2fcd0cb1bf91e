internal import NIOCore
internal import NIOSSL

/// One connection with the server, as seen from its event loop: signs in, sends what waits, and gives each reply to the
/// request that has waited longest, as the server answers in the order of the commands.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A command that is longer goes out in parts, so that what went out shows that the server is alive.
    private static let partLength = 256 << 10

    private let connection: Connection
    private let server: RedisServer
    private let timeout: TimeAmount
    private let deadline: Scheduled<Void>
    private let greeting: RESPCommand

    private var context: ChannelHandlerContext?
    private var parser = RESPParser()
    /// Replies to the greeting that have not come.
    private var greetingsLeft: Int
    private var inFlight = CircularBuffer<Request>()
    /// When something last came or went.
    private var lastProgress = NIODeadline.now()
    private var nextLook: Scheduled<Void>?
    private var hasEnded = false

    init(_ connection: Connection, _ server: RedisServer, timeout: Duration, deadline: Scheduled<Void>) {
        self.connection = connection
        self.server = server
        self.timeout = .nanoseconds(timeout)
        self.deadline = deadline
        var greeting = RESPCommand()
        let signingIn = server.credentials.map { ["AUTH", $0.user, $0.password] } ?? []
        greeting.append("HELLO", (["3"] + signingIn).map { Array($0.utf8) })
        if server.database != 0 { greeting.append("SELECT", [Array("\(server.database)".utf8)]) }
        self.greeting = greeting
        greetingsLeft = greeting.replyCount
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        // It may have been closed since it was made.
        guard context.channel.isActive else { return noteClosed() }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: greeting.bytes)), promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastProgress = .now()
        let bytes = unwrapInboundIn(data)
        do {
            try parser.parse(bytes.readableBytesUInt8Span) { take($0) }
        } catch {
            end(.init(.protocolViolation, server: server.address, detail: Self.detail(of: error)))
        }
    }

    private static func detail(of error: RESPError) -> String {
        "what came is not what Redis says (\(error)); check that a Redis server listens there, and whether it wants TLS"
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(RedisCacheError(during: greetingsLeft > 0, error, with: server))
    }

    func channelInactive(context: ChannelHandlerContext) {
        noteClosed()
        context.fireChannelInactive()
    }

    private func noteClosed() {
        let detail =
            greetingsLeft > 0
            ? "the server closed the connection before it let it in; check whether it wants TLS (rediss://)"
            : "the server closed the connection; try again"
        end(.init(.connectionLost, server: server.address, detail: detail))
    }

    // MARK: Replies

    private func take(_ reply: RESPValue) {
        if case .push = reply { return }
        if hasEnded { return }
        if greetingsLeft > 0 { return greet(reply) }
        guard let request = inFlight.first else {
            let detail = "the server answers what nobody asked"
            return end(.init(.protocolViolation, server: server.address, detail: detail))
        }
        if request.take(reply) {
            inFlight.removeFirst()
            connection.noteAnswer()
        }
    }

    private func greet(_ reply: RESPValue) {
        if case .error(let text) = reply { return end(RedisCacheError(reply: text, from: server)) }
        greetingsLeft -= 1
        guard greetingsLeft == 0 else { return }
        deadline.cancel()
        connection.letIn()
        sendWaiting()
    }

    // MARK: Requests

    /// Sends what has come together.
    func sendWaiting() {
        guard let context, !hasEnded else { return }
        let requests = connection.takeWaiting()
        guard !requests.isEmpty else { return }
        if inFlight.isEmpty { lastProgress = .now() }
        let length = requests.reduce(0) { $0 + min($1.command.bytes.count, Self.partLength) }
        var buffer = context.channel.allocator.buffer(capacity: min(length, Self.partLength))
        for request in requests {
            inFlight.append(request)
            var rest = request.command.bytes[...]
            while buffer.readableBytes + rest.count > Self.partLength {
                let part = rest.prefix(Self.partLength - buffer.readableBytes)
                buffer.writeBytes(part)
                rest = rest[part.endIndex...]
                write(buffer, context)
                buffer.clear()
            }
            buffer.writeBytes(rest)
        }
        write(buffer, context)
        context.flush()
        watch(context, until: lastProgress + timeout)
    }

    private func write(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        guard buffer.readableBytes == Self.partLength else {
            return context.write(wrapOutboundOut(buffer), promise: nil)
        }
        context.write(wrapOutboundOut(buffer)).assumeIsolated().whenSuccess { self.lastProgress = .now() }
    }

    /// Looks at the moment whether the server has been silent for too long. One look is planned at a time, however many
    /// requests come and go.
    private func watch(_ context: ChannelHandlerContext, until moment: NIODeadline) {
        guard nextLook == nil else { return }
        // A weak reference would make every use of the handler slower.
        nextLook = context.eventLoop.assumeIsolated().scheduleTask(deadline: moment) { self.look() }
    }

    private func look() {
        nextLook = nil
        guard let context, !hasEnded, !inFlight.isEmpty else { return }
        let moment = lastProgress + timeout
        guard moment <= .now() else { return watch(context, until: moment) }
        let silence = "the server said nothing for \(timeout.nanoseconds / 1_000_000) ms while an answer was due"
        let remedy = "see what keeps it busy, or raise commandTimeout"
        let error = RedisCacheError(.timedOut, server: server.address, detail: "\(silence); \(remedy)")
        // The others may not have waited for as long, and get their second try.
        inFlight.removeFirst().fail(error)
        end(error)
    }

    // MARK: End

    /// Closes the connection, and gives back what it owes an answer.
    func end(_ error: RedisCacheError) {
        guard !hasEnded else { return }
        hasEnded = true
        deadline.cancel()
        nextLook?.cancel()
        let sent = Array(inFlight)
        inFlight.removeAll()
        context?.close(promise: nil)
        connection.end(error, sent: sent)
    }
}
