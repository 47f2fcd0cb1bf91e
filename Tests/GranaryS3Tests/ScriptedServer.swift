import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server in this process that answers with bytes as a test says: no encoder stands in between that would make
/// them correct.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        var method: String
        var target: String
        var headers: [String: String]
        var body: [UInt8]
    }

    enum Answer: Sendable {
        /// The bytes; the connection is closed behind them if it says so.
        case bytes([UInt8], closes: Bool = false)
        /// Nothing, for good.
        case silence
        /// The bytes, a little later.
        case later([UInt8])
        /// The pieces, one after the other with so much time between.
        case slowly([[UInt8]], TimeAmount)
        /// The bytes, once so many requests wait for theirs.
        case together(Int, [UInt8])
    }

    private struct State {
        var requests: [Request] = []
        var waiting: [@Sendable () -> Void] = []
        var inFlight = 0
        var mostInFlight = 0
    }

    private let state = Mutex(State())
    private let channel = Mutex<(any Channel)?>(nil)
    let port: Int

    /// Answers each request as the closure says, which is given its number, counted from 0.
    init(_ answer: @escaping @Sendable (Request, Int) -> Answer) async throws {
        let shared = Shared()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)),
                        NIOHTTPServerRequestAggregator(maxContentLength: 64 << 20),
                        Handler(shared: shared),
                    ])
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = server.localAddress?.port ?? 0
        channel.withLock { $0 = server }
        shared.handle.withLock { $0 = { [weak self] in self?.handle($0, $1, answer) } }
    }

    /// Answers the same each time.
    convenience init(always bytes: [UInt8]) async throws { try await self.init { _, _ in .bytes(bytes) } }

    /// Answers with one after another; the last one stays.
    convenience init(script: [Answer]) async throws {
        try await self.init { _, number in script[min(number, script.count - 1)] }
    }

    /// Ends listening.
    func close() async throws { try await channel.withLock { $0 }?.close().get() }

    deinit { channel.withLock { $0?.close(promise: nil) } }

    var endpoint: String { "http://127.0.0.1:\(port)" }
    var requests: [Request] { state.withLock { $0.requests } }
    /// Requests that waited for their answer at a time.
    var mostInFlight: Int { state.withLock { $0.mostInFlight } }

    private func handle(_ request: Request, _ channel: any Channel, _ answer: (Request, Int) -> Answer) {
        let number = state.withLock { state in
            state.requests.append(request)
            state.inFlight += 1
            state.mostInFlight = max(state.mostInFlight, state.inFlight)
            return state.requests.count - 1
        }
        switch answer(request, number) {
        case .silence: return
        case .bytes(let bytes, let closes):
            // An answer to HEAD ends with its head.
            let head = bytes.firstRange(of: Array("\r\n\r\n".utf8)).map { Array(bytes[..<$0.upperBound]) }
            send(request.method == "HEAD" ? head ?? bytes : bytes, to: channel, closes: closes)
        case .later(let bytes):
            channel.eventLoop.scheduleTask(in: .milliseconds(2)) { self.send(bytes, to: channel, closes: false) }
        case .slowly(let pieces, let pause):
            for (number, piece) in pieces.enumerated() {
                channel.eventLoop.scheduleTask(in: pause * number) {
                    channel.writeAndFlush(ByteBuffer(bytes: piece), promise: nil)
                }
            }
        case .together(let count, let bytes):
            let ready: [@Sendable () -> Void] = state.withLock { state in
                state.waiting.append { self.send(bytes, to: channel, closes: false) }
                guard state.waiting.count == count else { return [] }
                defer { state.waiting = [] }
                return state.waiting
            }
            for send in ready { send() }
        }
    }

    private func send(_ bytes: [UInt8], to channel: any Channel, closes: Bool) {
        state.withLock { $0.inFlight -= 1 }
        channel.writeAndFlush(ByteBuffer(bytes: bytes)).whenComplete { _ in
            if closes { channel.close(promise: nil) }
        }
    }

    /// An answer as it should be.
    static func response(_ status: Int, _ body: [UInt8] = [], headers: [String] = []) -> [UInt8] {
        let lines = ["HTTP/1.1 \(status) X", "Content-Length: \(body.count)"] + headers
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }

    /// An error of S3.
    static func failure(
        _ status: Int,
        _ code: String,
        message: String = "",
        more: String = "",
        headers: [String] = []
    ) -> [UInt8] {
        let body =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>\(code)</Code><Message>\(message)</Message>\(more)"
            + "</Error>"
        return response(status, Array(body.utf8), headers: headers)
    }

    private final class Shared: Sendable {
        let handle = Mutex<(@Sendable (Request, any Channel) -> Void)?>(nil)
    }

    private final class Handler: ChannelInboundHandler, Sendable {
        typealias InboundIn = NIOHTTPServerRequestFull
        private let shared: Shared

        init(shared: Shared) { self.shared = shared }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let full = unwrapInboundIn(data)
            let request = Request(
                method: full.head.method.rawValue,
                target: full.head.uri,
                headers: Dictionary(full.head.headers.map { ($0.name.lowercased(), $0.value) }) { $0 + "," + $1 },
                body: full.body.map { Array($0.readableBytesView) } ?? []
            )
            shared.handle.withLock { $0 }?(request, context.channel)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
