internal import CXXHash
internal import Synchronization

/// A key's bytes, and the hash by which locks and filters know it.
struct TierKey: Sendable, Hashable {
    let bytes: [UInt8]
    let hash: UInt64

    init(_ key: String) {
        bytes = Array(key.utf8)
        hash = bytes.withUnsafeBytes { granary_xxh3_seeded($0.baseAddress, UInt($0.count), 0) }
    }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }

    static func == (left: TierKey, right: TierKey) -> Bool { left.hash == right.hash && left.bytes == right.bytes }
}

/// Lets one writer at a time at a key, in the order in which they came, and tells who copies a value between tiers whether
/// the key was written to since the value was read.
///
/// Keys are told apart by their hashes: two with the same one wait for each other, and nothing worse.
final class KeyLocks: Sendable {
    /// A moment in the life of a key.
    struct Mark: Sendable, Equatable {
        fileprivate let generation: UInt64
    }

    private struct State: Sendable {
        /// Who waits for each key that somebody holds.
        var held: [UInt64: [CheckedContinuation<Void, Never>]] = [:]
        /// Rises when a writer comes and when it goes, for each part of the keys.
        var generations = [UInt64](repeating: 0, count: 1_024)
        /// Rises when everything begins to be removed, and when that has ended.
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

    /// Guards who holds what; no other lock is taken inside it.
    private let state = Mutex(State())

    /// The moment of now, to be kept while the key's value is read.
    func mark(_ key: TierKey) -> Mark { state.withLock { $0.mark(key.hash) } }

    /// Runs the body as the only writer of the keys.
    func writing<Result: Sendable>(
        _ keys: [TierKey],
        _ body: () async throws -> Result
    ) async rethrows -> Result {
        // In one order for all, so that no two wait for each other.
        let hashes = keys.count == 1 ? [keys[0].hash] : Set(keys.map(\.hash)).sorted()
        for hash in hashes { await acquire(hash) }
        defer { for hash in hashes { release(hash) } }
        return try await body()
    }

    private func acquire(_ hash: UInt64) async {
        if state.withLock({ Self.take(hash, &$0) }) { return }
        await withCheckedContinuation { continuation in
            let isMine = state.withLock { state in
                if Self.take(hash, &state) { return true }
                state.held[hash]?.append(continuation)
                return false
            }
            if isMine { continuation.resume() }
        }
    }

    private static func take(_ hash: UInt64, _ state: inout State) -> Bool {
        if state.held[hash] != nil { return false }
        state.held[hash] = []
        state.generations[Int(hash % 1_024)] &+= 1
        return true
    }

    private func release(_ hash: UInt64) {
        state.withLock { state in
            state.generations[Int(hash % 1_024)] &+= 1
            return Self.pass(hash, &state)
        }?.resume()
    }

    /// Gives the key to who waits for it longest; it stays held then.
    private static func pass(_ hash: UInt64, _ state: inout State) -> CheckedContinuation<Void, Never>? {
        guard let waiters = state.held[hash], !waiters.isEmpty else {
            state.held[hash] = nil
            return nil
        }
        // Behind a copy, which is no write, the writer begins here.
        state.generations[Int(hash % 1_024)] &+= 1
        return state.held[hash]?.removeFirst()
    }

    /// Runs the body as the only writer of those of the keys that nobody holds; it is told which, in their order.
    func writingFree<Result: Sendable>(
        _ keys: [TierKey],
        _ body: ([Bool]) async throws -> Result
    ) async rethrows -> Result {
        let isMine = state.withLock { state in keys.map { Self.take($0.hash, &state) } }
        defer { for (key, isMine) in zip(keys, isMine) where isMine { release(key.hash) } }
        return try await body(isMine)
    }

    // MARK: Copying between tiers

    /// Takes those of the keys that nobody holds and nobody wrote to since the mark, to copy what was read then; returns
    /// which. Every one must be given back with `endCopy`.
    func beginCopy(_ keys: [(key: TierKey, mark: Mark)]) -> [Bool] {
        state.withLock { state in
            keys.map { key, mark in
                guard state.clearers == 0, state.held[key.hash] == nil, state.mark(key.hash) == mark else {
                    return false
                }
                // Not a write: what others read meanwhile stays true.
                state.held[key.hash] = []
                state.copies += 1
                return true
            }
        }
    }

    func endCopy(_ key: TierKey) {
        let (next, clearers) = state.withLock { state in
            (Self.pass(key.hash, &state), Self.endCopies(1, &state))
        }
        next?.resume()
        for clearer in clearers { clearer.resume() }
    }

    /// Begins to copy under locks of `writing`; false, and nothing to end, while everything is being removed.
    func beginCopying() -> Bool {
        state.withLock { state in
            if state.clearers == 0 { state.copies += 1 }
            return state.clearers == 0
        }
    }

    func endCopying() {
        for clearer in state.withLock({ Self.endCopies(1, &$0) }) { clearer.resume() }
    }

    private static func endCopies(_ count: Int, _ state: inout State) -> [CheckedContinuation<Void, Never>] {
        state.copies -= count
        guard state.copies == 0 else { return [] }
        defer { state.waitingClearers = [] }
        return state.waitingClearers
    }

    /// Runs the body, which removes everything, while nothing is copied; what was read before or meanwhile never is.
    func clearing<Result: Sendable>(_ body: () async throws -> Result) async rethrows -> Result {
        await withCheckedContinuation { continuation in
            let mayBegin = state.withLock { state in
                state.clearers += 1
                state.clearings += 1
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
