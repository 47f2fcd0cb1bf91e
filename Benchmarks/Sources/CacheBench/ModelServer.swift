#if Summaries
import Foundation
import Synchronization

/// A server on this machine that answers every request with a summary, so late as a language model would.
///
/// It speaks just enough HTTP/1.1 for one client: requests with a length, connections that are kept, a thread each.
final class ModelServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let latency: Duration

    init(latency: Duration) throws {
        self.latency = latency
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (descriptor, size) = (listener, length)
        let isListening = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, size) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard isListening else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw BenchError("no server for the model: \(reason)")
        }
        port = UInt16(bigEndian: address.sin_port)
        let thread = Thread { [listener, latency] in
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 { return }
                let thread = Thread { Self.serve(connection, latency) }
                thread.start()
            }
        }
        thread.start()
    }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private static func serve(_ connection: Int32, _ latency: Duration) {
        defer { close(connection) }
        var received: [UInt8] = []
        while let body = nextRequest(connection, &received) {
            usleep(UInt32(latency / .microseconds(1)))
            let answer = summary(of: body)
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(answer.count)\r\n\r\n"
            let response = Array(head.utf8) + answer
            let sent = send(connection, response, response.count, Int32(MSG_NOSIGNAL))
            guard sent == response.count else { return }
        }
    }

    /// The body of the next request; nil once the client has gone.
    private static func nextRequest(_ connection: Int32, _ received: inout [UInt8]) -> [UInt8]? {
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            if let end = received.firstRange(of: Array("\r\n\r\n".utf8)) {
                let head = String(decoding: received[..<end.lowerBound], as: UTF8.self).lowercased()
                let field = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                let length = field.flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
                if received.count >= end.upperBound + length {
                    let body = Array(received[end.upperBound..<end.upperBound + length])
                    received.removeFirst(end.upperBound + length)
                    return body
                }
            }
            let count = recv(connection, &part, part.count, 0)
            if count <= 0 { return nil }
            received += part[..<count]
        }
    }

    /// A summary of the length that summaries have, from what was asked.
    private static func summary(of body: [UInt8]) -> [UInt8] {
        let text = String(decoding: body, as: UTF8.self)
        let fields: [String: Any] = [
            "summary": String(repeating: "The user asks about \(text) and gets an answer step by step. ", count: 8),
            "request": text, "topic": "a topic in a few words", "languages": ["English"], "task": "explaining",
            "concerning_score": 1, "user_frustration": 2, "assistant_errors": ["The first answer left a case out."],
        ]
        return (try? JSONSerialization.data(withJSONObject: fields, options: .sortedKeys)).map { Array($0) } ?? []
    }
}
#endif
