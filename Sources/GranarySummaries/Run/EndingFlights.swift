internal import Synchronization

/// A run's flights that must end before the run does: those whose answer is being stored, and those that were cancelled,
/// whose answer may have come all the same.
final class EndingFlights: Sendable {
    private struct State: Sendable {
        var begun = 0
        /// Flights under way; true of those that must end.
        var flights: [Int: Bool] = [:]
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Runs a flight, which has a number; it is added once it is cancelled.
    func watch<Result: Sendable>(_ flight: @Sendable (Int) async throws -> Result) async throws -> Result {
        let number = state.withLock { state in
            state.begun += 1
            state.flights[state.begun] = false
            return state.begun
        }
        defer { end(number) }
        return try await withTaskCancellationHandler {
            try await flight(number)
        } onCancel: {
            add(number)
        }
    }

    /// Has the run's end wait for the flight.
    func add(_ number: Int) {
        state.withLock { state in
            if state.flights[number] != nil { state.flights[number] = true }
        }
    }

    /// Returns once none must end any more.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if !state.flights.values.contains(true) { return true }
                state.waiting.append(continuation)
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    private func end(_ number: Int) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.flights[number] = nil
            guard !state.flights.values.contains(true) else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
