import Foundation
import Glibc
import TestSupport
import Testing

@testable import SegmentStore

/// A small store, cut at every length and with a bit flipped in every byte: it opens, shows exactly what the records that
/// are left say, reports the damage, and can be written again.
@Suite(.inTurnOnOwnThread) struct EveryByteTests {
    /// With its footer after a clean close, or without one, as a killed writer leaves it.
    enum Ending: CaseIterable { case closed, killed }

    /// Every so many changes a writer goes on; prime, so that it meets each place in a word.
    private static let writerStep = 13
    private static let parts = 4

    @Test(arguments: Ending.allCases, 0..<parts)
    func aCutLosesWhatLayBehindIt(ending: Ending, part: Int) throws {
        let store = try SmallStore(ending)
        try expectNothing(of: store)
        for cut in stride(from: part, through: store.bytes.count - 1, by: Self.parts) {
            try store.cut(at: cut)
            var survivors = store.rows.map { $0.offset + $0.length <= cut }
            // Neither copy of the header is left.
            if cut < Format.headerLength { survivors = survivors.map { _ in false } }
            let asWriter = cut / Self.parts % Self.writerStep == 0
            let wrong = try store.disagreements(with: store.replay(survivors), asWriter: asWriter)
            #expect(wrong == [], "cut at \(cut)")
            try store.restore()
        }
    }

    @Test(arguments: Ending.allCases, 0..<parts)
    func aFlippedBitCostsTheRecordThatItHits(ending: Ending, part: Int) throws {
        let seed = SeededGenerator.seed()
        var generator = SeededGenerator(seed: seed)
        let store = try SmallStore(ending)
        try expectNothing(of: store)
        for offset in stride(from: part, to: store.bytes.count, by: Self.parts) {
            let bits = store.deservesEveryBit(offset) ? Array(0..<8) : [Int.random(in: 0..<8, using: &generator)]
            for bit in bits {
                try store.flip(bit, at: offset)
                let asWriter = (offset / Self.parts + bit) % Self.writerStep == 0
                let wrong = try store.disagreements(with: store.expectation(hit: offset), asWriter: asWriter)
                #expect(wrong == [], "seed \(seed), bit \(bit) of byte \(offset)")
                #expect(store.seesDamage || store.isUnchecked(offset), "bit \(bit) of byte \(offset) goes unseen")
                if asWriter { try store.restore() } else { try store.flip(bit, at: offset, back: true) }
            }
        }
    }

    /// A store that is whole shows everything and reports nothing: else a report of damage would say nothing.
    private func expectNothing(of store: SmallStore) throws {
        let all = store.replay(store.rows.map { _ in true })
        try #require(try store.disagreements(with: all, asWriter: false) == [] && !store.seesDamage)
    }
}
