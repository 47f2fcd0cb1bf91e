import Foundation
import Granary
import GranaryTesting
import TestServers
import TestSupport
import Testing

@testable import GranaryS3

/// Signatures against the published examples, and against botocore's own.
@Suite(.inTurn) struct SignatureTests {
    private static let accessKey = "AKIAIOSFODNN7EXAMPLE"
    private static let secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    private static let time = "20130524T000000Z"
    private static let host = "examplebucket.s3.amazonaws.com"

    struct Example: Sendable, CustomTestStringConvertible {
        var name: String
        var method = "GET"
        var key = ""
        var query: [(name: String, value: String)] = []
        var headers: [(name: String, value: String)] = []
        var body = ""
        var signed: String
        var signature: String
        var testDescription: String { name }
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>, "Examples".
    static let examples = [
        Example(
            name: "GET object with a range",
            key: "test.txt",
            headers: [("Range", "bytes=0-9")],
            signed: "host;range;x-amz-content-sha256;x-amz-date",
            signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        ),
        Example(
            name: "PUT object",
            method: "PUT",
            key: "test$file.text",
            headers: [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
            body: "Welcome to Amazon S3.",
            signed: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        ),
        Example(
            name: "GET bucket lifecycle",
            query: [("lifecycle", "")],
            signed: "host;x-amz-content-sha256;x-amz-date",
            signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        ),
        Example(
            name: "list objects",
            query: [("max-keys", "2"), ("prefix", "J")],
            signed: "host;x-amz-content-sha256;x-amz-date",
            signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        ),
    ]

    @Test(arguments: examples) func signsThePublishedExamples(_ example: Example) {
        let bodyHash = SignatureVersion4.hash(example.body.utf8)
        let headers =
            example.headers + [("host", Self.host), ("x-amz-content-sha256", bodyHash), ("x-amz-date", Self.time)]
        let authorization = SignatureVersion4(
            accessKey: Self.accessKey,
            secretKey: Self.secretKey,
            region: "us-east-1"
        ).authorization(
            for: SignatureVersion4.Request(
                method: example.method,
                path: "/" + PercentEncoding.path(example.key),
                query: example.query,
                headers: headers,
                bodyHash: bodyHash
            ),
            at: Self.time
        )
        #expect(
            authorization
                == "AWS4-HMAC-SHA256 Credential=\(Self.accessKey)/20130524/us-east-1/s3/aws4_request, "
                + "SignedHeaders=\(example.signed), Signature=\(example.signature)"
        )
    }

    @Test func writesTimesAsRequestsDo() {
        #expect(SignatureVersion4.time(1_369_353_600_000) == "20130524T000000Z")
        #expect(SignatureVersion4.time(0) == "19700101T000000Z")
        #expect(SignatureVersion4.time(1_709_164_799_999) == "20240228T235959Z")
        #expect(SignatureVersion4.time(1_709_164_800_000) == "20240229T000000Z")
        #expect(SignatureVersion4.time(.max) == "99991231T235959Z")
    }

    private struct Asked: Encodable {
        var method: String
        var host: String
        var key: String
        var query: [[String]]
        var headers: [[String]]
        var body: String
        var time: String
        var region: String
        var accessKey: String
        var secretKey: String
        var token: String?
    }

    private struct Told: Decodable {
        var path: String
        var authorization: String
    }

    private static func asked(_ random: inout SeededGenerator) -> Asked {
        let names = ["list-type", "prefix", "continuation-token", "delete", "x id", "é", "A", "a", "a-b", "a.b"]
        let query = (0..<Int.random(in: 0...4, using: &random)).map { _ in
            [names.randomElement(using: &random) ?? "", random.strangeText(upTo: 6)]
        }
        // Methods and names of headers as they are, values with what is trimmed.
        let headers = ["Range", "If-None-Match", "x-amz-meta-granary-expiry", "Content-MD5", "X-Amz-Storage-Class"]
            .filter { _ in Bool.random(using: &random) }
            .map { [$0, " a  b \(UInt16.random(in: 0...999, using: &random)) "] }
        return Asked(
            method: ["GET", "PUT", "POST", "DELETE", "HEAD"].randomElement(using: &random) ?? "GET",
            host: ["bucket.s3.eu-west-1.amazonaws.com", "127.0.0.1:5000", "localhost:9000"].randomElement(
                using: &random
            )
                ?? "",
            key: random.strangeText(upTo: 12),
            query: query,
            headers: headers,
            body: Bool.random(using: &random) ? "" : random.strangeText(upTo: 30),
            time: SignatureVersion4.time(UInt64.random(in: 0...4_000_000_000_000, using: &random)),
            region: ["us-east-1", "eu-west-1", "cn-north-1"].randomElement(using: &random) ?? "",
            accessKey: accessKey,
            secretKey: secretKey,
            token: Bool.random(using: &random) ? "token+/=with%strange" : nil
        )
    }

    private static func authorization(_ asked: Asked) -> String {
        let bodyHash = SignatureVersion4.hash(asked.body.utf8)
        var headers = asked.headers.map { (name: $0[0], value: $0[1]) }
        headers += [("Host", asked.host), ("X-Amz-Content-SHA256", bodyHash), ("X-Amz-Date", asked.time)]
        if let token = asked.token { headers.append(("X-Amz-Security-Token", token)) }
        return SignatureVersion4(accessKey: asked.accessKey, secretKey: asked.secretKey, region: asked.region)
            .authorization(
                for: SignatureVersion4.Request(
                    method: asked.method,
                    path: "/" + PercentEncoding.path(asked.key),
                    query: asked.query.map { ($0[0], $0[1]) },
                    headers: headers,
                    bodyHash: bodyHash
                ),
                at: asked.time
            )
    }

    @Test func signsAsBotocoreDoes() throws {
        var random = SeededGenerator(seed: 13)
        let asked = (0..<500).map { _ in Self.asked(&random) }
        let directory = try TemporaryDirectory()
        let encoder = JSONEncoder()
        let lines = try asked.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
        let input = try directory.write("requests", lines.joined(separator: "\n") + "\n")
        let process = Process()
        process.executableURL = try MotoServer.python()
        process.arguments = [
            URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Python/sign.py").path
        ]
        process.standardInput = try FileHandle(forReadingFrom: URL(filePath: input))
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "botocore is missing or failed; \(MissingProgram())")
        let told = try data.split(separator: UInt8(ascii: "\n")).map { try JSONDecoder().decode(Told.self, from: $0) }
        try #require(told.count == asked.count)
        for (asked, told) in zip(asked, told) {
            #expect("/" + PercentEncoding.path(asked.key) == told.path)
            #expect(Self.authorization(asked) == told.authorization, "\(asked)")
        }
    }
}
