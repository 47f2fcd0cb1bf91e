import Foundation
import Granary
import Synchronization
import TestSupport
import Testing

@testable import GranaryS3

/// Services that fail, lie, or send elsewhere.
@Suite(.inTurn) struct FaultTests {
    private static let secret = "hiddenSecretKey"
    private static let token = "hiddenToken"

    private static func cache(
        _ server: ScriptedServer,
        _ waits: NotedWaits = NotedWaits(),
        configure: (inout S3CacheOptions) -> Void = { _ in }
    ) throws -> S3Cache {
        var options = S3CacheOptions(
            region: "eu-west-1",
            endpoint: server.endpoint,
            credentials: try S3Credentials(accessKey: "AKHIDDEN", secretKey: secret, sessionToken: token),
            environment: [:],
            retries: waits.policy()
        )
        configure(&options)
        return try S3Cache(bucket: "bucket", options: options)
    }

    private static let found = ScriptedServer.response(
        200,
        StoredValue(CacheValue([1, 2, 3])).encoded(forKey: "key")
    )

    private static let passing: [(String, ScriptedServer.Answer)] = [
        ("500", .bytes(ScriptedServer.failure(500, "InternalError"))),
        ("500 with garbage", .bytes(ScriptedServer.response(500, Array("<<<&".utf8)))),
        ("502 without a body", .bytes(ScriptedServer.response(502))),
        ("503 SlowDown", .bytes(ScriptedServer.failure(503, "SlowDown"))),
        ("429", .bytes(ScriptedServer.response(429))),
        ("400 RequestTimeout", .bytes(ScriptedServer.failure(400, "RequestTimeout"))),
        ("half a body", .bytes(Array(found.dropLast(5)), closes: true)),
        ("half a head", .bytes(Array(found.prefix(20)), closes: true)),
        ("no answer", .bytes([], closes: true)),
        ("no HTTP", .bytes(Array("SSH-2.0-OpenSSH_9.2\r\n\u{0}".utf8), closes: true)),
    ]

    @Test(arguments: passing.indices)
    func asksAgainAfterAFailureThatMayPass(_ index: Int) async throws {
        let fault = Self.passing[index].1
        let server = try await ScriptedServer(script: [fault, fault, .bytes(Self.found)])
        let waits = NotedWaits()
        let cache = try Self.cache(server, waits)
        #expect(try await cache.get("key") == CacheValue([1, 2, 3]), "\(Self.passing[index].0)")
        #expect(server.requests.count == 3)
        #expect(waits.all == [.milliseconds(100), .milliseconds(200)])
    }

    @Test func asksNoMoreOftenThanConfigured() async throws {
        for (index, code) in [(0, S3CacheError.Code.server), (3, .slowDown), (6, .connection)] {
            for maxRetries in [0, 1, 4] {
                let server = try await ScriptedServer(script: [Self.passing[index].1])
                let waits = NotedWaits()
                let cache = try Self.cache(server) { $0.retries = waits.policy(maxRetries: maxRetries) }
                let error = await failure { _ = try await cache.get("key") }
                #expect(error?.code == code)
                #expect(server.requests.count == maxRetries + 1)
                #expect(waits.all.count == maxRetries)
            }
        }
    }

    @Test func aLongPageOfAFailureIsThatFailure() async throws {
        func page(_ status: Int) -> ScriptedServer.Answer {
            .bytes(ScriptedServer.response(status, Array(repeating: UInt8(ascii: "<"), count: 1 << 20)))
        }
        let server = try await ScriptedServer(script: [page(503), page(503), .bytes(Self.found), page(503), page(403)])
        let cache = try Self.cache(server) { $0.longestValue = 100 }
        #expect(try await cache.get("key") == CacheValue([1, 2, 3]))
        #expect(await failure { try await cache.set("key", to: CacheValue([1])) }?.code == .accessDenied)
        #expect(await failure { _ = try await cache.get("key") }?.code == .accessDenied)
        #expect(server.requests.count == 6)
        #expect(try await cache.statistics().damaged == 0)
    }

    @Test func valuesMayHaveAnyLength() async throws {
        let server = try await ScriptedServer(always: Self.found)
        let cache = try Self.cache(server) { $0.longestValue = .max }
        #expect(try await cache.get("key") == CacheValue([1, 2, 3]))
    }

    @Test func waitsTwiceAsLongEachTimeWithFullJitterAndALimit() async throws {
        let waits = NotedWaits()
        var policy = waits.policy(random: 0.5)
        for retry in [0, 1, 2, 5, 6, 100] { try await policy.pause(beforeRetry: retry) }
        #expect(waits.all == [50, 100, 200, 1_600, 2_500, 2_500].map { .milliseconds($0) })
        policy.random = { 0 }
        try await policy.pause(beforeRetry: 9)
        #expect(waits.all.last == .zero)
    }

    @Test func givesUpWaitingForAServiceThatSaysNothing() async throws {
        for answer in [ScriptedServer.Answer.silence, .bytes(Array(Self.found.dropLast(5)))] {
            let server = try await ScriptedServer(script: [answer])
            let waits = NotedWaits()
            let cache = try Self.cache(server) {
                $0.timeout = .milliseconds(50)
                $0.retries = waits.policy(maxRetries: 1)
            }
            let error = await failure { _ = try await cache.get("key") }
            #expect(error?.code == .timedOut)
            #expect(error?.detail.contains("raise the timeout") ?? false)
            #expect(waits.all.count == 1)
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var answer: [UInt8]
        var code: S3CacheError.Code
        var remedy: String
        var region: String?
        var testDescription: String { String(decoding: answer, as: UTF8.self) }
    }

    static let refusals = [
        Refusal(
            answer: ScriptedServer.failure(
                403,
                "SignatureDoesNotMatch",
                message: "The request signature we calculated does not match",
                more: "<AWSAccessKeyId>AKHIDDEN</AWSAccessKeyId><StringToSign>x</StringToSign>"
            ),
            code: .signatureMismatch,
            remedy: "check the secret key (AWS_SECRET_ACCESS_KEY)"
        ),
        Refusal(
            answer: ScriptedServer.failure(
                403,
                "InvalidAccessKeyId",
                message: "The AWS Access Key Id AKHIDDEN does not exist; \(token) \(secret)"
            ),
            code: .unknownAccessKey,
            remedy: "check the access key (AWS_ACCESS_KEY_ID)"
        ),
        Refusal(
            answer: ScriptedServer.failure(403, "AccessDenied", message: "User \u{1B}[31m is not authorised"),
            code: .accessDenied,
            remedy:
                "grant s3:GetObject, s3:PutObject and s3:DeleteObject on the objects, and s3:ListBucket on the bucket"
        ),
        Refusal(answer: ScriptedServer.response(403, Array("garbage".utf8)), code: .accessDenied, remedy: "grant"),
        Refusal(
            answer: ScriptedServer.failure(
                403,
                "RequestTimeTooSkewed",
                more: "<ServerTime>2026-01-02T03:04:05Z</ServerTime>"
            ),
            code: .clockSkew,
            remedy: "this machine's clock is wrong: set it to the time, which S3 says is 2026-01-02T03:04:05Z"
        ),
        Refusal(
            answer: ScriptedServer.failure(
                301,
                "PermanentRedirect",
                more: "<Endpoint>bucket.s3.us-west-2.amazonaws.com</Endpoint>",
                headers: ["x-amz-bucket-region: us-west-2"]
            ),
            code: .wrongRegion,
            remedy: "set the region to us-west-2",
            region: "us-west-2"
        ),
        Refusal(
            answer: ScriptedServer.failure(
                400,
                "AuthorizationHeaderMalformed",
                message: "the region 'eu-west-1' is wrong; expecting 'us-east-2'",
                more: "<Region>us-east-2</Region>"
            ),
            code: .wrongRegion,
            remedy: "set the region to us-east-2",
            region: "us-east-2"
        ),
        Refusal(
            answer: ScriptedServer.failure(301, "PermanentRedirect", headers: ["x-amz-bucket-region: no region!"]),
            code: .wrongRegion,
            remedy: "set its region"
        ),
        Refusal(
            answer: ScriptedServer.failure(404, "NoSuchBucket"),
            code: .noSuchBucket,
            remedy: "create the bucket bucket"
        ),
        Refusal(
            answer: ScriptedServer.failure(400, "ExpiredToken", message: token),
            code: .expiredCredentials,
            remedy: "get new credentials"
        ),
        Refusal(answer: ScriptedServer.failure(405, "MethodNotAllowed"), code: .refused, remedy: "check endpoint"),
    ]

    @Test(arguments: refusals) func namesTheRemedyForARefusal(_ refusal: Refusal) async throws {
        let server = try await ScriptedServer(always: refusal.answer)
        let cache = try Self.cache(server)
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await cache.get("key") }, { try await cache.set("key", to: CacheValue([1])) },
            { _ = try await cache.count() }, { try await cache.removeAll() }, { _ = try await cache.keys.all() },
            { _ = try await cache.setIfAbsent("key", to: CacheValue([1])) }, { _ = try await cache.remove("key") },
        ]
        for call in calls {
            let error = try #require(await failure(of: call))
            #expect(error.code == refusal.code)
            #expect(error.region == refusal.region)
            #expect("\(error)".contains(refusal.remedy), "\(error)")
            #expect("\(error)".hasPrefix("s3://bucket/granary/: S3 answers "))
            for hidden in ["AKHIDDEN", Self.secret, Self.token, "\u{1B}"] { #expect(!"\(error)".contains(hidden)) }
        }
        // None of them passes by itself; a removal asks once more to hear the reason.
        #expect(server.requests.count(where: { $0.method != "HEAD" }) == calls.count)
        #expect(server.requests.count(where: { $0.method == "HEAD" }) == 1)
    }

    @Test(arguments: [301, 302, 303, 307, 308]) func followsNoRedirect(_ status: Int) async throws {
        let elsewhere = try await ScriptedServer(always: Self.found)
        let server = try await ScriptedServer(
            always: ScriptedServer.response(status, headers: ["Location: \(elsewhere.endpoint)/bucket/granary/key"])
        )
        let cache = try Self.cache(server)
        let error = await failure { _ = try await cache.get("key") }
        #expect(error?.code == .redirected)
        #expect(error?.detail.contains(elsewhere.endpoint) ?? false)
        #expect(elsewhere.requests.isEmpty)
        #expect(server.requests.count == 1)
    }

    @Test(arguments: [
        "garbage", "", "<html></html>", "<ListBucketResult></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>granary/a</Key></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>granary/a</Key><Size>-1</Size></Contents>"
            + "</ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
            + "</ListBucketResult>",
    ])
    func refusesWhatIsNoListing(_ body: String) async throws {
        let last = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        let server = try await ScriptedServer { _, number in
            .bytes(ScriptedServer.response(200, Array((number < 20 ? body : last).utf8)))
        }
        let cache = try Self.cache(server)
        for call: @Sendable () async throws -> Void in [
            { _ = try await cache.count() }, { _ = try await cache.keys.all() }, { try await cache.removeAll() },
        ] { #expect(await failure(of: call)?.code == .malformedAnswer) }
        // A listing that goes round in circles ends with its second page.
        #expect(server.requests.count <= 6)
    }

    /// Of one object.
    private static let listing =
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>granary/a</Key><Size>1</Size></Contents>"
        + "</ListBucketResult>"

    @Test func tellsWhatARemovalOfManyLeft() async throws {
        let deletion =
            "<DeleteResult><Error><Key>granary/a</Key><Code>AccessDenied</Code><Message>No</Message></Error></DeleteResult>"
        let server = try await ScriptedServer(script: [
            .bytes(ScriptedServer.response(200, Array(Self.listing.utf8))),
            .bytes(ScriptedServer.response(200, Array(deletion.utf8))),
        ])
        let cache = try Self.cache(server)
        let error = await failure { try await cache.removeAll() }
        #expect(error?.code == .accessDenied)
        #expect(error?.detail.contains("1 objects were not deleted (AccessDenied: No); grant s3:DeleteObject") ?? false)
        #expect(server.requests.map(\.target).last == "/bucket?delete=")
        #expect(server.requests.last?.headers["content-md5"] != nil)
    }

    @Test func deletesAgainWhatAPassingFailureLeft() async throws {
        let left = ["InternalError", "SlowDown"].map {
            "<DeleteResult><Error><Key>granary/a</Key><Code>\($0)</Code><Message>No</Message></Error></DeleteResult>"
        }
        let server = try await ScriptedServer(
            script: ([Self.listing] + left + ["<DeleteResult></DeleteResult>"]).map {
                .bytes(ScriptedServer.response(200, Array($0.utf8)))
            }
        )
        try await Self.cache(server).removeAll()
        #expect(server.requests.map(\.target).dropFirst() == ["/bucket?delete=", "/bucket?delete=", "/bucket?delete="])
        #expect(Set(server.requests.dropFirst().map(\.body)).count == 1)
    }

    @Test func takesAPageThatIsNotFoundForNoAnswerOfS3() async throws {
        let page = Array("<html><body>Not found</body></html>".utf8)
        let server = try await ScriptedServer(always: ScriptedServer.response(404, page))
        let cache = try Self.cache(server)
        for call: @Sendable () async throws -> Void in [
            { _ = try await cache.get("key") }, { _ = try await cache.remove("key") },
        ] {
            let error = await failure(of: call)
            #expect(error?.code == .malformedAnswer && error?.detail.contains("check that the endpoint is S3") == true)
        }
    }

    @Test func addsSizesUpToANumberWhateverTheServiceSays() async throws {
        let object = "<Contents><Key>granary/a</Key><Size>\(Int.max)</Size></Contents>"
        let listing = "<ListBucketResult><IsTruncated>false</IsTruncated>\(object)\(object)</ListBucketResult>"
        let server = try await ScriptedServer(always: ScriptedServer.response(200, Array(listing.utf8)))
        #expect(try await Self.cache(server).byteCount() == .max)
    }

    @Test func neverListsForGetAndSet() async throws {
        let server = try await ScriptedServer { request, _ in
            .bytes(request.method == "PUT" ? ScriptedServer.response(200) : ScriptedServer.failure(404, "NoSuchKey"))
        }
        let cache = try Self.cache(server)
        try await cache.set("a b", to: CacheValue([1]), options: CacheSetOptions(expiry: .at(milliseconds: 77)))
        #expect(try await cache.get("a b") == nil)
        let requests = server.requests
        #expect(requests.map { "\($0.method) \($0.target)" } == ["PUT", "GET"].map { "\($0) /bucket/granary/a%2120b" })
        #expect(requests[0].headers["x-amz-meta-granary-expiry"] == "77")
        #expect(requests[0].headers["x-amz-security-token"] == Self.token)
        #expect(requests[0].headers["authorization"]?.contains("Credential=AKHIDDEN/") ?? false)
        #expect(requests[0].headers["x-amz-content-sha256"] == SignatureVersion4.hash(requests[0].body))
    }

    @Test func has64GetsInFlightByDefault() async throws {
        // Each answer waits for the 64th request.
        let server = try await ScriptedServer { _, _ in .together(64, Self.found) }
        let cache = try Self.cache(server) {
            $0.timeout = .seconds(60)
            $0.retries.maxRetries = 0
        }
        let values = try await cache.get(Array(repeating: "key", count: 128))
        #expect(values == Array(repeating: CacheValue([1, 2, 3]), count: 128))
        try await withThrowingTaskGroup(of: CacheValue?.self) { group in
            for _ in 0..<64 { group.addTask { try await cache.get("key") } }
            for try await value in group { #expect(value == CacheValue([1, 2, 3])) }
        }
        #expect(server.requests.count == 192)
    }

    @Test func hasNoMoreInFlightThanConfigured() async throws {
        let server = try await ScriptedServer { _, _ in .later(Self.found) }
        let cache = try Self.cache(server) { $0.concurrency = 3 }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { _ = try await cache.get(Array(repeating: "key", count: 20)) } }
            try await group.waitForAll()
        }
        #expect(server.requests.count == 60)
        #expect(server.mostInFlight <= 3)
    }

    @Test func knowsItsOwnConditionalSetAgainWhenTheAnswerWasLost() async throws {
        let created = Mutex("")
        let server = try await ScriptedServer { request, number in
            switch (request.method, number) {
            // It is stored, and the answer is lost.
            case ("PUT", 0):
                created.withLock { $0 = request.headers["x-amz-meta-granary-creation"] ?? "" }
                return .bytes([], closes: true)
            case ("PUT", _): return .bytes(ScriptedServer.failure(412, "PreconditionFailed"))
            default:
                let header = "x-amz-meta-granary-creation: \(created.withLock { $0 })"
                let value = StoredValue(CacheValue([1, 2, 3])).encoded(forKey: "key")
                return .bytes(ScriptedServer.response(200, value, headers: [header]))
            }
        }
        let cache = try Self.cache(server) { $0.randomness = { 0xABC } }
        #expect(try await cache.setIfAbsent("key", to: CacheValue([1, 2, 3])))
        #expect(created.withLock { $0 } == "abc")
        #expect(server.requests.map(\.method) == ["PUT", "PUT", "GET"])
        #expect(server.requests.allSatisfy { $0.method == "GET" || $0.headers["if-none-match"] == "*" })
    }

    @Test func endsAContestThatNobodyWins() async throws {
        let server = try await ScriptedServer { request, _ in
            .bytes(
                request.method == "PUT"
                    ? ScriptedServer.failure(412, "PreconditionFailed") : ScriptedServer.response(404)
            )
        }
        let cache = try Self.cache(server)
        let error = await failure { _ = try await cache.setIfAbsent("key", to: CacheValue([1])) }
        #expect(error?.code == .refused)
        #expect(error?.detail.contains("honours If-None-Match") ?? false)
    }

    @Test func stopsWhenItsTaskIsCancelled() async throws {
        let asked = AsyncStream<Void>.makeStream()
        let server = try await ScriptedServer { _, _ in
            asked.continuation.yield()
            return .silence
        }
        let cache = try Self.cache(server) { $0.timeout = .seconds(600) }
        let task = Task { try await cache.get("key") }
        for await _ in asked.stream { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func saysThatNobodyListens() async throws {
        let server = try await ScriptedServer(always: [])
        let port = server.port
        try await server.close()
        let waits = NotedWaits()
        var options = S3CacheOptions(endpoint: "http://127.0.0.1:\(port)", environment: [:], retries: waits.policy())
        options.credentials = try S3Credentials(accessKey: "AKHIDDEN", secretKey: Self.secret)
        let cache = try S3Cache(bucket: "bucket", options: options)
        let error = await failure { _ = try await cache.get("key") }
        #expect(error?.code == .connection)
        #expect(error?.detail.contains("127.0.0.1:\(port)") ?? false)
        #expect(waits.all.count == 3)
    }
}
