import TestSupport
import Testing

@testable import GranaryRedis

@Suite("Redis URLs", .inTurn)
struct RedisURLTests {
    @Test(
        "A URL says where the server is",
        arguments: [
            ("redis://", "127.0.0.1:6379/0"), ("redis://cache", "cache:6379/0"), ("REDIS://cache:7000", "cache:7000/0"),
            ("redis://cache/3", "cache:6379/3"),
            ("redis://cache:/", "cache:6379/0"), ("redis://[::1]:7000/1", "[::1]:7000/1"),
            ("redis://:secret@cache", "default:secret@cache:6379/0"),
            ("redis://ada:p%40ss%3A%2F@cache:1", "ada:p@ss:/@cache:1/0"),
            ("redis://ada:p@ss@cache", "ada:p@ss@cache:6379/0"), ("rediss://cache", "cache:6379/0 full"),
            ("rediss://cache?verify=none", "cache:6379/0 none"),
            ("rediss://cache?verify=host-off&ca=/a%20b.pem", "cache:6379/0 withoutHostname ca=/a b.pem"),
            ("rediss://cache?cert=c.pem&key=k.pem", "cache:6379/0 full cert=c.pem key=k.pem"),
            ("rediss://cache?key=both.pem", "cache:6379/0 full cert=both.pem key=both.pem"),
            ("redis://cache/2?prefix=a%3Ab:", "cache:6379/2 prefix=a:b:"),
            ("redis://cache?expiry=none", "cache:6379/0 expiry=none"),
            ("redis://cache?expiry=60&prefix=", "cache:6379/0 prefix= expiry=60.0 seconds"),
        ]
    )
    func parts(_ text: String, _ expected: String) throws {
        let url = try RedisURL(text)
        var found = url.server.credentials.map { "\($0.user):\($0.password)@" } ?? ""
        found += "\(url.server.address)/\(url.server.database)"
        if let tls = url.server.tls {
            found += " \(tls.verification)"
            if let file = tls.trustedCertificatesFile { found += " ca=\(file)" }
            if let files = tls.clientCertificate { found += " cert=\(files.chainFile) key=\(files.keyFile)" }
        }
        if let prefix = url.prefix { found += " prefix=\(prefix)" }
        if let expiry = url.expiry { found += " expiry=\(expiry.map { "\($0)" } ?? "none")" }
        #expect(found == expected)
    }

    @Test(
        "A URL that says nothing usable is refused, without its password",
        arguments: [
            "http://:secret@cache", "redis:/cache", "redis://:secret@cache:port", "redis://:secret@cache:65536",
            "redis://:secret@cache:0", "redis://:secret@cache/x", "redis://:secret@cache/-1", "redis://secret@cache",
            "redis://:secret%@cache", "redis://:secret%+1@cache", "redis://:secret%-0@cache",
            "redis://:secret%zz@cache",
            "redis://:secret%ff@cache",
            "redis://:secret@cache?expiry=0", "redis://:secret@cache?expiry=soon", "redis://:secret@cache?colour=red",
            "redis://:secret@cache?verify=none", "rediss://:secret@cache?verify=some", "redis://:secret@[::1]x",
        ]
    )
    func refusals(_ text: String) {
        do {
            _ = try RedisURL(text)
            Issue.record("taken")
        } catch {
            #expect(error.code == .invalidOptions)
            #expect(!"\(error)".contains("secret") && !String(reflecting: error).contains("secret"))
        }
    }

    @Test("Nothing that is printed or dumped shows a password")
    func secrecy() throws {
        let server = try RedisURL("redis://ada:s3cret@cache").server
        var dumped = ""
        dump(server, to: &dumped)
        for text in ["\(server)", String(reflecting: server), dumped] {
            #expect(text.contains("ada") && !text.contains("s3cret"))
        }
    }

    @Test("A server that repeats a password, or the arguments of a command, is not quoted with them")
    func replies() throws {
        let server = try RedisURL("redis://ada:s3cret@cache").server
        let told = "ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `ada`, `s3c"
        let error = RedisCacheError(reply: Array(told.utf8), from: server)
        #expect(error.code == .refused && error.reply == "ERR unknown command `HELLO`")
        let other = RedisCacheError(reply: Array("ERR s3cret\r\nis no good".utf8), from: server)
        #expect(other.reply == "ERR ***  is no good")
        // Nor can it do anything to a terminal.
        let hostile = RedisCacheError(reply: Array("ERR \u{1B}[2J\u{9B}2J\u{7F}\u{202E}x".utf8), from: server)
        #expect(hostile.reply == "ERR  [2J 2J  x")
        // Where the text is cut, too.
        let long = "ERR " + String(repeating: "x", count: 492) + "s3cret"
        let cut = RedisCacheError(reply: Array(long.utf8), from: server)
        #expect(!String(reflecting: [error, other, cut]).contains("s3c"))
    }

    @Test(
        "A password that is part of an error's word hides neither what that means nor itself by stars",
        arguments: [
            ("PASS", "WRONGPASS no, not PASS", RedisCacheError.Code.wrongPassword, "WRONGPASS no, not ***"),
            ("READ", "READONLY You can't READ", .readOnly, "READONLY You can't ***"),
            ("ERR", "PERRON of ERR", .refused, "P***ON of ***"),
        ]
    )
    func words(password: String, told: String, code: RedisCacheError.Code, reply: String) throws {
        let server = try RedisURL("redis://:\(password)@cache").server
        let error = RedisCacheError(reply: Array(told.utf8), from: server)
        #expect(error.code == code && error.reply == reply)
    }
}
