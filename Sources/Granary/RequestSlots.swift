internal import Synchronization

/// Lets so many in at once; the others wait in the order in which they came.
package final class RequestSlots: Sendable {
    private struct Waiter: Sendable {
        let number: Int
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State: Sendable {
        var free: Int
        var issued = 0
        var waiters: [Waiter] = []
        /// Numbers that have not begun to wait, and were not cancelled.
        var coming: Set<Int> = []
    }

    private let state: Mutex<State>

    /// Room for so many.
    package init(_ count: Int) { state = Mutex(State(free: count)) }

    /// Whether the next to come would have to wait.
    package var isFull: Bool { state.withLock { $0.free == 0 } }

    /// Runs the body once there is room.
    ///
    /// - Throws: what the body throws, and `CancellationError` to a task that is cancelled while it waits.
    package func withSlot<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        try await enter()
        defer { leave() }
        return try await body()
    }

    private func enter() async throws {
        let number: Int? = state.withLock { state in
            if state.free > 0 {
                state.free -= 1
                return nil
            }
            state.issued += 1
            state.coming.insert(state.issued)
            return state.issued
        }
        guard let number else { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wait(number, $0) }
        } onCancel: {
            cancel(number)
        }
    }

    private func wait(_ number: Int, _ continuation: CheckedContinuation<Void, any Error>) {
        let result: Result<Void, any Error>? = state.withLock { state in
            if state.coming.remove(number) == nil { return .failure(CancellationError()) }
            if state.free > 0 {
                state.free -= 1
                return .success(())
            }
            state.waiters.append(Waiter(number: number, continuation: continuation))
            return nil
        }
        if let result { continuation.resume(with: result) }
    }

    private func cancel(_ number: Int) {
        let waiter: Waiter? = state.withLock { state in
            state.coming.remove(number)
            // Who does not wait is not here yet, or was let in already.
            return state.waiters.firstIndex { $0.number == number }.map { state.waiters.remove(at: $0) }
        }
        waiter?.continuation.resume(throwing: CancellationError())
    }

    private func leave() {
        let next: Waiter? = state.withLock { state in
            guard !state.waiters.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.continuation.resume()
    }
}
