/// What the body gives, unless that takes longer: then it is cancelled and waited for, and the error is thrown.
///
/// - Throws: what the body throws, the error, and `CancellationError` once the task is cancelled.
package func withTimeout<Result: Sendable>(
    _ timeout: Duration,
    throwing error: @escaping @Sendable @autoclosure () -> any Error,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await race(
        body,
        against: {
            try await Task.sleep(for: timeout)
            throw error()
        }
    )
}

/// What the body gives, unless the other one throws before: then the body is cancelled and waited for.
///
/// - Throws: what either throws, and `CancellationError` once the task is cancelled.
package func race<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result,
    against end: @escaping @Sendable () async throws -> Never
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await body() }
        group.addTask { try await end() }
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw CancellationError() }
        return result
    }
}
