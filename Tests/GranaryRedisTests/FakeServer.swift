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
