import Granary
import TestServers
import TestSupport
import Testing

@testable import GranaryRedis

@Suite("Signing in to Redis, and TLS", .inTurn)
struct SigningInTests {
    @Test("A password and an ACL user are let in, and wrong ones are told apart from other errors")
    func passwords() async throws {
        let users = "--user ada on >love%lace ~granary:* +@all -keys --user bob on >b ~other:* +@all"
        let server = try await RedisProcess(
            ["--requirepass", "s3 cret@"] + users.split(separator: " ").map(String.init)
        )
        for user in [":s3%20cret%40", "default:s3%20cret%40", "ada:love%25lace"] {
            let cache = try RedisCache(url: "redis://\(user)@127.0.0.1:\(server.port)")
            try await cache.set("key", user)
            #expect(try await cache.bytes("key") == Array(user.utf8))
            #expect(try await cache.keys.all() == ["key"])
        }
        for user in [":wrong@", "ada:wrong@", "eve:love%25lace@", ""] {
            let cache = try RedisCache(url: "redis://\(user)127.0.0.1:\(server.port)")
            let error = await failure { _ = try await cache.get("key") }
            #expect(error?.code == .wrongPassword, "\(user)")
            #expect(error?.server == "127.0.0.1:\(server.port)")
            #expect(!String(reflecting: error).contains("wrong") && !String(reflecting: error).contains("lace"))
        }
        let other = try RedisCache(url: "redis://bob:b@127.0.0.1:\(server.port)")
        #expect(await failure { try await other.set("key", "value") }?.code == .notPermitted)
        #expect(await failure { _ = try await other.get("key") }?.code == .notPermitted)
    }

    @Test("A server without a password takes who brings one for the default user as Redis does")
    func needlessPassword() async throws {
        let server = try await RedisProcess()
        let cache = try RedisCache(url: "redis://:anything@127.0.0.1:\(server.port)")
        try await cache.ping()
    }

    @Test("Over TLS, what was set comes back", arguments: ["127.0.0.1", "localhost"])
    func tls(_ host: String) async throws {
        let certificates = try TestCertificates()
        let server = try await RedisProcess(["--requirepass", "secret"], tls: certificates)
        let cache = try RedisCache(url: "rediss://:secret@\(host):\(server.port)?ca=\(certificates.authority)")
        for count in [0, 1_000, 3_000_000] {
            let value = CacheValue(bytes(count, seed: 7))
            try await cache.set("\(count)", to: value)
            #expect(try await cache.get("\(count)") == value)
        }
        // Every command at once, many records of TLS.
        let entries = (0..<500).map { CacheEntry("many \($0)", CacheValue(bytes(3_000, seed: UInt64($0)))) }
        try await cache.set(entries)
        #expect(try await cache.get(entries.map(\.key)) == entries.map(\.value))
        try await server.kill()
        try await server.start()
        #expect(try await cache.get("0") == nil)
        try await cache.close()
    }

    @Test("A certificate that cannot be trusted, or is for another host, is refused unless that is asked for")
    func untrusted() async throws {
        let certificates = try TestCertificates(names: "DNS:elsewhere.example")
        let server = try await RedisProcess(tls: certificates)
        func code(_ options: String) async throws -> RedisCacheError.Code? {
            let cache = try RedisCache(url: "rediss://127.0.0.1:\(server.port)?\(options)")
            return await failure { try await cache.ping() }?.code
        }
        #expect(try await code("") == .tlsFailed)
        #expect(try await code("ca=\(certificates.authority)") == .tlsFailed)
        #expect(try await code("verify=host-off&ca=\(certificates.authority)") == nil)
        #expect(try await code("verify=host-off") == .tlsFailed)
        #expect(try await code("verify=none") == nil)
        let absent = await failure { _ = try RedisCache(url: "rediss://127.0.0.1:1?ca=/nowhere.pem") }
        #expect(absent?.code == .tlsFailed)
        let noKey = await failure { _ = try RedisCache(url: "rediss://127.0.0.1:1?cert=/nowhere.pem") }
        #expect(noKey?.code == .tlsFailed)
    }

    @Test("A server that wants a certificate gets it")
    func clientCertificate() async throws {
        let certificates = try TestCertificates()
        let server = try await RedisProcess(["--tls-auth-clients", "yes"], tls: certificates)
        let options = "ca=\(certificates.authority)"
        let without = try RedisCache(url: "rediss://127.0.0.1:\(server.port)?\(options)")
        #expect(await failure { try await without.ping() } != nil)
        let files = "&cert=\(certificates.certificate)&key=\(certificates.key)"
        let cache = try RedisCache(url: "rediss://127.0.0.1:\(server.port)?\(options)\(files)")
        try await cache.ping()
    }

    @Test("Speaking TLS to a server without it, and the other way round, ends in an error that says so")
    func mixedUp() async throws {
        let plain = try await RedisProcess()
        // Some wait for the end of a line, or for more of a record; others close, or answer what the other does not know.
        let options = RedisCacheOptions(connectTimeout: .milliseconds(500))
        let codes: [RedisCacheError.Code] = [.tlsFailed, .timedOut, .connectionLost, .protocolViolation]
        let overTLS = try RedisCache(url: "rediss://127.0.0.1:\(plain.port)", options: options)
        let noTLS = try #require(await failure { try await overTLS.ping() })
        #expect(codes.contains(noTLS.code))
        #expect(noTLS.detail.contains("TLS"))
        let secured = try await RedisProcess(tls: try TestCertificates())
        let inClear = try RedisCache(url: secured.url(), options: options)
        let wantsTLS = try #require(await failure { try await inClear.ping() })
        #expect(codes.contains(wantsTLS.code))
        #expect(wantsTLS.detail.contains("TLS"))
    }
}
