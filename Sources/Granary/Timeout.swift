/// What the body gives, unless that takes longer: then it is cancelled and waited for, and the error is thrown.
///
/// - Throws: what the body throws, the error, and `CancellationError` once the task is cancelled.
package func withTimeout<Result: Sendable>(
    _ timeout: Duration,
    throwing error: @escaping @Sendable @autoclosure () -> any Error,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: timeout)
            throw error()
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw CancellationError() }
        return result
    }
}
