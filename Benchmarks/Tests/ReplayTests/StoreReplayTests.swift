import Foundation
import SegmentStore
import Testing

@testable import Replay

@Suite struct StoreReplayTests {
    private let directory = FileManager.default.temporaryDirectory.appending(path: "replay-\(UUID().uuidString)").path

    @Test func aStoreThatHoldsEverythingMissesEachKeyOnce() throws {
        let trace = ZipfTrace(alpha: 0.9, objects: 2_000, requests: 10_000, seed: 6, sizes: .summaries).make()
        let outcome = try StoreReplay(trace, sizeLimit: 64 << 20).run(in: directory)
        #expect(outcome.counts.misses.requests == trace.objectCount)
        #expect(outcome.counts.misses.bytes == trace.footprint)
        #expect(outcome.statistics.hits == trace.requests.count - trace.objectCount)
        #expect(outcome.statistics.reclamation.evictions == 0)
        #expect(!FileManager.default.fileExists(atPath: directory))
    }

    @Test func aStoreThatIsTooSmallMissesWhatItEvicted() throws {
        let trace = ZipfTrace(alpha: 0.7, objects: 5_000, requests: 20_000, seed: 7, sizes: .fixed(1_000)).make()
        let outcome = try StoreReplay(trace, sizeLimit: 1 << 20).run(in: directory)
        let bound = try #require(Simulation(trace, charge: .value).run(.belady, capacity: 1 << 20))
        #expect(outcome.counts.misses.requests > bound.requests)
        #expect(outcome.counts.misses.requests < trace.requests.count)
        #expect(outcome.statistics.misses == outcome.counts.misses.requests)
        #expect(outcome.statistics.reclamation.evictions > 0)
        #expect(outcome.statistics.writeAmplification >= 1)
    }

    @Test func valuesThatTheStoreDoesNotTakeAreMissesThatAreCounted() throws {
        var trace = Trace(name: "large")
        let object = trace.addObject(key: Array("k".utf8))
        for number in 0..<3 { trace.addRequest(object, size: 1 << 20, isFirst: number == 0) }
        let outcome = try StoreReplay(trace, sizeLimit: 1 << 20).run(in: directory)
        #expect(outcome.counts.misses.requests == 3)
        #expect(outcome.counts.refused == 3)
    }
}

@Suite struct ReportTests {
    private func report() throws -> ReplayReport {
        let trace = ZipfTrace(alpha: 0.9, objects: 3_000, requests: 9_000, seed: 8, sizes: .fixed(1_000)).make()
        var report = ReplayReport()
        try Comparison(
            limits: [.percent(1), .bytes(1 << 20)],
            policies: SimulatedPolicy.allCases,
            storeRuns: 2,
            directory: FileManager.default.temporaryDirectory.path
        ).run(trace, into: &report, note: { _ in })
        return report
    }

    @Test func theStoreIsPutBesideAllOthersButBelowItsSmallestLimit() throws {
        let report = try report()
        // Five policies, charged in two ways, at two limits; the store at one.
        #expect(report.rows.count == 21)
        let store = try #require(report.rows.first { $0.cache == "store" })
        let s3fifo = try #require(
            report.rows.first { $0.cache == "s3fifo" && $0.charge == .value && $0.limit == store.limit }
        )
        #expect(store.overS3FIFO == store.missRatio / s3fifo.missRatio)
        #expect(s3fifo.overS3FIFO == 1)
        let (low, high) = (try #require(store.missRatioLow), try #require(store.missRatioHigh))
        #expect(low <= store.missRatio && store.missRatio <= high)
    }

    @Test func everyFormHasEveryRow() throws {
        let report = try report()
        let decoded = try JSONDecoder().decode([ReplayReport.Row].self, from: Data(try report.text(.json).utf8))
        #expect(decoded.count == report.rows.count)
        #expect(try report.text(.csv).split(separator: "\n").count == report.rows.count + 1)
        #expect(try report.text(.table).split(separator: "\n").count == report.rows.count + 3)
    }
}
