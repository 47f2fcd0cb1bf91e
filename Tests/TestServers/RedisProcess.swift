import Foundation
import Synchronization

/// A redis-server of a test's own, on a port of its own, in a directory that goes with it. It ends with the test process,
/// however that ends.
package final class RedisProcess: Sendable {
    package struct NotStarted: Error, CustomStringConvertible {
        package let description: String
    }

    package let port: Int
    package let directory: String
    private let arguments: [String]
    private let running: Mutex<Running?> = Mutex(nil)

    /// Starts a server with the arguments behind its own; with TLS it listens for nothing else.
    package init(_ arguments: [String] = [], tls: TestCertificates? = nil) async throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "granary-redis-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        directory = url.path
        port = try freePort()
        let listening =
            if let tls {
                [
                    "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", tls.certificate, "--tls-key-file",
                    tls.key,
                    "--tls-ca-cert-file", tls.authority, "--tls-auth-clients", "no",
                ]
            } else {
                ["--port", "\(port)"]
            }
        let fixed = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory]
        self.arguments = listening + fixed + arguments
        try await start()
    }

    deinit {
        running.withLock { $0?.end() }
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// The server's URL, with whatever stands behind the port.
    package func url(_ rest: String = "") -> String { "redis://127.0.0.1:\(port)\(rest)" }

    /// Starts it, or starts it again, and returns once it takes connections.
    package func start() async throws {
        let new = try Running(["redis-server"] + arguments)
        running.withLock { $0 = new }
        try await new.line(containing: "Ready to accept connections")
    }

    /// Kills it as the kernel does when memory is short, and returns once it is gone.
    package func kill() async throws {
        let old = running.withLock { $0 }
        old?.kill()
        try await old?.line(containing: "ended")
    }

    /// Stops it where it stands: the kernel still takes what is sent to it.
    package func freeze() { running.withLock { $0 }?.signal(SIGSTOP) }

    /// Lets it go on.
    package func thaw() { running.withLock { $0 }?.signal(SIGCONT) }
}

/// A child process, the lines that it wrote so far, and who waits for more.
private final class Running: Sendable {
    private struct State {
        var lines: [String] = []
        var hasEnded = false
        var waiting: [(text: String, CheckedContinuation<Void, any Error>)] = []
    }

    private let input = Pipe()
    private let state = Mutex(State())
    private let identifier: Mutex<pid_t> = Mutex(0)

    init(_ command: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        // The shell's input ends with this process, whatever becomes of it. It inherits blocked signals, by which other shells
        // than bash wait, and SIGTERM is among them.
        let script = """
            command -v "$1" > /dev/null || { echo "no $1: apt-get install redis-server"; exit 1; }
            exec 3<&0
            "$@" &
            child=$!
            echo "child $child"
            { read -r _ <&3; kill -9 "$child"; } &
            reader=$!
            wait "$child"
            kill -9 "$reader"
            echo ended
            """
        process.arguments = ["-c", script, "bash"] + command
        process.standardInput = input
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try output.fileHandleForWriting.close()
        Thread.detachNewThread { [self] in read(output.fileHandleForReading) }
    }

    private func read(_ handle: FileHandle) {
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        // FileHandle's own reading waits until as much is there as was asked for.
        while true {
            let count = Foundation.read(handle.fileDescriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            rest += buffer[..<count]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                take(String(decoding: rest[..<end], as: UTF8.self))
                rest.removeFirst(end + 1)
            }
        }
        let (waiting, lines) = state.withLock { state in
            state.hasEnded = true
            defer { state.waiting = [] }
            return (state.waiting, state.lines)
        }
        for (_, continuation) in waiting { continuation.resume(throwing: Self.error(lines)) }
    }

    private func take(_ line: String) {
        if line.hasPrefix("child "), let number = pid_t(line.dropFirst(6)) { identifier.withLock { $0 = number } }
        let waiting = state.withLock { state in
            state.lines.append(line)
            defer { state.waiting.removeAll { line.contains($0.text) } }
            return state.waiting.filter { line.contains($0.text) }
        }
        for (_, continuation) in waiting { continuation.resume() }
    }

    private static func error(_ lines: [String]) -> RedisProcess.NotStarted {
        RedisProcess.NotStarted(description: "redis-server ended:\n" + lines.joined(separator: "\n"))
    }

    func line(containing text: String) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let answer = state.withLock { state -> Result<Void, any Error>? in
                if state.lines.contains(where: { $0.contains(text) }) { return .success(()) }
                if state.hasEnded { return .failure(Self.error(state.lines)) }
                state.waiting.append((text, continuation))
                return nil
            }
            if let answer { continuation.resume(with: answer) }
        }
    }

    func kill() { signal(SIGKILL) }

    func signal(_ number: CInt) {
        let child = identifier.withLock { $0 }
        if child > 0 { _ = Foundation.kill(child, number) }
    }

    func end() {
        signal(SIGCONT)
        try? input.fileHandleForWriting.close()
    }
}

/// A port that nobody listens on at the moment.
package func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
        }
    }
    guard result == 0 else {
        throw RedisProcess.NotStarted(description: "no port: \(String(cString: strerror(errno)))")
    }
    return Int(UInt16(bigEndian: address.sin_port))
}
