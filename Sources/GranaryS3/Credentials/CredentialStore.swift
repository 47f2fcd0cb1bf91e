internal import Granary
internal import Logging
internal import SegmentStore
internal import Synchronization

/// Keeps the credentials in use, and has them renewed some time before they end: by one caller, for all.
final class CredentialStore: Sendable {
    private struct State {
        var issued: IssuedCredentials?
        /// No renewal is tried before, in milliseconds since 1970, after one that failed.
        var nextTry: UInt64 = 0
    }

    private let issue: @Sendable () async throws -> IssuedCredentials
    private let clock: StoreClock
    private let logger = Logger(label: "granary.s3-cache")
    /// Guards its content only; held for no call.
    private let state: Mutex<State>
    private let flights = SingleFlight<IssuedCredentials>()

    /// How long before their end credentials are renewed: a request that was signed waits for its turn, and clocks differ.
    private static let margin: UInt64 = 300_000
    /// Between attempts to renew credentials that still hold.
    private static let pause: UInt64 = 10_000

    /// Has the closure give out credentials.
    init(clock: StoreClock, issue: @escaping @Sendable () async throws -> IssuedCredentials) {
        self.clock = clock
        self.issue = issue
        state = Mutex(State())
    }

    /// Credentials to sign with now.
    ///
    /// - Throws: `S3CacheError` where there are none, and `CancellationError` to a caller that is cancelled.
    func credentials() async throws -> S3Credentials {
        let now = clock.milliseconds()
        let issued = state.withLock { $0.issued }
        if let usable = usable(now) { return usable.credentials }
        do {
            return try await flights.value(forKey: []) { [self] in
                // An earlier flight may have landed since this one was asked for.
                if let usable = usable(now) { return usable }
                let issued = try await issue()
                state.withLock { state in
                    state.issued = issued
                    // Those of a service that issues them for a few minutes only are not asked for with each request.
                    state.nextTry = now + Self.pause
                }
                return issued
            }.credentials
        } catch {
            try Task.checkCancellation()
            guard let issued, !Self.ends(issued, within: 0, of: now) else { throw error }
            state.withLock { $0.nextTry = now + Self.pause }
            logger.warning("credentials for S3 could not be renewed and are used until they end: \(error)")
            return issued.credentials
        }
    }

    /// Has the credentials renewed with the next call, unless they have been meanwhile: the service refused them.
    func discard(_ credentials: S3Credentials) {
        state.withLock { state in
            if state.issued?.credentials == credentials { state.issued = nil }
        }
    }

    /// The credentials at hand, unless they have to be renewed.
    private func usable(_ now: UInt64) -> IssuedCredentials? {
        state.withLock { state in
            guard let issued = state.issued else { return nil }
            if !Self.ends(issued, within: Self.margin, of: now) { return issued }
            return now < state.nextTry && !Self.ends(issued, within: 0, of: now) ? issued : nil
        }
    }

    private static func ends(_ issued: IssuedCredentials, within margin: UInt64, of now: UInt64) -> Bool {
        issued.expiry.map { $0 <= now + margin } ?? false
    }
}
