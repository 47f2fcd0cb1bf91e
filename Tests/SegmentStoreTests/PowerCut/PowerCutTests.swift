import Foundation
import TestSupport
import Testing

@testable import SegmentStore

/// The power goes at any moment; what was forced stays, and what else is there was set once.
@Suite(.inTurnOnOwnThread) struct PowerCutTests {
    static let seeds = ProcessInfo.processInfo.environment["GRANARY_POWER_CUTS"].flatMap { Int($0) } ?? 500
    /// More than a few failing seeds say no more than the first.
    static let failuresShown = 3

    @Test func keepsWhatWasForced() throws {
        // The same seeds each time unless others are asked for: a run that lands is one that can be had again.
        let first = ProcessInfo.processInfo.environment["GRANARY_POWER_SEED"].flatMap { UInt64($0) } ?? 1
        print("power cuts: seeds \(first) to \(first &+ UInt64(Self.seeds - 1))")
        var cuts = (all: 0, whileOpening: 0)
        var deaths = 0
        var failures = 0
        for number in 0..<Self.seeds where failures < Self.failuresShown {
            let seed = first &+ UInt64(number)
            var run = try PowerCutRun(seed: seed)
            do {
                try run.run()
            } catch {
                failures += 1
                var again = try PowerCutRun(seed: seed, isLogging: true)
                try? again.run()
                Issue.record("seed \(seed): \(error)\n\(again.log.joined(separator: "\n"))")
            }
            cuts.all += run.cuts
            cuts.whileOpening += run.cutsWhileOpening
            deaths += run.deaths
        }
        print("power cuts: \(cuts.all), \(cuts.whileOpening) of them while opening, and \(deaths) deaths")
        #expect(cuts.all > Self.seeds || failures > 0)
    }

    /// Takes one force out of the engine at a time: a test that goes on passing would be worth nothing.
    @Test(arguments: ForcePurpose.allCases)
    func missesEveryForce(_ purpose: ForcePurpose) throws {
        for seed in 1...Self.mostSeedsToMiss {
            var run = try PowerCutRun(seed: seed, favouring: purpose, isIgnored: true)
            do {
                try run.run()
            } catch {
                // It is the force that was missing, and nothing else.
                var whole = try PowerCutRun(seed: seed, favouring: purpose)
                try whole.run()
                print("without \(purpose): seed \(seed): \(error)")
                return
            }
        }
        Issue.record("without \(purpose) nothing went wrong in \(Self.mostSeedsToMiss) seeds")
    }

    private static let mostSeedsToMiss: UInt64 =
        ProcessInfo.processInfo.environment["GRANARY_POWER_MISSES"].flatMap { UInt64($0) } ?? 1_000
}
