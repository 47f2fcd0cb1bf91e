import Granary
import TestSupport
import Testing

@testable import GranaryS3

/// A service that sends back what requests were signed with, whatever place that came from.
@Suite(.inTurn) struct RedactionTests {
    private static let secrets = ["AKHIDDEN", "hiddenSecretKey", "hiddenToken"]

    enum Source: CaseIterable {
        case options, environment, container
    }

    private static let echo = secrets.joined(separator: " ")

    private static let answers = [
        ScriptedServer.failure(404, "NoSuchBucket", message: echo),
        ScriptedServer.failure(404, "NoSuchBucket", headers: ["x-amz-bucket-region: hiddenSecretKey"]),
        ScriptedServer.failure(403, echo, message: echo),
        ScriptedServer.failure(301, "PermanentRedirect", headers: ["x-amz-bucket-region: hiddenSecretKey"]),
        ScriptedServer.failure(307, "Moved", headers: ["Location: http://hiddenToken/"]),
        ScriptedServer.response(
            200,
            Array("<DeleteResult><Error><Code>hiddenToken</Code><Message>\(echo)</Message></Error></DeleteResult>".utf8)
        ),
        ScriptedServer.response(200, Array("<hiddenSecretKey></hiddenSecretKey>".utf8)),
        ScriptedServer.response(200, Array("<a></hiddenSecretKey>".utf8)),
    ]

    @Test(arguments: Source.allCases, answers.indices)
    func showsNoCredentialsThatTheServiceSendsBack(_ source: Source, _ number: Int) async throws {
        let listing =
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>granary/a</Key><Size>1</Size></Contents>"
            + "</ListBucketResult>"
        let server = try await ScriptedServer { request, _ in
            let isDeletion = number == 5 && request.method == "GET" && request.target.contains("list-type")
            return .bytes(isDeletion ? ScriptedServer.response(200, Array(listing.utf8)) : Self.answers[number])
        }
        let document = #"{"AccessKeyId":"AKHIDDEN","SecretAccessKey":"hiddenSecretKey","Token":"hiddenToken"}"#
        let metadata = try await ScriptedServer(always: ScriptedServer.response(200, Array(document.utf8)))
        var options = S3CacheOptions(
            region: "eu-west-1",
            endpoint: server.endpoint,
            environment: [:],
            retries: NotedWaits().policy(maxRetries: 0)
        )
        switch source {
        case .options:
            options.credentials = try S3Credentials(
                accessKey: Self.secrets[0],
                secretKey: Self.secrets[1],
                sessionToken: Self.secrets[2]
            )
        case .environment:
            options.environment = [
                "AWS_ACCESS_KEY_ID": Self.secrets[0], "AWS_SECRET_ACCESS_KEY": Self.secrets[1],
                "AWS_SESSION_TOKEN": Self.secrets[2],
            ]
        case .container: options.environment = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": metadata.endpoint]
        }
        let cache = try S3Cache(bucket: "bucket", options: options)
        var errors = 0
        for call: @Sendable () async throws -> Void in [
            { _ = try await cache.get("key") }, { try await cache.set("key", to: CacheValue([1])) },
            { try await cache.remove("key") }, { _ = try await cache.count() }, { try await cache.removeAll() },
            { _ = try await cache.keys.all() }, { _ = try await cache.setIfAbsent("key", to: CacheValue([1])) },
        ] {
            guard let error = await failure(of: call) else { continue }
            errors += 1
            let text = "\(error) \(String(reflecting: error))"
            for secret in Self.secrets { #expect(!text.contains(secret)) }
        }
        #expect(errors > 0)
    }
}
