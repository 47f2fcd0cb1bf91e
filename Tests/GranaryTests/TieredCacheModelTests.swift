import Foundation
import Granary
import GranaryTesting
import SegmentStore
import TestSupport
import Testing

/// Random histories of sets, removals, failures, recoveries and evictions, replayable by their seed.
@Suite(.inTurn) struct TieredCacheModelTests {
    @Test(arguments: [TieredCacheOptions.Writing.through, .behind], [0, 40])
    func whateverFailsAGetGivesTheValueSetLastOrNone(
        writing: TieredCacheOptions.Writing,
        remembered: Int
    ) async throws {
        let given = ProcessInfo.processInfo.environment["GRANARY_SEED"].flatMap(UInt64.init)
        let seed = given ?? UInt64.random(in: 0...9_999)
        var random = SeededGenerator(seed: seed)
        for history in 0..<40 {
            let tiers = try TieredFixture {
                $0.writing = writing
                $0.queuedEntries = 5
                $0.rememberedKeys = remembered
            }
            // What each key may have; a write that failed everywhere may have been done or not.
            var allowed: [String: Swift.Set<UInt8>] = [:]
            for step in 0..<150 {
                let key = "\(random.below(8))"
                let byte = UInt8(1 + random.below(250))
                switch random.below(12) {
                case 0..<4:
                    do {
                        try await tiers.set(key, byte)
                        allowed[key] = [byte]
                    } catch {
                        allowed[key, default: []].insert(byte)
                    }
                case 4:
                    // A removal that fails somewhere counts all the same.
                    _ = try? await tiers.cache.remove(key)
                    allowed[key] = []
                case 5 where random.below(4) == 0:
                    try? await tiers.cache.removeAll()
                    allowed = [:]
                case 6: try await tiers.upper.base.remove(key)
                case 7, 8:
                    let tier = random.below(3) == 0 ? tiers.upper : tiers.lower
                    let faults = random.below(8)
                    tier.fail {
                        $0.isReadingDown = faults & 1 != 0
                        $0.isWritingDown = faults & 2 != 0
                        $0.failsAfterWriting = faults & 4 != 0
                    }
                case 9: tiers.uptime.advance(by: .seconds(random.below(9)))
                case 10: try? await tiers.cache.flush()
                default: await tiers.cache.finishRecovery()
                }
                for key in (0..<8).map(String.init) {
                    guard let found = try? await tiers.get(key) else { continue }
                    guard let found = found as UInt8? else { continue }
                    #expect(
                        allowed[key]?.contains(found) == true,
                        "GRANARY_SEED=\(seed): history \(history), step \(step): \(key) has \(found)"
                    )
                }
            }
            // Everything works again: the tiers agree in all that both have.
            tiers.upper.comeBack()
            tiers.lower.comeBack()
            try await tiers.cache.flush()
            for key in (0..<8).map(String.init) {
                if let lower = try await tiers.lower.base.get(key), let upper = try await tiers.upper.base.get(key),
                    remembered > 0
                {
                    #expect(lower == upper, "GRANARY_SEED=\(seed): history \(history): the tiers differ in \(key)")
                }
            }
        }
    }
}

extension SeededGenerator {
    fileprivate mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
