import TestSupport
import Testing

@testable import GranaryS3

/// Where a cache is, by its URL, its options, the environment and the shared files.
@Suite(.inTurn) struct PlaceTests {
    @Test func readsURLs() throws {
        #expect(try S3URL("s3://bucket") == S3URL.of("bucket"))
        #expect(try S3URL("s3://bucket/") == S3URL.of("bucket"))
        #expect(try S3URL("s3://bucket/a/b/") == S3URL.of("bucket", prefix: "a/b/"))
        let url = try S3URL(
            "s3://bu.cket/team?endpoint=http%3A%2F%2Flocalhost%3A9000&region=eu-west-1&profile=work&addressing=virtual"
        )
        #expect(url.endpoint == "http://localhost:9000" && url.region == "eu-west-1" && url.profile == "work")
        #expect(url.bucket == "bu.cket" && url.prefix == "team" && url.addressing == .virtualHosted)
        #expect(try S3URL("s3://bucket?endpoint=http://localhost:9000/s3").endpoint == "http://localhost:9000/s3")
    }

    @Test(arguments: [
        "", "bucket", "http://bucket", "s3://", "s3:///prefix", "s3://key:hidden@bucket", "s3://hidden@bucket",
        "s3://bucket:80/", "s3://bucket#hidden", "s3://bucket?secret=hidden", "s3://bucket?region=",
        "s3://bucket?region",
        "s3://bucket?region=a&region=b", "s3://bucket?addressing=hidden", "s3://bucket/a?endpoint=ftp://hidden",
        "s3://bucket/a?endpoint=http://user:hidden@host", "s3://bucket/a?endpoint=http://host?hidden",
        "s3://bucket/a//b?region=x", "s3://bucket/a/../b?region=x", "s3://bucket/%20?region=x", "s3://bu?region=x",
        "s3://bucket?region=eu%20west",
    ])
    func refusesOtherURLsWithoutShowingThem(_ url: String) {
        let error = #expect(throws: S3CacheError.self) { try S3Cache(url: url, environment: [:]) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error.map { !"\($0)".contains("hidden") } ?? false)
    }

    @Test func addressesBucketsByHostOrPath() throws {
        func place(
            _ bucket: String,
            endpoint: String? = nil,
            region: String = "eu-west-1",
            addressing: S3CacheOptions.Addressing? = nil
        ) throws -> S3Place {
            try S3Place(bucket: bucket, prefix: "granary", region: region, endpoint: endpoint, addressing: addressing)
        }
        let usual = try place("bucket")
        #expect(usual.scheme == "https" && usual.host == "bucket.s3.eu-west-1.amazonaws.com")
        #expect(usual.path(of: "a!20b") == "/granary/a%2120b" && usual.path(of: nil) == "/")
        #expect(try place("bucket", region: "cn-north-1").host == "bucket.s3.cn-north-1.amazonaws.com.cn")
        let dotted = try place("my.bucket")
        #expect(dotted.host == "s3.eu-west-1.amazonaws.com" && dotted.path(of: "a") == "/my.bucket/granary/a")
        let own = try place("bucket", endpoint: "HTTP://LocalHost:9000/")
        #expect(own.scheme == "http" && own.host == "localhost:9000" && own.path(of: nil) == "/bucket")
        #expect(try place("bucket", endpoint: "https://h:443/base").host == "h")
        #expect(try place("bucket", endpoint: "https://h:443/base").path(of: "a") == "/base/bucket/granary/a")
        #expect(try place("bucket", endpoint: "http://[::1]:9000").host == "[::1]:9000")
        #expect(try place("bucket", endpoint: "http://h:9000", addressing: .virtualHosted).host == "bucket.h:9000")
        #expect(try place("bucket", addressing: .path).path(of: "a") == "/bucket/granary/a")
        #expect(usual.location == "s3://bucket/granary/")
    }

    @Test func asksForTheRegionWhereNothingSaysIt() {
        let error = #expect(throws: S3CacheError.self) { try S3Cache(url: "s3://bucket", environment: [:]) }
        #expect(error?.code == .missingRegion)
        #expect(error?.detail.contains("AWS_REGION") ?? false)
    }

    @Test func looksForRegionAndEndpointInOrder() throws {
        let directory = try TemporaryDirectory()
        let config = try directory.write(
            "config",
            "[default]\nregion = file-1\n[profile work]\nregion = work-1\nendpoint_url = http://work:1\n"
        )
        func place(_ environment: [String: String], _ options: S3CacheOptions = S3CacheOptions()) throws -> S3Place {
            var options = options
            options.environment = environment.merging(["AWS_CONFIG_FILE": config]) { $1 }
            return try S3Place(bucket: "bucket", prefix: "p", options)
        }
        #expect(try place([:]).region == "file-1")
        #expect(try place([:]).host == "bucket.s3.file-1.amazonaws.com")
        #expect(try place(["AWS_PROFILE": "work"]).region == "work-1")
        #expect(try place(["AWS_PROFILE": "work"]).host == "work:1")
        #expect(try place([:], S3CacheOptions(profile: "work")).region == "work-1")
        #expect(try place(["AWS_DEFAULT_REGION": "default-1"]).region == "default-1")
        #expect(try place(["AWS_DEFAULT_REGION": "default-1", "AWS_REGION": "env-1"]).region == "env-1")
        #expect(try place(["AWS_REGION": "env-1"], S3CacheOptions(region: "option-1")).region == "option-1")
        #expect(try place(["AWS_ENDPOINT_URL": "http://all:1"]).host == "all:1")
        let both = ["AWS_ENDPOINT_URL": "http://all:1", "AWS_ENDPOINT_URL_S3": "http://s3:1"]
        #expect(try place(both).host == "s3:1")
        #expect(try place(both, S3CacheOptions(endpoint: "http://option:1")).host == "option:1")
    }
}

extension S3URL {
    fileprivate static func of(_ bucket: String, prefix: String? = nil) throws -> S3URL {
        var url = try S3URL("s3://\(bucket)")
        url.prefix = prefix
        return url
    }
}
