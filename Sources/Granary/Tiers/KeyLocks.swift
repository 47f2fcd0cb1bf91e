internal import Synchronization

/// Lets one holder at a time have a key, in the order in which they came.
///
/// Keys are told apart by their hashes: two with the same one wait for each other, and nothing worse.
final class KeyLocks: Sendable {
    /// Who waits for each key that somebody holds. No other lock is taken inside it.
    private let held = Mutex<[UInt64: [CheckedContinuation<Void, Never>]]>([:])

    /// Runs the body as the only holder of the keys.
    func holding<Result: Sendable>(
        _ keys: [TierKey],
        _ body: () async throws -> Result
    ) async rethrows -> Result {
        // In one order for all, so that no two wait for each other.
        let hashes = keys.count == 1 ? [keys[0].hash] : Set(keys.map(\.hash)).sorted()
        for hash in hashes { await acquire(hash) }
        defer { for hash in hashes { release(hash) } }
        return try await body()
    }

    /// Runs the body as the only holder of those of the keys that nobody holds; it is told which, in their order.
    func holdingFree<Result: Sendable>(
        _ keys: [TierKey],
        _ body: ([Bool]) async throws -> Result
    ) async rethrows -> Result {
        let isMine = keys.map(takeFree)
        defer { for (key, isMine) in zip(keys, isMine) where isMine { release(key) } }
        return try await body(isMine)
    }

    /// Takes the key if nobody holds it; it must be given back with `release`.
    func takeFree(_ key: TierKey) -> Bool { held.withLock { Self.take(key.hash, &$0) } }

    /// Gives the key to who waits for it longest.
    func release(_ key: TierKey) { release(key.hash) }

    private func acquire(_ hash: UInt64) async {
        if held.withLock({ Self.take(hash, &$0) }) { return }
        await withCheckedContinuation { continuation in
            let isMine = held.withLock { held in
                if Self.take(hash, &held) { return true }
                held[hash]?.append(continuation)
                return false
            }
            if isMine { continuation.resume() }
        }
    }

    private static func take(_ hash: UInt64, _ held: inout [UInt64: [CheckedContinuation<Void, Never>]]) -> Bool {
        if held[hash] != nil { return false }
        held[hash] = []
        return true
    }

    private func release(_ hash: UInt64) {
        let next = held.withLock { held -> CheckedContinuation<Void, Never>? in
            guard let waiters = held[hash], !waiters.isEmpty else {
                held[hash] = nil
                return nil
            }
            // It stays held.
            return held[hash]?.removeFirst()
        }
        next?.resume()
    }
}
