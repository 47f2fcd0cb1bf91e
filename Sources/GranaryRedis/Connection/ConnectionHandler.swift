internal import Granary
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
    private let timeout: Duration
    private let deadline: Scheduled<Void>
    private let greeting: RESPCommand

    private var context: ChannelHandlerContext?
    private var parser = RESPParser()
    /// What is being answered, to have its memory.
    private var replies: [RESPValue] = []
    /// Replies to the greeting that have not come.
    private var greetingsLeft: Int
    private var inFlight = CircularBuffer<Request>()
    /// How many were answered: the number of the first that is in flight.
    private var answered = 0
    /// Bytes that went out in whole parts, by the number of their request, while it is in flight.
    private var sentParts: [Int: Int] = [:]
    /// What is being sent, to have its memory.
    private var outgoing: [Request] = []
    /// How long the next reply may take.
    private var limit: TransferLimit
    /// When the bytes came that are being read.
    private var readAt: Int64 = 0
    private var nextLook: (task: Scheduled<Void>, moment: Int64)?
    private var hasEnded = false

    init(_ connection: Connection, _ server: RedisServer, timeout: Duration, deadline: Scheduled<Void>) {
        self.connection = connection
        self.server = server
        self.timeout = timeout
        limit = TransferLimit(timeout: timeout, at: Self.now)
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
        // Closing can bring what was still to be read, while this is at it.
        guard !hasEnded else { return }
        let bytes = unwrapInboundIn(data)
        readAt = Self.now
        limit.note(received: bytes.readableBytes, at: readAt)
        // Who is answered may well ask again before this turn of the loop has ended.
        if greetingsLeft == 0 { connection.announceLook() }
        var failure: RESPError?
        do {
            try parser.parse(bytes.readableBytesUInt8Span, into: &replies)
        } catch {
            failure = error
        }
        for place in replies.indices { take(exchange(&replies[place], with: .null)) }
        replies.removeAll(keepingCapacity: true)
        if let failure {
            end(.init(.protocolViolation, server: server.address, detail: Self.detail(of: failure)))
        }
        if !hasEnded, !inFlight.isEmpty { watch(context) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Behind what other connections have read in this turn of the loop, so that more goes out in one write.
        context.eventLoop.assumeIsolated().execute { self.sendWaiting() }
    }

    private static func detail(of error: RESPError) -> String {
        "what came is not what Redis says (\(error)); check that a Redis server listens there, and whether it wants TLS"
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let isWithdrawn = RedisCacheError.isOfTheServers(error)
        end(RedisCacheError(during: greetingsLeft > 0, error, with: server), isWithdrawn: isWithdrawn)
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
        end(.init(.connectionLost, server: server.address, detail: detail), isWithdrawn: true)
    }

    // MARK: Replies

    private func take(_ reply: consuming RESPValue) {
        if case .push = reply { return limit.discountReceived() }
        if hasEnded { return }
        limit.restart(at: readAt)
        if greetingsLeft > 0 { return greet(reply) }
        guard let request = inFlight.first else {
            let detail = "the server answers what nobody asked"
            return end(.init(.protocolViolation, server: server.address, detail: detail))
        }
        if request.lacksOne {
            inFlight.removeFirst()
            if !sentParts.isEmpty { sentParts[answered] = nil }
            answered += 1
            // Before whoever waits goes on: the next call would find that all owe answers, and open another connection.
            connection.noteAnswer()
        }
        request.take(consume reply)
        // What has gone out for the next reply may not have come to the server yet.
        if !sentParts.isEmpty, let count = sentParts[answered] { limit.note(sent: count, at: readAt) }
    }

    private func greet(_ reply: RESPValue) {
        if case .error(let text) = reply { return end(RedisCacheError(reply: text, from: server)) }
        greetingsLeft -= 1
        guard greetingsLeft == 0 else { return }
        deadline.cancel()
        // What waits goes out once this read is over: a write that fails can bring the next one with it.
        connection.letIn()
    }

    // MARK: Requests

    /// Sends what has come together.
    func sendWaiting() {
        guard let context, !hasEnded, greetingsLeft == 0 else { return }
        connection.takeWaiting(into: &outgoing)
        guard !outgoing.isEmpty else { return }
        defer { outgoing.removeAll(keepingCapacity: true) }
        if inFlight.isEmpty { limit.restart(at: Self.now) }
        let length = outgoing.reduce(0) { $0 + min($1.command.bytes.count, Self.partLength) }
        var buffer = context.channel.allocator.buffer(capacity: min(length, Self.partLength))
        for request in outgoing {
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
        watch(context)
    }

    private func write(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        guard buffer.readableBytes == Self.partLength else {
            return context.write(wrapOutboundOut(buffer), promise: nil)
        }
        // The part is of the request that was put in flight last, and maybe of some before it.
        let number = answered + inFlight.count - 1
        context.write(wrapOutboundOut(buffer)).assumeIsolated().whenSuccess {
            guard self.answered <= number else { return }
            self.sentParts[number, default: 0] += Self.partLength
            // What goes out of a later one is no sign that the first will be answered.
            if self.answered == number { self.limit.note(sent: Self.partLength, at: Self.now) }
        }
    }

    /// Looks at the moment whether the server takes too long. One look is planned at a time, however many requests come and
    /// go; it is moved only where less is due than was, as behind a large request that had time to be sent.
    private func watch(_ context: ChannelHandlerContext) {
        let deadline = limit.deadline
        if let nextLook {
            guard deadline < nextLook.moment else { return }
            nextLook.task.cancel()
        }
        let moment = NIODeadline.uptimeNanoseconds(UInt64(clamping: deadline))
        // A weak reference would make every use of the handler slower.
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: moment) { self.look() }
        nextLook = (task, deadline)
    }

    private func look() {
        nextLook = nil
        guard let context, !hasEnded, !inFlight.isEmpty else { return }
        guard limit.deadline <= Self.now else { return watch(context) }
        let slowness = "nothing of an answer that was due came for \(timeout), or too little of it"
        let remedy = "see what keeps the server busy, or raise commandTimeout"
        let error = RedisCacheError(.timedOut, server: server.address, detail: "\(slowness); \(remedy)")
        // The others may not have waited for as long, and get their second try, as far as they only read.
        let request = inFlight.removeFirst()
        end(error)
        // Now that nobody is given this connection any more.
        request.fail(error)
    }

    private static var now: Int64 { Int64(clamping: NIODeadline.now().uptimeNanoseconds) }

    // MARK: End

    /// Closes the connection, and gives back what it owes an answer.
    func end(_ error: RedisCacheError, isWithdrawn: Bool = false) {
        guard !hasEnded else { return }
        hasEnded = true
        deadline.cancel()
        nextLook?.task.cancel()
        let sent = Array(inFlight)
        inFlight.removeAll()
        context?.close(promise: nil)
        connection.end(error, isWithdrawn: isWithdrawn, sent: sent)
    }
}
