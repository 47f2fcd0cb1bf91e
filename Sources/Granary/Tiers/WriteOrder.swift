internal import Synchronization

/// Puts those who write to a cache's keys in an order, and keeps a value that was read in one tier from being copied to
/// another once its key was written to.
final class WriteOrder: Sendable {
    /// A moment in the life of a key.
    struct Mark: Sendable, Equatable {
        fileprivate let generation: UInt64
    }

    private struct State: Sendable {
        /// Rises when a writer goes, for each part of the keys.
        var generations = [UInt64](repeating: 0, count: 1_024)
        /// Rises when everything was removed; while it is being removed, nothing is copied whatever its mark.
        var clearings: UInt64 = 0
        var clearers = 0
        var copies = 0
        var waitingClearers: [CheckedContinuation<Void, Never>] = []
        /// Who waits until nothing is being removed.
        var waitingCopiers: [CheckedContinuation<Void, Never>] = []

        func mark(_ hash: UInt64) -> Mark {
            Mark(generation: generations[Int(hash % 1_024)] &+ clearings)
        }
    }

    private let locks = KeyLocks()
    /// No other lock is taken inside it.
    private let state = Mutex(State())

    /// The moment of now, to be kept while the key's value is read.
    func mark(_ key: TierKey) -> Mark { state.withLock { $0.mark(key.hash) } }

    /// Runs the body as the only writer of the keys.
    func writing<Result: Sendable>(
        _ keys: [TierKey],
        _ body: () async throws -> Result
    ) async rethrows -> Result {
        try await locks.holding(keys) {
            // While the keys are held still: who takes one after this to copy what was read before it finds an old mark.
            defer {
                state.withLock { state in
                    for key in keys { state.generations[Int(key.hash % 1_024)] &+= 1 }
                }
            }
            return try await body()
        }
    }

    // MARK: Copying between tiers

    /// Takes those of the keys that nobody holds and nobody wrote to since the mark, to copy what was read then; returns
    /// which. Every one must be given back with `endCopy`.
    func beginCopy(_ keys: [(key: TierKey, mark: Mark)]) -> [Bool] {
        keys.map { key, mark in
            guard locks.takeFree(key) else { return false }
            let isSame = state.withLock { state in
                guard state.clearers == 0, state.mark(key.hash) == mark else { return false }
                state.copies += 1
                return true
            }
            if !isSame { locks.release(key) }
            return isSame
        }
    }

    func endCopy(_ key: TierKey) {
        locks.release(key)
        endCopying()
    }

    /// Begins to copy what nobody else writes to; false, and nothing to end, while everything is being removed.
    func beginCopying() -> Bool {
        state.withLock { state in
            if state.clearers == 0 { state.copies += 1 }
            return state.clearers == 0
        }
    }

    func endCopying() {
        let clearers = state.withLock { state in
            state.copies -= 1
            guard state.copies == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waitingClearers = [] }
            return state.waitingClearers
        }
        for clearer in clearers { clearer.resume() }
    }

    /// Runs the body, which removes everything, while nothing is copied; what was read before or meanwhile never is.
    func clearing<Result: Sendable>(_ body: () async throws -> Result) async rethrows -> Result {
        await withCheckedContinuation { continuation in
            let mayBegin = state.withLock { state in
                state.clearers += 1
                if state.copies > 0 { state.waitingClearers.append(continuation) }
                return state.copies == 0
            }
            if mayBegin { continuation.resume() }
        }
        defer {
            let copiers = state.withLock { state in
                state.clearers -= 1
                state.clearings += 1
                guard state.clearers == 0 else { return [CheckedContinuation<Void, Never>]() }
                defer { state.waitingCopiers = [] }
                return state.waitingCopiers
            }
            for copier in copiers { copier.resume() }
        }
        return try await body()
    }

    /// Waits until nothing is being removed.
    func waitWhileClearing() async {
        await withCheckedContinuation { continuation in
            let mayGo = state.withLock { state in
                if state.clearers > 0 { state.waitingCopiers.append(continuation) }
                return state.clearers == 0
            }
            if mayGo { continuation.resume() }
        }
    }
}
