import Dispatch
import Glibc
import SegmentStore
import Synchronization

/// SIGINT and SIGTERM: a thread waits for them, cancels what can be cancelled, closes the open store, and ends the process
/// within a second.
///
/// The signals are blocked everywhere else, so that no call in the middle of something is disturbed.
final class Interruption: Sendable {
    static let shared = Interruption()

    private struct State: Sendable {
        var store: SegmentStore?
        /// Cancels the work under way.
        var cancel: (@Sendable () -> Void)?
        var isEnding = false
    }
    private let state = Mutex(State())
    private let cancelledWorkEnded = DispatchSemaphore(value: 0)

    /// Called before any other thread exists, for they inherit what is blocked.
    func install() {
        var signals = Self.signals
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        startThread { [self] in
            var signals = Self.signals
            var number: CInt = 0
            while sigwait(&signals, &number) != 0 {}
            end(after: number)
        }
    }

    private static var signals: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] where !isIgnored(number) { sigaddset(&signals, number) }
        return signals
    }

    /// A shell ignores SIGINT for what it starts in the background; that stays so.
    private static func isIgnored(_ number: CInt) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        let handler = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
        return handler == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// The store to close when a signal comes.
    func protect(_ store: SegmentStore) {
        state.withLock { $0.store = store }
    }

    /// Runs work that keeps what it has when it is cancelled, as a signal then does before the store is closed; after a signal
    /// this does not return.
    func cancelling<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) async throws -> Result {
        let task = Task { try await work() }
        let isEnding = state.withLock { state in
            state.cancel = { task.cancel() }
            return state.isEnding
        }
        if isEnding { task.cancel() }
        let result = await task.result
        let hasSignal = state.withLock { state in
            state.cancel = nil
            return state.isEnding
        }
        if hasSignal {
            cancelledWorkEnded.signal()
            while true { try? await Task.sleep(for: .seconds(3_600)) }
        }
        return try result.get()
    }

    /// Ends the process, unless a signal is doing that already.
    func finish(with status: ExitStatus) -> Never {
        if state.withLock({ $0.isEnding }) { while true { pause() } }
        exit(status.rawValue)
    }

    private func end(after number: CInt) {
        let (store, cancel) = state.withLock { state in
            state.isEnding = true
            return (state.store, state.cancel)
        }
        // A disk that hangs must not hold the user's Ctrl-C; what was set is safe from a kill anyway.
        startThread {
            var most = timespec(tv_sec: 0, tv_nsec: 800_000_000)
            nanosleep(&most, nil)
            _exit(128 + number)
        }
        if let cancel {
            cancel()
            // Answers that have come are stored first; what closing takes must fit in behind.
            _ = cancelledWorkEnded.wait(timeout: .now() + .milliseconds(500))
        }
        try? store?.close()
        _exit(128 + number)
    }
}

/// Runs the body on a thread of its own, which nobody waits for.
private func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Work: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work(body))
    let created = pthread_create(
        &thread,
        nil,
        { @Sendable argument in
            if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
            return nil
        },
        work.toOpaque()
    )
    if created == 0 { pthread_detach(thread) } else { work.release() }
}
