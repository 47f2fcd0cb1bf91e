import Foundation
import Granary
import GranaryTesting
import SegmentStore
import Synchronization

@testable import GranaryS3

extension S3Cache {
    func createBucket() async throws { _ = try await client.send(S3Request(method: "PUT")) }

    /// Puts an object under the prefix that the cache has not made.
    func putForeign(_ name: String, _ body: [UInt8]) async throws {
        _ = try await client.send(S3Request(method: "PUT", name: name, body: body))
    }

    /// The object's body as S3 has it; nil if there is none.
    func object(_ name: String) async throws -> HTTPAnswer? {
        let answer = try await client.send(
            S3Request(method: "GET", name: name, longestAnswer: 1 << 24, expected: [404])
        ).answer
        return answer.status == 404 ? nil : answer
    }
}

extension CacheKeys {
    func all() async throws -> [String] { try await reduce(into: []) { $0.append($1) } }
}

/// A clock that tests set.
final class ManualClock: Sendable {
    private let time = Mutex<UInt64>(1_700_000_000_000)
    var now: UInt64 { time.withLock { $0 } }
    func advance(by milliseconds: UInt64) { time.withLock { $0 += milliseconds } }
    var clock: StoreClock { StoreClock { [self] in now } }
}

/// Notes the waits that are asked for, and does not wait.
final class NotedWaits: Sendable {
    private let noted = Mutex<[Duration]>([])
    var all: [Duration] { noted.withLock { $0 } }

    func policy(maxRetries: Int = 3, random: Double = 1) -> S3RetryPolicy {
        S3RetryPolicy(
            maxRetries: maxRetries,
            random: { random },
            sleep: { [self] wait in noted.withLock { $0.append(wait) } }
        )
    }
}

/// A directory of its own for one test, which goes with it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "granary-s3-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes the file; returns its path.
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(text.utf8).write(to: URL(filePath: file))
        return file
    }
}

extension SeededGenerator {
    /// Text of parts that clients and servers have got wrong.
    mutating func strangeText(upTo length: Int) -> String {
        let parts = [
            "a", "Z", "0", " ", "  ", "+", "%", "%20", "%2F", "é", "e\u{301}", "漢", "😀", ".", "..", "/", "//", "/../",
            "~",
            "*", "'", "(", ")", "!", "&", "=", "?", "#", ";", ":", "@", "$", ",", "\"", "<", ">", "\\", "^", "`", "{",
            "|",
            "}", "[", "]", "_", "-",
        ]
        return (0..<Int.random(in: 1...length, using: &self)).map { _ in parts.randomElement(using: &self) ?? "" }
            .joined()
    }
}

/// The error that the body throws; nil if it throws none, or another one.
func failure(of body: () async throws -> Void) async -> S3CacheError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? S3CacheError
    }
}
