import Granary
import GranaryTesting
import SegmentStore
import Synchronization
import Testing

@testable import GranaryRedis

/// A clock that tests set: of the day, and for waits.
final class ManualClock: Sendable {
    private let time = Mutex<UInt64>(1_700_000_000_000)
    private let start = ContinuousClock.now
    var now: UInt64 { time.withLock { $0 } }
    func advance(by milliseconds: UInt64) { time.withLock { $0 += milliseconds } }
    var clock: StoreClock { StoreClock { [self] in now } }
    var instant: ContinuousClock.Instant { start + .milliseconds(now - 1_700_000_000_000) }
}

extension RedisCache {
    /// What the server says to a command by hand.
    func raw(_ name: String, bytes first: [UInt8], _ rest: [UInt8]...) async throws -> RESPValue {
        try await pool.replies(to: RESPCommand(name, [first] + rest), repeated: .never)[0]
    }

    /// What the server says to a command of text.
    func raw(_ words: String...) async throws -> RESPValue {
        let arguments = words.dropFirst().map { Array($0.utf8) }
        return try await pool.replies(to: RESPCommand(words[0], arguments), repeated: .never)[0]
    }

    /// The value under the key, which has to be bytes.
    func bytes(_ key: String) async throws -> [UInt8]? { try await get(key)?.bytes }

    func set(_ key: String, _ text: String) async throws { try await set(key, to: CacheValue(Array(text.utf8))) }
}

extension CacheKeys {
    /// All of them.
    func all() async throws -> [String] { try await reduce(into: []) { $0.append($1) } }
}

/// The error that the body throws.
func failure(of body: () async throws -> Void) async -> RedisCacheError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? RedisCacheError
    }
}

extension RESPValue {
    /// The bytes, or the text, where it is either.
    var content: [UInt8]? {
        switch self {
        case .bytes(let bytes): bytes
        case .verbatim(let text): Array(text.dropFirst(4))
        default: nil
        }
    }

    /// The number, where it is one.
    var number: Int64? {
        guard case .integer(let number) = self else { return nil }
        return number
    }
}

/// Bytes that a seed tells apart.
func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    return generator.bytes(count)
}

/// What a server received so far.
final class Received: Sendable {
    private let bytes = Mutex<[UInt8]>([])

    func add(_ more: [UInt8]) { bytes.withLock { $0 += more } }

    /// How many commands of that name.
    func count(of name: String) -> Int {
        let text = bytes.withLock { String(decoding: $0, as: UTF8.self) }
        return text.split(separator: "\r\n\(name)\r\n", omittingEmptySubsequences: false).count - 1
    }
}

/// What tasks that call at once tell each other.
final class Load: Sendable {
    let isOver = Atomic(false)
    let answered = Atomic(0)
    let failed = Atomic(0)
    /// What each of eight tasks has done so often.
    let rounds = Mutex([Int](repeating: 0, count: 8))

    /// Everybody stops: all is done, or somebody failed.
    func end() { isOver.store(true, ordering: .relaxed) }

    /// Waits until it is so, or all is over.
    func wait(until isSo: () -> Bool) async {
        while !isSo(), !isOver.load(ordering: .relaxed) { await Task.yield() }
    }

    /// Waits until so many more calls were answered.
    func answers(_ count: Int) async {
        let before = answered.load(ordering: .relaxed)
        await wait { answered.load(ordering: .relaxed) >= before + count }
    }

    /// Waits until one more call failed.
    func failure() async {
        let before = failed.load(ordering: .relaxed)
        await wait { failed.load(ordering: .relaxed) > before }
    }
}
