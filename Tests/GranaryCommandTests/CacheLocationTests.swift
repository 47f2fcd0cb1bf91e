import Foundation
import TestSupport
import Testing

@testable import GranaryCommand

/// How the command line names caches.
@Suite(.inTurnOnOwnThread) struct CacheLocationTests {
    @Test(
        arguments: [
            ("./dir", .directory("./dir")), ("dir", .directory("dir")), ("/a b/ü", .directory("/a b/ü")),
            ("segment:./dir", .directory("./dir")), ("segment:sqlite:x", .directory("sqlite:x")),
            ("./sqlite:x", .directory("./sqlite:x")), ("a:b", .directory("a:b")),
            (":memory:", .directory(":memory:")), ("", .directory("")),
            ("sqlite:./file", .database("./file")), ("sqlite:/a/b.sqlite", .database("/a/b.sqlite")),
            ("SQLite:x", .database("x")), ("memory:", .memory),
            ("tiered:./dir,memory:,sqlite:f", .tiered([.directory("./dir"), .memory, .database("f")])),
        ] as [(String, CacheLocation)]
    )
    func names(text: String, location: CacheLocation) throws {
        #expect(try CacheLocation(text) == location)
    }

    @Test func namesServersByTheirURLs() throws {
        for text in ["redis://h:6379/2?prefix=a", "rediss://u:p@h", "REDIS://h"] {
            #expect(try CacheLocation(text) == .redis(ServerURL(text)))
        }
        #expect(try CacheLocation("s3://bucket/a?region=b") == .s3(ServerURL("s3://bucket/a?region=b")))
        #expect(
            try CacheLocation("tiered:dir,redis://:p@h")
                == .tiered([.directory("dir"), .redis(ServerURL("redis://:p@h"))])
        )
    }

    @Test(
        arguments: [
            "postgres://h/db", "http://:hunter2@h", "https://hunter2@h/x", "segment:", "sqlite:", "memory:x", "redis:h",
            "redis:", "redis://", "s3:bucket", "tiered:", "tiered:,", "tiered:a,", "tiered:a,tiered:b", "tiered:a,a",
            " redis://:hunter2@h", "tiered:a, redis://:hunter2@h", "redis://:hunter2 x@h", "1://x",
            "a/redis://:hunter2@h",
            "tiered:a,unknown://:hunter2@h", "tiered:redis://:hunter2@h,redis://:hunter2@h",
        ]
    )
    func refusesWithTheSyntaxAndWithoutThePassword(text: String) {
        let failure = #expect(throws: CommandFailure.self) { try CacheLocation(text) }
        #expect(failure?.status == .badUsage)
        #expect(failure?.message?.contains("hunter2") == false)
    }

    @Test(
        arguments: [
            ("redis://:hunter2@host:1/2", "redis://***@host:1/2"), ("rediss://user:hunter2@host", "rediss://***@host"),
            ("redis://hunter2@host", "redis://***@host"), ("redis://host", "redis://host"),
            // What should have been escaped.
            ("redis://:hun/ter2@host/0", "redis://***@host/0"), ("redis://:hunter2?@host", "redis://***@host"),
            ("redis://:hunter2#@host", "redis://***@host"), ("redis://:hun@ter2@host", "redis://***@host"),
            ("redis://user:hunter2", "redis://***"), ("redis://user:hunter2/1", "redis://***"),
            ("redis://user:hunter%402", "redis://***"), ("redis://user:hunter2]", "redis://***"),
            ("redis://user:hun/ter2?prefix=a", "redis://***?prefix=a"), ("redis://user:12/hunter2", "redis://***"),
            ("redis://host:6379/1", "redis://host:6379/1"), ("redis://[::1]", "redis://[::1]"),
            ("redis://[::1]:7", "redis://[::1]:7"),
            ("redis://host?password=hunter2&prefix=p/", "redis://host?password=***&prefix=p/"),
            ("redis://host#hunter2", "redis://host"), ("redis://host?prefix=a#hunter2", "redis://host?prefix=a"),
            ("s3://b/p?endpoint=http://h:9&secret_key=hunter2", "s3://b/p?endpoint=http://h:9&secret_key=***"),
            ("s3://b?endpoint=http://:hunter2@h", "s3://***@h"),
            ("s3://b?endpoint=http%3A%2F%2Fkey%3Ahunter2%40h", "s3://***%40h"),
            ("redis://:hunter2%40host", "redis://***"),
            ("tiered:./dir,rediss://:hunter2@host", "tiered:./dir,rediss://***@host"),
        ]
    )
    func showsNoPassword(text: String, shown: String) throws {
        let location = try CacheLocation(text)
        #expect(location.description == shown)
        var dumped = ""
        dump(location, to: &dumped)
        for said in ["\(location)", String(reflecting: location), String(describing: [location]), dumped] {
            #expect(!said.contains("hunter2") && !said.contains("ter2"))
        }
    }

    @Test func noMessageShowsAPassword() {
        let said = "Unexpected argument 'tiered:a,redis://:hun ter2@x' and\nredis://u:hunter2@host/1 failed  twice"
        #expect(
            ServerURL.redacted(said)
                == "Unexpected argument 'tiered:a,redis://***@x' and\nredis://***@host/1 failed  twice"
        )
        #expect(ServerURL.redacted("a@b and http://c") == "a@b and http://c")
    }
}
