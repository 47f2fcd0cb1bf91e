import Foundation
import Granary
import GranaryRedis
import GranaryTesting
import SegmentStore
import TestServers
import TestSupport
import Testing

/// The promises of every strategy, kept with a real server, which measures time for itself.
@Suite("RedisCache keeps what every strategy promises", .inTurn)
struct ConformanceTests {
    @Test("Every promise is kept")
    func everyPromise() async throws {
        let server = try await RedisProcess()
        // So long that a busy machine need not look twice.
        var time = ConformanceTime.real
        time.step = .seconds(4)
        time.tolerance = .seconds(2)
        let report = await StrategyConformance(options: ConformanceOptions(time: time)).report { _ in
            var options = RedisCacheOptions()
            options.prefix = "\(UUID()):"
            options.defaultExpiry = nil
            return try RedisCache(url: server.url(), options: options)
        }
        #expect(report.results.allSatisfy { $0.outcome == .passed }, "\(report)")
    }
}
