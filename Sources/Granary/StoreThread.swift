import Dispatch

/// Runs what waits or takes long away from Swift's cooperative threads, of which there are as many as processors.
struct StoreThread: Sendable {
    private let queue: DispatchQueue

    /// For what waits for the disk: there is another thread for whoever comes while all wait.
    static let waiting = StoreThread(qos: .default)
    /// For what computes: at most as many run at once as there are processors. Dispatch has threads of their own for each
    /// quality of service, so that what waits for the disk does not queue behind these.
    static let computing = StoreThread(qos: .utility)

    private init(qos: DispatchQoS) {
        queue = DispatchQueue(label: "granary.store", qos: qos, attributes: .concurrent)
    }

    /// Suspends until the body has run.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }
}
