import Glibc

/// What a child process does, by its first argument.
enum ChildRole: String {
    /// Sets and removes keys until it is killed; see `CrashTests`.
    case write
    /// Turns a store with a size limit over; see `LimitTests`.
    case turnOver = "turn-over"
    /// Reads beside a writer; see `BesideTests`.
    case read
    /// Measures what a directory takes; see `LimitTests`.
    case sample

    static func run(_ arguments: [String]) -> CInt {
        guard let role = arguments.first.flatMap(ChildRole.init) else { return 64 }
        let rest = Array(arguments.dropFirst())
        return switch role {
        case .write: CrashChild.run(rest)
        case .turnOver: TurnOver(rest)?.run() ?? 64
        case .read: ReadBeside(rest)?.run() ?? 64
        case .sample: DirectorySampler(rest)?.run() ?? 64
        }
    }

    /// One write a line: the kernel takes lines shorter than PIPE_BUF whole. Who cannot be heard any more ends.
    static func say(_ line: String) {
        var line = line + "\n"
        line.withUTF8 { bytes in
            if Glibc.write(1, bytes.baseAddress, bytes.count) != bytes.count { exit(0) }
        }
    }

    /// Says on standard error why the process ends with a failure.
    static func fail(_ message: String) -> Never {
        var line = message + "\n"
        line.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
        exit(3)
    }

    /// Waits so many milliseconds at most for the parent to say or close something; nil: neither happened.
    static func request(within milliseconds: CInt) -> Request? {
        var input = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
        guard poll(&input, 1, milliseconds) > 0 else { return nil }
        var byte: UInt8 = 0
        return Glibc.read(0, &byte, 1) == 1 ? .report : .end
    }

    enum Request {
        /// The parent wrote a byte: it wants to know how things stand.
        case report
        /// The parent closed its end.
        case end
    }

    static func monotonicMicroseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
    }

    /// A thread that runs the body once.
    static func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
        var handle = pthread_t()
        let context = Unmanaged.passRetained(Body(body)).toOpaque()
        let result = pthread_create(
            &handle,
            nil,
            { @Sendable argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            },
            context
        )
        guard result == 0 else { fail("the system refuses to start another thread") }
        return handle
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}
