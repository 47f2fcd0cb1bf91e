import Granary
import GranaryTesting
import NIOCore
import SegmentStore
import TestSupport
import Testing

@testable import GranaryS3

/// Lines that are slow, and services that say nothing more.
@Suite(.inTurn) struct SlowTransferTests {
    private static func cache(_ server: ScriptedServer, timeout: Duration) throws -> S3Cache {
        let options = S3CacheOptions(
            endpoint: server.endpoint,
            credentials: try S3Credentials(accessKey: "A", secretKey: "S"),
            environment: [:],
            timeout: timeout,
            retries: NotedWaits().policy(maxRetries: 0)
        )
        return try S3Cache(bucket: "bucket", options: options)
    }

    private static func answer(_ value: CacheValue, pieces: Int) -> [[UInt8]] {
        let bytes = ScriptedServer.response(200, StoredValue(value).encoded(forKey: "key"))
        let length = bytes.count / pieces + 1
        return stride(from: 0, to: bytes.count, by: length).map { Array(bytes[$0..<min($0 + length, bytes.count)]) }
    }

    @Test func waitsLongerThanTheTimeoutForALargeValueThatKeepsComing() async throws {
        var random = SeededGenerator(seed: 5)
        let value = CacheValue(random.bytes(2 << 20))
        let pieces = Self.answer(value, pieces: 24)
        let server = try await ScriptedServer { _, _ in .slowly(pieces, .milliseconds(500)) }
        #expect(try await Self.cache(server, timeout: .seconds(10)).get("key") == value)
    }

    @Test func doesNotWaitForAValueThatComesByTheByte() async throws {
        let pieces = Self.answer(CacheValue([UInt8](repeating: 1, count: 2_000)), pieces: 2_000)
        let server = try await ScriptedServer { _, _ in .slowly(pieces, .milliseconds(20)) }
        let cache = try Self.cache(server, timeout: .milliseconds(200))
        #expect(await failure { _ = try await cache.get("key") }?.code == .timedOut)
    }

    @Test(arguments: [0, 65_536, 65_537, 3 << 20]) func sendsValuesWholeWhateverTheirLength(_ length: Int) async throws
    {
        var random = SeededGenerator(seed: 6)
        let value = CacheValue(random.bytes(length))
        let server = try await ScriptedServer(always: ScriptedServer.response(200))
        try await Self.cache(server, timeout: .seconds(60)).set("key", to: value)
        let request = try #require(server.requests.first)
        #expect(StoredValue(decoding: request.body, forKey: "key")?.value == value)
        #expect(request.headers["content-length"] == "\(request.body.count)")
        #expect(request.headers["transfer-encoding"] == nil)
        #expect(request.headers["x-amz-content-sha256"] == SignatureVersion4.hash(request.body))
    }
}
