public import FoundationEssentials
internal import Granary

/// When a call that failed is made again: exponential back-off with full jitter (Brooker, "Exponential Backoff And
/// Jitter", AWS Architecture Blog, 2015), and never before the time that the server names in `Retry-After`.
public struct RetryPolicy: Sendable {
    /// How often a call is made again at most.
    public var maxRetries: Int
    /// The wait before the first retry is up to this long, before each further one up to twice as long as before.
    public var firstWait: Duration
    /// No wait for the sake of back-off is longer.
    public var longestWait: Duration
    /// A server that asks for a longer wait ends the call.
    public var longestRetryAfter: Duration
    /// Numbers from 0 up to, not including, 1.
    public var random: @Sendable () -> Double
    /// The time, for servers that name a moment.
    public var now: @Sendable () -> Date
    /// Waits.
    public var sleep: @Sendable (Duration) async throws -> Void

    /// The usual policy, with the system's clock and randomness unless others are given.
    public init(
        maxRetries: Int = 4,
        firstWait: Duration = .milliseconds(500),
        longestWait: Duration = .seconds(20),
        longestRetryAfter: Duration = .seconds(120),
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        now: @escaping @Sendable () -> Date = { Date() },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.maxRetries = maxRetries
        self.firstWait = firstWait
        self.longestWait = longestWait
        self.longestRetryAfter = longestRetryAfter
        self.random = random
        self.now = now
        self.sleep = sleep
    }

    /// Runs the body, and again while it fails in a way that may pass and retries are left.
    ///
    /// - Throws: what the body throws at last, and `CancellationError` once the task is cancelled.
    func run<Result, Failure: RetriableError>(
        retrying: Failure.Type,
        _ body: () async throws -> Result
    ) async throws -> Result {
        var retries = 0
        while true {
            do {
                return try await body()
            } catch let error as Failure {
                // A cancelled call may end as half an answer.
                try Task.checkCancellation()
                guard let wait = wait(beforeRetry: retries, after: error) else { throw error }
                try await sleep(wait)
                retries += 1
            }
        }
    }

    /// How long to wait before the retry of the number, counted from 0; nil: the call is not made again.
    func wait(beforeRetry number: Int, after error: some RetriableError) -> Duration? {
        guard number < maxRetries, error.isTransient else { return nil }
        let jitter = firstWait.doubled(number, atMost: longestWait) * random()
        guard let named = error.retryAfter else { return jitter }
        // Jitter on top: all who were told the same moment would come back at once.
        return named <= longestRetryAfter ? named + jitter : nil
    }

    /// The wait that a `Retry-After` header asks for: seconds, or a date (RFC 9110, 10.2.3). Nil for anything else.
    func retryAfter(_ header: String?) -> Duration? {
        guard let header else { return nil }
        if header.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), !header.isEmpty {
            return .seconds(min(Int(header) ?? .max, 1 << 32))
        }
        guard let date = Self.date(header) else { return nil }
        return .seconds(max(0, min(date.timeIntervalSince(now()), 4e9)))
    }

    /// A date as servers must write it, such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
    private static func date(_ text: String) -> Date? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let parts = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, parts[5] == "GMT", parts[0].hasSuffix(","),
            let month = months.firstIndex(of: parts[2])
        else { return nil }
        let number = month + 1
        let sortable = "\(parts[3])-\(number < 10 ? "0" : "")\(number)-\(parts[1])T\(parts[4])Z"
        return try? Date(sortable, strategy: .iso8601)
    }
}

/// A failure of a call that may pass.
protocol RetriableError: Error {
    /// Whether the same call may well succeed when it is made again.
    var isTransient: Bool { get }
    /// How long the server asks to wait, if it does.
    var retryAfter: Duration? { get }
}

extension Duration {
    /// In seconds for people, such as `2.5 s`, rounded up to a tenth.
    var inSeconds: String {
        let tenths = Int((self / .milliseconds(100)).rounded(.up))
        return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }
}
