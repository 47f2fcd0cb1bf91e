import Dispatch

/// Runs what waits for the disk away from Swift's cooperative threads, of which there are as many as processors.
struct StoreThread: Sendable {
    private let queue = DispatchQueue(label: "granary.store", attributes: .concurrent)

    /// Suspends until the body has run.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }
}
