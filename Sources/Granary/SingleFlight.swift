internal import Synchronization

/// Lets one task compute a value that several want at once.
package final class SingleFlight<Value: Sendable>: Sendable {
    private struct Flight: Sendable {
        let task: Task<Value, any Error>
        let number: Int
        var waiters: Int
    }

    private struct State: Sendable {
        var flights: [[UInt8]: Flight] = [:]
        var launched = 0
    }

    private let state = Mutex(State())

    /// No flights.
    package init() {}

    /// The value that the flight for the key brings; the first to ask starts it.
    ///
    /// The flight is a task of its own: a waiter's cancellation ends its waiting, and the flight's only with the last
    /// waiter's.
    package func value(
        forKey key: [UInt8],
        compute: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try Task.checkCancellation()
        let flight = board(key, compute)
        let wait = Wait<Value>()
        Task { [self] in
            let result = await flight.task.result
            land(key, flight.number)
            wait.finish(with: result)
        }
        return try await withTaskCancellationHandler {
            try await wait.value()
        } onCancel: {
            leave(key, flight.number)
            wait.finish(with: .failure(CancellationError()))
        }
    }

    /// How many wait for the flight of the key.
    package func waiters(forKey key: [UInt8]) -> Int { state.withLock { $0.flights[key]?.waiters ?? 0 } }

    private func board(_ key: [UInt8], _ compute: @escaping @Sendable () async throws -> Value) -> Flight {
        state.withLock { state in
            if var flight = state.flights[key] {
                flight.waiters += 1
                state.flights[key] = flight
                return flight
            }
            state.launched += 1
            let flight = Flight(task: Task.detached { try await compute() }, number: state.launched, waiters: 1)
            state.flights[key] = flight
            return flight
        }
    }

    private func land(_ key: [UInt8], _ number: Int) {
        state.withLock { state in
            if state.flights[key]?.number == number { state.flights[key] = nil }
        }
    }

    private func leave(_ key: [UInt8], _ number: Int) {
        let abandoned = state.withLock { state -> Task<Value, any Error>? in
            guard var flight = state.flights[key], flight.number == number else { return nil }
            flight.waiters -= 1
            state.flights[key] = flight.waiters == 0 ? nil : flight
            return flight.waiters == 0 ? flight.task : nil
        }
        abandoned?.cancel()
    }
}

/// One task's waiting, ended once by whoever comes first.
private final class Wait<Value: Sendable>: Sendable {
    private enum State: Sendable {
        case idle
        case waiting(CheckedContinuation<Value, any Error>)
        case finished(Result<Value, any Error>)
    }
    private let state = Mutex(State.idle)

    func value() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let result = state.withLock { state -> Result<Value, any Error>? in
                if case .finished(let result) = state { return result }
                state = .waiting(continuation)
                return nil
            }
            if let result { continuation.resume(with: result) }
        }
    }

    func finish(with result: Result<Value, any Error>) {
        let continuation = state.withLock { state -> CheckedContinuation<Value, any Error>? in
            switch state {
            case .finished: return nil
            case .waiting(let continuation):
                state = .finished(result)
                return continuation
            case .idle:
                state = .finished(result)
                return nil
            }
        }
        continuation?.resume(with: result)
    }
}
