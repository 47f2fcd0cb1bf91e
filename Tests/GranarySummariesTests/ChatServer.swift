import Foundation
import Glibc

/// The server in a process of its own that behaves as its clients' paths ask.
final class ChatServer: Sendable {
    /// What a run's requests were.
    struct Run: Decodable {
        struct Entry: Decodable {
            var target: String
            var authorization: String?
            var body: String
            /// Nanoseconds of the monotonic clock when the request was there, and when its answer was sent.
            var asked: UInt64
            var answered: UInt64?
        }
        var entries: [Entry]
        var mostUnderWay: Int
    }

    let port: Int
    private let process: Process
    /// Kept open: the server ends with it.
    private let input: Pipe

    init() throws {
        process = Process()
        input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appending(path: "chat-server")
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }

    /// The base URL at which the run's requests are answered one after another as the script says.
    func url(_ script: String, run: String) -> String { "http://127.0.0.1:\(port)/\(run)/\(script)" }

    /// What was asked in the run.
    func journal(_ run: String) throws -> Run {
        guard let url = URL(string: "http://127.0.0.1:\(port)/\(run)") else { throw CocoaError(.fileReadUnknown) }
        return try JSONDecoder().decode(Run.self, from: Self.body(of: url))
    }

    /// By a plain socket: no HTTP client is under test here.
    private static func body(of url: URL) throws -> Data {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(url.port ?? 0).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw CocoaError(.fileReadUnknown) }
        let request = Array("GET \(url.path) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        guard write(descriptor, request, request.count) == request.count else { throw CocoaError(.fileReadUnknown) }
        var received = Data()
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            if let end = received.range(of: Data("\r\n\r\n".utf8)) {
                let head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
                let length = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
                let count = length.flatMap { Int($0.dropFirst("Content-Length: ".count)) } ?? 0
                if received.count - end.upperBound >= count { return received[end.upperBound...] }
            }
            let count = read(descriptor, &part, part.count)
            guard count > 0 else { throw CocoaError(.fileReadUnknown) }
            received.append(contentsOf: part[..<count])
        }
    }
}
