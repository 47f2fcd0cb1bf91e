import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

// A chat completions server that behaves as its clients' paths ask, well or badly. It prints its port and ends with its
// standard input, so that it never outlives the test that started it.
let journal = Journal()
let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .serverChannelOption(.backlog, value: 256)
    .childChannelOption(.allowRemoteHalfClosure, value: false)
    .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandlers([
                ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)),
                NIOHTTPServerRequestAggregator(maxContentLength: 64 << 20),
                ChatHandler(journal: journal),
            ])
        }
    }
    .bind(host: "127.0.0.1", port: 0).get()
try FileHandle.standardOutput.write(contentsOf: Data("\(server.localAddress?.port ?? 0)\n".utf8))
await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
    Thread.detachNewThread {
        while readLine() != nil {}
        continuation.resume()
    }
}
exit(0)
