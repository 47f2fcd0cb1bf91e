import Foundation
import TestSupport
import Testing

/// `granary import kura`, on the cache that a killed Kura left.
@Suite(.inTurnOnOwnThread) struct ImportCommandTests {
    private func withRunner(_ body: (CommandRunner, String) throws -> Void) throws {
        let granary = try CommandRunner()
        defer { granary.remove() }
        let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "GranaryKuraTests/Fixtures/killed")
        try FileManager.default.copyItem(atPath: fixture.path, toPath: granary.path("kura"))
        try body(granary, granary.path("kura"))
    }

    @Test func saysWhatCameOverAndWhatDidNot() throws {
        try withRunner { granary, kura in
            let result = try granary.run(
                "import",
                "kura",
                kura,
                "--cache",
                granary.store,
                "--model",
                "openai/gpt-4o-mini"
            )
            #expect(result.status == 0, "\(result.messages)")
            #expect(result.text == "4 entries imported, 1 expired, 2 skipped\n")
            #expect(result.messages.contains("1 skipped as foreign_key, first row 5: its key is none of Kura's"))
            #expect(result.messages.contains("1 skipped as foreign_value, first 44444444"))
            let keys = try granary.run("keys", granary.store, "--prefix", "kura/").text.split(separator: "\n")
            #expect(keys.sorted().map { $0.dropFirst(36) } == ["0", "1", "3", "5"])
            let value = try granary.run("get", granary.store, "kura/" + String(repeating: "5", count: 32))
            #expect(value.text == #"{"summary":"Generated."}"#)
            let evicted = try granary.run("evict", granary.store, "--tag", "openai/gpt-4o-mini", "--format", "json")
            #expect(try object(evicted.output)["removed_entries"] as? Int == 4)
        }
    }

    @Test func reportsAsOneObject() throws {
        try withRunner { granary, kura in
            let result = try granary.run("import", "kura", kura, "--cache", granary.store, "--format", "json")
            let report = try object(result.output)
            #expect(report["imported"] as? Int == 4 && report["expired"] as? Int == 1 && report["skipped"] as? Int == 2)
            #expect(report["is_complete"] as? Bool == true)
            let skips = try #require(report["skips"] as? [[String: Any]])
            #expect(skips.map { $0["reason"] as? String } == ["foreign_key", "foreign_value"])
            #expect(skips.allSatisfy { $0["count"] as? Int == 1 && ($0["example"] as? String)?.isEmpty == false })
        }
    }

    @Test func whereThereIsNoCacheOfKurasNothingIsMade() throws {
        try withRunner { granary, kura in
            let result = try granary.run("import", "kura", granary.path("none"), "--cache", granary.store)
            #expect(result.status == 1 && result.messages.contains(granary.path("none")))
            #expect(!FileManager.default.fileExists(atPath: granary.store))
            #expect(try granary.run("import", "--cache", granary.store).status == 64)
            #expect(try granary.run("import", "kura", kura).status == 64)
        }
    }
}
