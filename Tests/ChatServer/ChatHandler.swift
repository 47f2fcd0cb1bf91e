import Foundation
import NIOCore
import NIOHTTP1

/// Answers requests with bytes as the behaviour says: no encoder stands in between that would make them correct.
final class ChatHandler: ChannelInboundHandler, Sendable {
    typealias InboundIn = NIOHTTPServerRequestFull

    private let journal: Journal

    init(journal: Journal) { self.journal = journal }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let request = unwrapInboundIn(data)
        let channel = context.channel
        let parts = request.head.uri.split(separator: "/").map(String.init)
        guard let run = parts.first, parts.count > 1 else {
            let answer = Behaviour.response(200, journal.json(parts.first ?? ""))
            channel.writeAndFlush(ByteBuffer(bytes: answer), promise: nil)
            return
        }
        let body = request.body.map { String(buffer: $0) } ?? ""
        let authorization = request.head.headers.first(name: "Authorization")
        let target = parts.dropFirst(2).joined(separator: "/")
        let number = journal.begin(run, target: target, authorization: authorization, body: body)
        let script = parts[1].split(separator: ",").map(String.init)
        let name = script[min(number, script.count - 1)]
        let behaviour: Behaviour
        if let answer = DatasetViewer.answer(to: target, authorization: authorization) {
            behaviour = Behaviour(name, answer: answer)
        } else {
            let object = (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any]
            behaviour = Behaviour(name, request: object ?? [:])
        }
        channel.eventLoop.scheduleTask(in: .milliseconds(Int64(behaviour.delayMilliseconds))) { [journal] in
            if behaviour.drips { return Self.drip(behaviour.bytes[...], to: channel) }
            journal.willAnswer(run)
            let sent = channel.writeAndFlush(ByteBuffer(bytes: behaviour.bytes))
            sent.whenSuccess {
                if !behaviour.bytes.isEmpty { journal.answered(run, number) }
                if behaviour.closes { channel.close(promise: nil) }
            }
        }
    }

    private static func drip(_ bytes: ArraySlice<UInt8>, to channel: any Channel) {
        guard let byte = bytes.first, channel.isActive else { return }
        channel.writeAndFlush(ByteBuffer(bytes: [byte]), promise: nil)
        channel.eventLoop.scheduleTask(in: .seconds(1)) { drip(bytes.dropFirst(), to: channel) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
