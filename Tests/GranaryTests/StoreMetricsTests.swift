import Foundation
import MetricsTestKit
import SegmentStore
import TestSupport
import Testing

@testable import Granary

@Suite(.inTurn) struct StoreMetricsTests {
    private let directory = FileManager.default.temporaryDirectory.appending(path: "granary-\(UUID().uuidString)").path
    private let metrics = TestMetrics()

    private func total(_ name: String) throws -> Int64 {
        try metrics.expectCounter("granary_" + name, [("cache", "answers")]).values.reduce(0, +)
    }

    private func last(_ name: String) throws -> Double? {
        try metrics.expectGauge("granary_" + name, [("cache", "answers")]).lastValue
    }

    @Test func whatRisesIsCountedOnceAndTheRestIsAsItIs() async throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let cache = try SegmentCache(directory: directory)
        let reporter = StoreMetrics(cache: "answers", factory: metrics)
        for round in 1...3 {
            try await cache.set("key-\(round)", to: CacheValue([1, 2, 3], coding: .bytes))
            _ = try await cache.get("key-\(round)")
            _ = try await cache.get("none")
            reporter.record(try cache.store.statistics())
            #expect(try total("hits") == round)
            #expect(try total("misses") == round)
            #expect(try total("sets") == round)
            #expect(try last("entries") == Double(round))
        }
        let statistics = try cache.store.statistics()
        #expect(try total("written_bytes") == statistics.writtenBytes)
        #expect(try last("allocated_bytes") == Double(statistics.allocatedBytes))
        #expect(try last("write_amplification") == 1)
        try await cache.close()
    }

    @Test func whatLeavesForWantOfRoomIsReported() async throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let cache = try SegmentCache(directory: directory, sizeLimit: 1 << 20)
        for number in 0..<3_000 {
            try await cache.set("key-\(number)", to: CacheValue([UInt8](repeating: 7, count: 1_000), coding: .bytes))
            if number % 3 == 0 { _ = try await cache.get("key-\(number)") }
        }
        let reporter = StoreMetrics(cache: "answers", factory: metrics)
        let statistics = try cache.store.statistics()
        reporter.record(statistics)
        #expect(try total("evictions") == statistics.reclamation.evictions)
        #expect(statistics.reclamation.evictions > 1_000)
        #expect(try total("carried_bytes") > 0)
        let amplification = try #require(try last("write_amplification"))
        #expect(amplification > 1)
        #expect(try last("ghosts") == Double(statistics.ghosts))
        try await cache.close()
    }

    @Test func reportingEndsWithALastReport() async throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let cache = try SegmentCache(directory: directory)
        let clock = StoppedClock()
        let reporting = Task { [metrics] in await cache.reportMetrics(as: "answers", to: metrics, clock: clock) }
        for await _ in clock.sleepers.prefix(1) {}
        #expect(try last("entries") == 0)
        try await cache.set("key", to: CacheValue([1], coding: .bytes))
        reporting.cancel()
        await reporting.value
        #expect(try last("entries") == 1)
        try await cache.close()
        await cache.reportMetrics(as: "answers", to: metrics, clock: clock)
    }
}

/// Time that stands still: who sleeps does so until cancelled.
private struct StoppedClock: Clock {
    /// A signal for everyone who falls asleep.
    let sleepers: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init() { (sleepers, signal) = AsyncStream.makeStream() }

    var now: ContinuousClock.Instant { ContinuousClock.now }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
        let (wakes, wake) = AsyncStream<Void>.makeStream()
        await withTaskCancellationHandler {
            signal.yield()
            for await _ in wakes {}
        } onCancel: {
            wake.finish()
        }
        throw CancellationError()
    }
}
