import Foundation
import Granary
import GranaryRedis
import GranaryTesting
import SegmentStore
import TestSupport
import Testing

/// The promises of every strategy, kept with a real server, which measures time for itself.
@Suite("RedisCache keeps what every strategy promises", .inTurn)
struct ConformanceTests {
    @Test("Every promise is kept")
    func everyPromise() async throws {
        let server = try await RedisProcess()
        // Long enough that a busy machine does not let an entry end before it was looked at.
        let time = ConformanceTime(clock: .system, step: .seconds(8), tolerance: .seconds(4)) {
            try await Task.sleep(for: $0)
        }
        let report = await StrategyConformance(options: ConformanceOptions(time: time)).report { _ in
            var options = RedisCacheOptions()
            options.prefix = "\(UUID()):"
            options.defaultExpiry = nil
            return try RedisCache(url: server.url(), options: options)
        }
        #expect(report.results.allSatisfy { $0.outcome == .passed }, "\(report)")
    }
}
