import Foundation
import TestSupport
import Testing

@testable import SegmentStore

/// What a store with a size limit takes on the disk, as another process sees it.
@Suite(.inTurnOnOwnThread) struct LimitTests {
    /// With `GRANARY_LONG` everything is done at full length, and at a limit of 1 GiB too.
    static let isLong = ProcessInfo.processInfo.environment["GRANARY_LONG"] != nil

    struct Load: Sendable, CustomTestStringConvertible {
        var limit: Int
        var isInMemory = false
        var eviction = "s3fifo"
        /// How often the limit is set in all, without what is killed.
        var turns = 20

        var testDescription: String {
            "\(limit >> 20) MiB, \(isInMemory ? "in memory" : "on the disk"), \(eviction)"
        }

        static var all: [Load] {
            var all = [
                // A disk that takes milliseconds for a flush makes each segment that is won back take as long.
                Load(limit: 1 << 20, turns: isLong ? 20 : 3), Load(limit: 1 << 20, isInMemory: true, turns: 60),
                Load(limit: 1 << 20, isInMemory: true, eviction: "fifo"),
                // A set that finds no room says so after a second.
                Load(limit: 1 << 20, isInMemory: true, eviction: "none", turns: isLong ? 20 : 1),
                Load(limit: 4 << 20, isInMemory: true),
                Load(limit: 64 << 20, isInMemory: true, turns: isLong ? 20 : 6),
            ]
            if isLong { all += [Load(limit: 4 << 20), Load(limit: 64 << 20)] }
            if isLong { all.append(Load(limit: 1 << 30)) }
            return all
        }
    }

    /// Values of all sizes, replaced, removed and read, one of them lent throughout; closed and opened again, and killed at
    /// random moments.
    @Test(arguments: Load.all) func theDirectoryNeverTakesMoreThanItsLimit(load: Load) throws {
        let seed = SeededGenerator.seed()
        print("limit test: \(load.testDescription), seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let directory = try TemporaryDirectory(inMemory: load.isInMemory)
        let sampler = try Sampler(directory.path)
        let times = 4
        func turnOver(_ bytes: Int, times: Int) throws -> ChildProcess {
            try ChildProcess([
                "turn-over", directory.path, String(load.limit), String(generator.next() >> 1), String(bytes),
                String(times), load.eviction,
            ])
        }
        func checkSize(_ place: String) throws {
            let most = try sampler.report().mostBytes
            #expect(most <= load.limit, "seed \(seed), \(place): \(most) bytes of \(load.limit)")
        }
        let whole = try turnOver(load.limit * load.turns / times, times: times)
        var last = ""
        while let line = whole.line() { last = line }
        #expect(whole.status() == 0, "seed \(seed)")
        let totals = last.split(separator: " ").compactMap { Int($0) }
        try #require(totals.count == 5, "seed \(seed)")
        // What this is about must have happened.
        let (sets, evictions, reclaimedBytes, hits) = (totals[0], totals[1], totals[3], totals[4])
        #expect(sets > 100 && (evictions > 50 || load.eviction == "none") && hits > 100)
        #expect(reclaimedBytes > load.limit || load.eviction == "none")
        try checkSize("run to its end")

        let kills = Self.isLong ? 40 : load.isInMemory ? 5 : 2
        for kill in 0..<kills {
            let child = try turnOver(load.limit * 100, times: 1)
            let lines = Int.random(in: 1...(load.isInMemory ? 50 : 10), using: &generator)
            for _ in 0..<lines { #expect(child.line() != nil, "seed \(seed), kill \(kill): it ended by itself") }
            child.kill()
            try checkSize("kill \(kill)")
        }
        var options = StoreOptions.stepped()
        options.sizeLimit = load.limit
        let store = try SegmentStore(directory: directory.path, options: options)
        #expect(store.recoveryReport.damagedRecords == 0)
        #expect(store.invariantViolations() == [])
        try store.close()

        let report = try sampler.end()
        print("limit test: \(load.testDescription), \(totals), \(report)")
        #expect(report.mostBytes <= load.limit, "seed \(seed): \(report.mostBytes) bytes of \(load.limit)")
        #expect(report.mostBytes > load.limit * 3 / 4, "seed \(seed): \(report.mostBytes) bytes: no load at all")
        // One every ten milliseconds at least.
        #expect(report.samples > 10 && report.duration / report.samples < .milliseconds(10), "\(report)")
    }

    /// The process that measures must see what is there for as long as it takes to ask it.
    @Test func anOvershootIsSeen() throws {
        let directory = try TemporaryDirectory()
        let sampler = try Sampler(directory.path)
        let before = try sampler.report()
        let path = directory.path + "/foreign"
        #expect(FileManager.default.createFile(atPath: path, contents: Data(repeating: 1, count: 3 << 20)))
        _ = try sampler.report()
        try FileManager.default.removeItem(atPath: path)
        let after = try sampler.end()
        #expect(after.mostBytes >= before.mostBytes + 3 << 20)
        #expect(after.samples > before.samples)
    }
}
