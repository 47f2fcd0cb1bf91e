import Granary
import GranaryS3
import GranaryTesting
import SegmentStore
import TestServers
import TestSupport
import Testing

/// The promises of every strategy, kept with a server that is not ours.
@Suite(.inTurn) struct ConformanceTests {
    @Test func keepsEveryPromise() async throws {
        let server = try MotoServer.shared()
        var options = ConformanceOptions()
        // Listing asks about every object, and the server is slow.
        options.entryCount = 100
        let report = await StrategyConformance(options: options).report { clock in
            try await server.cache { $0.clock = clock }
        }
        #expect(report.results.allSatisfy { $0.outcome == .passed }, "\(report)")
    }
}
