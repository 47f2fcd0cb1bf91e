import NIOCore
import NIOPosix

/// Something that listens where a Redis server should.
final class FakeServer: Sendable {
    /// What it does with each read of a connection: the pieces that it writes, each on its own, and whether it closes then.
    typealias Behaviour = @Sendable (_ read: Int, _ bytes: [UInt8]) -> (pieces: [[UInt8]], closes: Bool)

    /// How a Redis server answers HELLO.
    static let welcome = Array("%1\r\n$5\r\nproto\r\n:3\r\n".utf8)

    let port: Int
    private let channel: any Channel

    /// Writes the pieces with the pause between.
    init(pause: TimeAmount = .zero, _ behaviour: @escaping Behaviour) async throws {
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(behaviour, pause))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    deinit { channel.close(promise: nil) }

    var url: String { "redis://127.0.0.1:\(port)" }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let behaviour: Behaviour
        private let pause: TimeAmount
        private var reads = 0

        init(_ behaviour: @escaping Behaviour, _ pause: TimeAmount) {
            (self.behaviour, self.pause) = (behaviour, pause)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let (pieces, closes) = behaviour(reads, Array(unwrapInboundIn(data).readableBytesView))
            reads += 1
            let channel = context.channel
            for (number, piece) in pieces.enumerated() {
                if number == 0 || pause == .zero {
                    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: piece)), promise: nil)
                } else {
                    channel.eventLoop.scheduleTask(in: pause * number) {
                        channel.writeAndFlush(ByteBuffer(bytes: piece), promise: nil)
                    }
                }
            }
            if closes { context.close(promise: nil) }
        }
    }
}

/// A server at the end of a slow line: it reads a little at a time, lets in who signs in, and says OK once it has read
/// enough.
final class SlowServer: Sendable {
    let port: Int
    private let channel: any Channel

    /// Reads up to 64 KiB after each pause, no more after so many bytes, and answers when it has read those of the command.
    init(pause: TimeAmount, stopsAfter most: Int = .max, commandLength: Int) async throws {
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            // Connections have it from the listening socket; else the system would take megabytes ahead.
            .serverChannelOption(.socketOption(.so_rcvbuf), value: 512 << 10)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 64 << 10))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(pause, most, commandLength))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    deinit { channel.close(promise: nil) }

    var url: String { "redis://127.0.0.1:\(port)" }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let pause: TimeAmount
        private let most: Int
        private let commandLength: Int
        private var hasLetIn = false
        private var hasAnswered = false
        private var readCount = 0

        init(_ pause: TimeAmount, _ most: Int, _ commandLength: Int) {
            (self.pause, self.most, self.commandLength) = (pause, most, commandLength)
        }

        func channelActive(context: ChannelHandlerContext) { context.read() }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard hasLetIn else {
                hasLetIn = true
                return context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: FakeServer.welcome)), promise: nil)
            }
            readCount += unwrapInboundIn(data).readableBytes
            if readCount >= commandLength, !hasAnswered {
                hasAnswered = true
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "+OK\r\n")), promise: nil)
            }
        }

        func channelReadComplete(context: ChannelHandlerContext) {
            guard readCount < most else { return }
            let channel = context.channel
            channel.eventLoop.scheduleTask(in: pause) { channel.read() }
        }
    }
}
