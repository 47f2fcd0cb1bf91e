import Foundation
import Granary
import GranarySQLite
import GranaryTesting
import TestSupport
import Testing

/// The promises of every strategy.
@Suite(.inTurnOnOwnThread) struct ConformanceTests {
    @Test(arguments: [SQLiteCacheOptions.Durability.checkpoints, .everySet])
    func keepsEveryPromise(durability: SQLiteCacheOptions.Durability) async throws {
        let directory = try TemporaryDirectory()
        let report = await StrategyConformance().report { clock in
            let options = SQLiteCacheOptions(durability: durability, clock: clock)
            return try await SQLiteCache(file: "\(directory.path)/\(UUID()).sqlite", options: options)
        }
        #expect(report.results.allSatisfy { $0.outcome == .passed }, "\(report)")
    }
}
