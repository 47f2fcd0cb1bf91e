import Foundation
import Synchronization
package import Testing

/// Has a suite's tests wait until others have ended, so that a few run at a time.
///
/// Swift Testing starts all tests at once, on the two or so threads that all tasks share. Hundreds of them then hold up one
/// another: an answer that has come is seen minutes later, by when its caller's time is over, and what looks like a fault is
/// the queue. A time limit of Swift Testing's counts the wait.
package struct InTurnTrait: SuiteTrait, TestTrait, TestScoping {
    package let isRecursive = true
    fileprivate let turns: Turns
    fileprivate let threads: OwnThreads?

    package func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        await turns.take()
        defer { turns.end() }
        if let threads {
            try await withTaskExecutorPreference(threads) { try await function() }
        } else {
            try await function()
        }
    }
}

extension Trait where Self == InTurnTrait {
    /// For tests that give their thread back whenever they wait.
    package static var inTurn: Self { Self(turns: .ofTasks, threads: nil) }

    /// For tests that compute for long, or that wait for a process, a lock or a thread where they stand: they run on threads
    /// that are kept for such.
    package static var inTurnOnOwnThread: Self { Self(turns: .ofThreads, threads: .shared) }
}

/// Turns of which so many are taken at a time, first come, first served.
private final class Turns: Sendable {
    static let ofTasks = Turns(count: 4)
    static let ofThreads = Turns(count: OwnThreads.count)

    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(free: count)) }

    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    func end() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}

/// A few threads that run jobs in the order in which they came.
private final class OwnThreads: TaskExecutor, Sendable {
    static let count = 3
    static let shared = OwnThreads()

    private let jobs = Mutex<[UnownedJob]>([])
    private let arrived = DispatchSemaphore(value: 0)

    private init() {
        for _ in 0..<Self.count {
            let thread = Thread { [self] in while true { next().runSynchronously(on: asUnownedTaskExecutor()) } }
            // As deep as a process's first thread.
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        arrived.signal()
    }

    private func next() -> UnownedJob {
        arrived.wait()
        return jobs.withLock { $0.removeFirst() }
    }
}
