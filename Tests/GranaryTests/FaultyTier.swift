import Granary
import SegmentStore
import Synchronization

/// A tier in memory that tests make fail, wait, and forget.
final class FaultyTier: ManagedCacheStrategy {
    struct Down: Error, Equatable {}
    struct Refused: CacheRefusal {
        var isRefusal: Bool { true }
    }

    /// What it does wrong.
    struct Faults: Sendable {
        var isReadingDown = false
        var isWritingDown = false
        /// A write that fails has been done all the same, as one is of which only the answer was lost.
        var failsAfterWriting = false
        var refusesLongerThan = Int.max
        /// A write with a value that is longer fails as if the tier were down.
        var failsLongerThan = Int.max
        /// What it says that it takes; nil: what it does.
        var byteCount: Int?
        var hidesEnds = false
    }

    /// The calls that came, those that failed too.
    struct Calls: Sendable, Equatable {
        var reads: [[String]] = []
        var writes: [[String]] = []
    }

    let base: MemoryCache
    private let state = Mutex(Faults())
    private let made = Mutex(Calls())
    private let readStop = Mutex<Stop?>(nil)
    private let writeStop = Mutex<Stop?>(nil)
    private let closeStop = Mutex<Stop?>(nil)

    init(clock: StoreClock = .system) { base = MemoryCache(clock: clock) }

    var calls: Calls { made.withLock { $0 } }

    func fail(_ change: (inout Faults) -> Void) { state.withLock { change(&$0) } }
    func goDown() { fail { ($0.isReadingDown, $0.isWritingDown) = (true, true) } }
    func comeBack() { state.withLock { $0 = Faults() } }
    /// The next read, or write, waits there.
    func holdNextRead(at stop: Stop) { readStop.withLock { $0 = stop } }
    func holdNextWrite(at stop: Stop) { writeStop.withLock { $0 = stop } }
    /// A closing waits there.
    func holdClosing(at stop: Stop) { closeStop.withLock { $0 = stop } }

    private func reading<Result>(_ keys: [String], _ body: () async throws -> Result) async throws -> Result {
        made.withLock { $0.reads.append(keys) }
        let result = try await body()
        await readStop.withLock { $0.take() }?.pass()
        try Task.checkCancellation()
        if state.withLock({ $0.isReadingDown }) { throw Down() }
        return result
    }

    private func writing<Result>(
        _ keys: [String],
        _ length: Int = 0,
        _ body: () async throws -> Result
    ) async throws -> Result {
        made.withLock { $0.writes.append(keys) }
        await writeStop.withLock { $0.take() }?.pass()
        try Task.checkCancellation()
        let faults = state.withLock { $0 }
        if length > faults.refusesLongerThan { throw Refused() }
        if length > faults.failsLongerThan || faults.isWritingDown && !faults.failsAfterWriting { throw Down() }
        let result = try await body()
        if faults.isWritingDown { throw Down() }
        return result
    }

    func get(_ key: String) async throws -> CacheValue? { try await hit(key)?.value }

    func get(_ keys: [String]) async throws -> [CacheValue?] { try await hits(keys).map { $0?.value } }

    func hit(_ key: String) async throws -> CacheHit? { try await reading([key]) { shown(try await base.hit(key)) } }

    func hits(_ keys: [String]) async throws -> [CacheHit?] {
        try await reading(keys) { try await base.hits(keys).map(shown) }
    }

    private func shown(_ hit: CacheHit?) -> CacheHit? {
        hit.map { state.withLock { $0.hidesEnds } ? CacheHit($0.value, end: .unknown) : $0 }
    }

    func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws {
        try await writing([key], value.bytes.count) { try await base.set(key, to: value, options: options) }
    }

    func set(_ entries: [CacheEntry]) async throws {
        let longest = entries.map(\.value.bytes.count).max() ?? 0
        try await writing(entries.map(\.key), longest) { try await base.set(entries) }
    }

    func remove(_ key: String) async throws -> Bool { try await writing([key]) { try await base.remove(key) } }
    func removeAll() async throws { try await writing([]) { try await base.removeAll() } }
    func count() async throws -> Int { try await reading([]) { try await base.count() } }
    func byteCount() async throws -> Int {
        let said = state.withLock { $0.byteCount }
        return try await reading([]) {
            if let said { return said }
            return try await base.byteCount()
        }
    }
    func statistics() async throws -> CacheStatistics { try await base.statistics() }
    /// Waits nowhere: who is held writes to a key.
    func flush() async throws { if state.withLock({ $0.isWritingDown }) { throw Down() } }
    func close() async throws {
        await closeStop.withLock { $0.take() }?.pass()
        try await base.close()
    }

    func keys(hasPrefix prefix: String) -> CacheKeys {
        let keys = base.keys(hasPrefix: prefix)
        return CacheKeys { [self] part in
            guard part == 0 else { return nil }
            return try await reading([]) { try await keys.reduce(into: []) { $0.append($1) } }
        }
    }
}

/// A place where a call waits until the test lets it go on.
final class Stop: Sendable {
    private let reached = Gate()
    private let opened = Gate()

    func pass() async {
        reached.open()
        await opened.wait()
    }

    func waitUntilReached() async { await reached.wait() }
    func open() { opened.open() }
}

/// Time that tests advance, for back-offs.
final class TestUptime: Sendable {
    private let time = Mutex(Duration.zero)
    func advance(by duration: Duration) { time.withLock { $0 += duration } }
    var now: @Sendable () -> Duration { { [self] in time.withLock { $0 } } }
}

/// Waits that tests end, for what is tried again by itself.
final class TestSleep: Sendable {
    private struct State {
        var waits: [Duration] = []
        var sleeping: [CheckedContinuation<Void, any Error>] = []
        var isCancelled = false
        var watching: (count: Int, CheckedContinuation<Void, Never>)?
    }

    private let state = Mutex(State())

    /// The waits that were begun.
    var waits: [Duration] { state.withLock { $0.waits } }

    func sleep(_ duration: Duration) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (watcher, isCancelled) = state.withLock { state in
                    state.waits.append(duration)
                    if !state.isCancelled { state.sleeping.append(continuation) }
                    return (Self.watcher(&state), state.isCancelled)
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
                watcher?.resume()
            }
        } onCancel: {
            let sleeping = state.withLock { state in
                state.isCancelled = true
                return Self.takeSleeping(&state)
            }
            for sleeper in sleeping { sleeper.resume(throwing: CancellationError()) }
        }
    }

    /// Ends the waits that were begun.
    func wake() { for sleeper in state.withLock({ Self.takeSleeping(&$0) }) { sleeper.resume() } }

    private static func takeSleeping(_ state: inout State) -> [CheckedContinuation<Void, any Error>] {
        defer { state.sleeping = [] }
        return state.sleeping
    }

    /// Waits until so many waits were begun.
    func begun(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let watcher = state.withLock { state in
                state.watching = (count, continuation)
                return Self.watcher(&state)
            }
            watcher?.resume()
        }
    }

    /// Whether who slept was told to stop.
    var wasCancelled: Bool { state.withLock { $0.isCancelled } }

    private static func watcher(_ state: inout State) -> CheckedContinuation<Void, Never>? {
        guard let (count, continuation) = state.watching, state.waits.count >= count else { return nil }
        state.watching = nil
        return continuation
    }
}
