import Foundation
import Granary
import Synchronization
import TestSupport
import Testing

@testable import GranaryS3

/// Where credentials come from, and where they do not go.
@Suite(.inTurn) struct CredentialTests {
    private static func chain(
        _ environment: [String: String],
        profile: String? = nil,
        containerHost: String = "http://127.0.0.1:1",
        waits: NotedWaits = NotedWaits()
    ) -> CredentialChain {
        var options = S3CacheOptions(profile: profile, environment: environment, retries: waits.policy())
        // Nothing but a test's own server is asked.
        if environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == nil {
            options.environment["AWS_EC2_METADATA_DISABLED"] = "true"
        }
        // Services that are there answer, however busy the machine is.
        return CredentialChain(
            options,
            transport: HTTPTransport(connections: 4),
            containerHost: containerHost,
            containerTimeout: .seconds(120),
            instanceTimeout: .seconds(120)
        )
    }

    private static func document(_ name: String, expiration: String = "2100-01-01T00:00:00Z") -> [UInt8] {
        Array(
            """
            {"Code": "Success", "AccessKeyId": "\(name)", "SecretAccessKey": "\(name)-secret", "Token": "\(name)-token",
             "Expiration": "\(expiration)", "RoleArn": "arn:aws:iam::1:role/x"}
            """.utf8
        )
    }

    private static let environment = [
        "AWS_ACCESS_KEY_ID": "ENVKEY", "AWS_SECRET_ACCESS_KEY": "env-secret", "AWS_SESSION_TOKEN": "env-token",
    ]

    @Test func takesTheEnvironmentFirst() async throws {
        let credentials = try await Self.chain(Self.environment).issue().credentials
        #expect(
            credentials == (try S3Credentials(accessKey: "ENVKEY", secretKey: "env-secret", sessionToken: "env-token"))
        )
        var incomplete = Self.environment
        incomplete["AWS_SECRET_ACCESS_KEY"] = nil
        let error = await failure { _ = try await Self.chain(incomplete).issue() }
        #expect(error?.code == .noCredentials && error?.detail.contains("only one is set") ?? false)
    }

    @Test func readsProfilesInTheSharedFiles() async throws {
        let directory = try TemporaryDirectory()
        let credentials = try directory.write(
            "credentials",
            """
            # a comment
            [default]
            aws_access_key_id = DEFAULTKEY
            aws_secret_access_key=default/secret+=#x # a comment

            [ work ]
            AWS_ACCESS_KEY_ID=WORKKEY\r
            aws_secret_access_key = work-secret
            aws_session_token = work-token
            ; a comment
            [half]
            aws_access_key_id = HALFKEY
            """
        )
        let config = try directory.write(
            "config",
            """
            [default]
            aws_access_key_id = NOTTHIS
            aws_secret_access_key = not-this
            [profile fromconfig]
            s3 =
              aws_access_key_id = NESTED
            aws_access_key_id = CONFIGKEY
            aws_secret_access_key = config-secret
            [profile role]
            role_arn = arn:aws:iam::1:role/x
            [unrelated]
            aws_access_key_id = OTHERKEY
            """
        )
        let files = ["AWS_SHARED_CREDENTIALS_FILE": credentials, "AWS_CONFIG_FILE": config]
        func found(_ profile: String?, _ more: [String: String] = [:]) async throws -> S3Credentials {
            try await Self.chain(files.merging(more) { $1 }, profile: profile).issue().credentials
        }
        #expect(try await found(nil) == S3Credentials(accessKey: "DEFAULTKEY", secretKey: "default/secret+=#x"))
        let work = try S3Credentials(accessKey: "WORKKEY", secretKey: "work-secret", sessionToken: "work-token")
        #expect(try await found(nil, ["AWS_PROFILE": "work"]) == work)
        #expect(try await found("work", Self.environment) == work)
        #expect(try await found(nil, Self.environment).accessKey == "ENVKEY")
        #expect(try await found("fromconfig") == S3Credentials(accessKey: "CONFIGKEY", secretKey: "config-secret"))
        for (profile, code, remedy) in [
            ("half", S3CacheError.Code.noCredentials, "without aws_secret_access_key"),
            ("role", .noCredentials, "uses role_arn, which is not supported; run `eval"),
            ("unrelated", .invalidConfiguration, "add it to ~/.aws/credentials"),
        ] {
            let error = await failure { _ = try await found(profile) }
            #expect(error?.code == code && error?.detail.contains(remedy) ?? false, "\(profile)")
        }
        try FileManager.default.createDirectory(atPath: directory.path + "/.aws", withIntermediateDirectories: true)
        _ = try directory.write(".aws/credentials", "[default]\naws_access_key_id=HOMEKEY\naws_secret_access_key=s\n")
        #expect(try await Self.chain(["HOME": directory.path]).issue().credentials.accessKey == "HOMEKEY")
    }

    @Test func asksTheContainersService() async throws {
        let server = try await ScriptedServer { request, _ in
            .bytes(
                request.headers["authorization"] == "the-token" && request.target == "/v2/credentials?id=1"
                    ? ScriptedServer.response(200, Self.document("CONTAINER")) : ScriptedServer.response(401)
            )
        }
        let directory = try TemporaryDirectory()
        let file = try directory.write("token", "the-token")
        for more in [
            ["AWS_CONTAINER_AUTHORIZATION_TOKEN": "the-token"],
            ["AWS_CONTAINER_AUTHORIZATION_TOKEN": "another", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file],
        ] {
            let relative = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials?id=1"].merging(more) { $1 }
            let issued = try await Self.chain(relative, containerHost: server.endpoint).issue()
            let expected = try S3Credentials(
                accessKey: "CONTAINER",
                secretKey: "CONTAINER-secret",
                sessionToken: "CONTAINER-token"
            )
            #expect(issued.credentials == expected)
            #expect(issued.expiry == 4_102_444_800_000)
            let full = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(server.endpoint)/v2/credentials?id=1"].merging(more) {
                $1
            }
            #expect(try await Self.chain(full).issue().credentials == expected)
        }
        let error = await failure {
            _ = try await Self.chain(["AWS_CONTAINER_CREDENTIALS_FULL_URI": server.endpoint + "/"]).issue()
        }
        #expect(error?.code == .credentialsUnavailable && error?.detail.contains("answers 401") ?? false)
    }

    @Test(arguments: [
        ("https://anywhere.example/x", true), ("http://127.0.0.1:80/", true), ("http://127.9.9.9/", true),
        ("http://localhost/x", true), ("http://[::1]:8080/x", true), ("http://169.254.170.2/x", true),
        ("http://169.254.170.23/v1/credentials", true), ("http://[fd00:ec2::23]/v1", true),
        ("http://anywhere.example/x", false), ("http://169.254.169.254/x", false),
        ("http://127.0.0.1.example/x", false),
        ("http://127.0.0.1@anywhere.example/x", false), ("http://127.1/x", false), ("http://127.0.0.256/", false),
        ("http://10.0.0.1/x", false), ("ftp://localhost/x", false), ("file:///etc/passwd", false), ("", false),
    ])
    func sendsAContainersTokenToItsOwnMachineOnly(_ url: String, _ isAllowed: Bool) async throws {
        #expect(ContainerCredentials.isAllowed(url) == isAllowed)
        guard !isAllowed, !url.isEmpty else { return }
        let environment = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "hidden"]
        let error = await failure { _ = try await Self.chain(environment).issue() }
        #expect(error?.detail.contains("has to be https, or http on a loopback address") ?? false)
    }

    @Test func refusesATokenWithALineEnd() async throws {
        let environment = [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "hidden\r\nX: y",
        ]
        let error = await failure { _ = try await Self.chain(environment).issue() }
        #expect(error?.detail.contains("characters that no header can") ?? false)
        #expect(error.map { !"\($0)".contains("hidden") } ?? false)
    }

    @Test func asksTheInstancesServiceForATokenFirst() async throws {
        let server = try await ScriptedServer { request, _ in
            switch (request.method, request.target, request.headers["x-aws-ec2-metadata-token"]) {
            case ("PUT", "/latest/api/token", nil)
            where request.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600":
                return .bytes(ScriptedServer.response(200, Array("the-token".utf8)))
            case ("GET", "/latest/meta-data/iam/security-credentials/", "the-token"):
                return .bytes(ScriptedServer.response(200, Array("the role\n".utf8)))
            case ("GET", "/latest/meta-data/iam/security-credentials/the", "the-token"):
                return .bytes(ScriptedServer.response(200, Self.document("INSTANCE")))
            default: return .bytes(ScriptedServer.response(401))
            }
        }
        let environment = ["AWS_EC2_METADATA_SERVICE_ENDPOINT": server.endpoint + "/"]
        let issued = try await Self.chain(environment).issue()
        #expect(issued.credentials.accessKey == "INSTANCE" && issued.expiry == 4_102_444_800_000)
        #expect(server.requests.map(\.method) == ["PUT", "GET", "GET"])
        var disabled = environment
        disabled["AWS_EC2_METADATA_DISABLED"] = "TRUE"
        let error = await failure { _ = try await Self.chain(disabled).issue() }
        #expect(error?.code == .noCredentials && error?.detail.contains("set AWS_ACCESS_KEY_ID") ?? false)
        #expect(server.requests.count == 3)
    }

    @Test(arguments: [
        ([403], S3CacheError.Code.noCredentials), ([500, 500, 500], .noCredentials), ([200, 404], .noCredentials),
        ([200, 401], .credentialsUnavailable), ([200, 200, 404], .credentialsUnavailable),
        ([200, 200, 200], .credentialsUnavailable), ([200, 503, 503, 503], .credentialsUnavailable),
    ])
    func saysWhatTheInstancesServiceLacks(_ statuses: [Int], _ code: S3CacheError.Code) async throws {
        let server = try await ScriptedServer(
            script: statuses.map { .bytes(ScriptedServer.response($0, Array("something".utf8))) }
        )
        let error = await failure {
            _ = try await Self.chain(["AWS_EC2_METADATA_SERVICE_ENDPOINT": server.endpoint]).issue()
        }
        #expect(error?.code == code)
        #expect(server.requests.count == statuses.count)
    }

    @Test(arguments: [
        ["AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"],
        ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1"],
    ])
    func aCacheThatWasClosedSaysSoAndAsksForNoCredentials(_ environment: [String: String]) async throws {
        let waits = NotedWaits()
        let options = S3CacheOptions(
            endpoint: "http://127.0.0.1:1",
            environment: environment,
            retries: waits.policy()
        )
        let cache = try S3Cache(bucket: "bucket", options: options)
        try await cache.close()
        #expect(await failure { _ = try await cache.get("key") }?.code == .closed)
        #expect(waits.all.isEmpty)
    }

    @Test func showsNoSecretAnywhere() throws {
        let credentials = try S3Credentials(
            accessKey: "AKHIDDEN",
            secretKey: "hidden-secret",
            sessionToken: "hidden-token"
        )
        let options = S3CacheOptions(
            endpoint: "http://localhost:1",
            credentials: credentials,
            environment: ["AWS_SECRET_ACCESS_KEY": "hidden-env"]
        )
        let cache = try S3Cache(bucket: "bucket", options: options)
        var text = "\(credentials) \(String(reflecting: credentials)) \(Optional(credentials) as Any)"
        dump(credentials, to: &text)
        dump(cache, to: &text)
        dump(options, to: &text)
        text += "\(cache) \(options)"
        #expect(!text.lowercased().contains("hidden"))
        for (secret, token) in [("hidden\n", nil), ("", nil), ("a", "hidden\u{0}"), ("hi dden", nil)] {
            let error = #expect(throws: S3CacheError.self) {
                try S3Credentials(accessKey: "A", secretKey: secret, sessionToken: token)
            }
            #expect(error.map { !"\($0)".contains("dden") } ?? false)
        }
    }

    // MARK: Renewal

    private struct Unavailable: Error {}

    /// Gives out numbered credentials that end after an hour, unless told otherwise, or fails.
    private final class Source: Sendable {
        let lifetime: UInt64
        let issued = Atomic(0)
        let fails = Atomic(false)
        let time = ManualClock()

        init(lifetime: UInt64 = 3_600_000) { self.lifetime = lifetime }

        func store() -> CredentialStore {
            CredentialStore(clock: time.clock) { [self] in
                let number = issued.add(1, ordering: .relaxed).newValue
                if fails.load(ordering: .relaxed) { throw Unavailable() }
                return IssuedCredentials(
                    credentials: try S3Credentials(accessKey: "KEY\(number)", secretKey: "s"),
                    expiry: time.now + lifetime
                )
            }
        }
    }

    private static func ask(_ store: CredentialStore, times: Int) async throws -> Set<String> {
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<times { group.addTask { try await store.credentials().accessKey } }
            return try await group.reduce(into: []) { $0.insert($1) }
        }
    }

    @Test func renewsBeforeTheEndByOneCallerForAll() async throws {
        let source = Source()
        let store = source.store()
        #expect(try await Self.ask(store, times: 50) == ["KEY1"])
        source.time.advance(by: 3_299_999)
        #expect(try await Self.ask(store, times: 50) == ["KEY1"])
        source.time.advance(by: 1)
        #expect(try await Self.ask(store, times: 50) == ["KEY2"])
        #expect(source.issued.load(ordering: .relaxed) == 2)
        store.discard(try S3Credentials(accessKey: "KEY1", secretKey: "s"))
        #expect(try await store.credentials().accessKey == "KEY2")
        store.discard(try S3Credentials(accessKey: "KEY2", secretKey: "s"))
        #expect(try await store.credentials().accessKey == "KEY3")
    }

    @Test func usesCredentialsToTheirEndWhileTheyCannotBeRenewed() async throws {
        let source = Source()
        let store = source.store()
        #expect(try await store.credentials().accessKey == "KEY1")
        source.fails.store(true, ordering: .relaxed)
        source.time.advance(by: 3_300_000)
        for _ in 0..<5 { #expect(try await store.credentials().accessKey == "KEY1") }
        // One attempt in ten seconds.
        #expect(source.issued.load(ordering: .relaxed) == 2)
        source.time.advance(by: 10_000)
        #expect(try await store.credentials().accessKey == "KEY1")
        #expect(source.issued.load(ordering: .relaxed) == 3)
        source.time.advance(by: 290_000)
        await #expect(throws: Unavailable.self) { try await store.credentials() }
        source.fails.store(false, ordering: .relaxed)
        #expect(try await store.credentials().accessKey == "KEY5")
    }

    @Test func asksForShortLivedCredentialsOnceInAWhileAndNotForEachRequest() async throws {
        let source = Source(lifetime: 60_000)
        let store = source.store()
        for _ in 0..<5 { #expect(try await store.credentials().accessKey == "KEY1") }
        source.time.advance(by: 9_999)
        #expect(try await Self.ask(store, times: 50) == ["KEY1"])
        source.time.advance(by: 1)
        #expect(try await Self.ask(store, times: 50) == ["KEY2"])
        #expect(source.issued.load(ordering: .relaxed) == 2)
    }

    @Test func getsNewCredentialsWhenS3SaysThatTheyHaveEnded() async throws {
        let asked = Mutex<[String]>([])
        let metadata = try await ScriptedServer { _, number in
            .bytes(ScriptedServer.response(200, Self.document("KEY\(number)")))
        }
        let server = try await ScriptedServer { request, _ in
            let authorization = request.headers["authorization"] ?? ""
            asked.withLock { $0.append(authorization) }
            return .bytes(
                authorization.contains("=KEY0/")
                    ? ScriptedServer.failure(400, "ExpiredToken")
                    : ScriptedServer.failure(404, "NoSuchKey")
            )
        }
        let waits = NotedWaits()
        let cache = try S3Cache(
            bucket: "bucket",
            options: S3CacheOptions(
                endpoint: server.endpoint,
                environment: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": metadata.endpoint],
                retries: waits.policy()
            )
        )
        #expect(try await cache.get("key") == nil)
        #expect(asked.withLock { $0.count } == 2)
        #expect(metadata.requests.count == 2)
    }
}
