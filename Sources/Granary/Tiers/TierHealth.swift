internal import Logging
internal import Synchronization

/// Whether a tier is worth asking: after a failure it is left alone for a while, then one caller tries.
///
/// Reading and writing are watched apart: a disk that is full still gives what it holds.
final class TierHealth: Sendable {
    /// Leave to call the tier.
    struct Admission: Sendable {
        /// How often in a row it had failed by then.
        fileprivate let failures: Int
    }

    private struct State: Sendable {
        var failures = 0
        var nextTry = Duration.zero
        var lastError: (any Error)?
    }

    private let isFailing = Atomic(false)
    private let state = Mutex(State())
    private let subject: String
    private let options: TieredCacheOptions
    private let logger: Logger
    private let gauge: TierGauge?

    /// The subject is what log lines begin with, such as "the tier redis: reading"; the gauge learns of failures.
    init(subject: String, options: TieredCacheOptions, logger: Logger, gauge: TierGauge? = nil) {
        self.gauge = gauge
        self.subject = subject
        self.options = options
        self.logger = logger
    }

    /// Costs one load.
    var isWell: Bool { !isFailing.load(ordering: .relaxed) }

    /// What the last call that failed threw, while the tier is failing.
    var lastError: (any Error)? { isWell ? nil : state.withLock { $0.lastError } }

    /// Whether `admit` would give leave.
    var isDue: Bool {
        if isWell { return true }
        let now = options.uptime()
        return state.withLock { $0.failures == 0 || now >= $0.nextTry }
    }

    /// For how long the tier is left alone yet.
    var timeLeft: Duration {
        if isWell { return .zero }
        let now = options.uptime()
        return state.withLock { max(.zero, $0.nextTry - now) }
    }

    /// Leave to call the tier; nil while it is left alone. Whoever gets it at the end of a back-off is alone with it until
    /// the call has ended, or as long again if it does not.
    func admit() -> Admission? {
        if isWell { return Admission(failures: 0) }
        let now = options.uptime()
        return state.withLock { state in
            guard state.failures > 0 else { return Admission(failures: 0) }
            guard now >= state.nextTry else { return nil }
            state.nextTry = now + delay(state.failures)
            return Admission(failures: state.failures)
        }
    }

    /// Leave whatever the health, for calls that their caller wants to see fail.
    func admitAlways() -> Admission { Admission(failures: isWell ? 0 : state.withLock { $0.failures }) }

    /// The tier answered.
    func succeeded() {
        if isWell { return }
        let failures = state.withLock { state in
            let failures = state.failures
            state = State()
            isFailing.store(false, ordering: .relaxed)
            gauge?.set(.reading, false)
            return failures
        }
        if failures > 0 { logger.notice("\(subject) works again after failing \(failures) times") }
    }

    /// The call failed. Of calls that were on their way together one counts, so that a moment's trouble is no long one.
    func failed(_ admission: Admission, _ error: any Error) {
        let now = options.uptime()
        let firstDelay = state.withLock { state -> Duration? in
            state.lastError = error
            guard admission.failures == state.failures else { return nil }
            state.failures += 1
            let delay = delay(state.failures)
            state.nextTry = now + delay
            isFailing.store(true, ordering: .relaxed)
            gauge?.set(.reading, true)
            return state.failures == 1 ? delay : nil
        }
        if let firstDelay {
            let milliseconds = Int(firstDelay / .milliseconds(1))
            logger.warning("\(subject) fails and is left out; it is tried again in \(milliseconds) ms: \(error)")
        }
    }

    private func delay(_ failures: Int) -> Duration {
        options.backOff.delay(afterFailures: failures, random: options.random())
    }
}
