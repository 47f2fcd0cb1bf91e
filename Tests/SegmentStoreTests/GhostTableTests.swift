import TestSupport
import Testing

@testable import SegmentStore

/// What the ghost table remembers of what left, and for how long.
@Suite(.inTurnOnOwnThread) struct GhostTableTests {
    private static let entries = 64_000

    /// Keys' hashes that left one segment after the other, so many each.
    private struct Leavers {
        let table = GhostTable()
        private(set) var hashes: [UInt64: [UInt64]] = [:]
        var random = SeededGenerator(seed: 11)

        mutating func leave(_ segments: ClosedRange<UInt64>, each count: Int, entries: Int = GhostTableTests.entries) {
            for segment in segments {
                table.begin(segment: segment, entries: entries)
                for _ in 0..<count {
                    let hash = random.next()
                    table.insert(hash, shard: Index.shard(of: hash), entries: entries / Index.shardCount)
                    hashes[segment, default: []].append(hash)
                }
            }
        }

        /// The part of what left the segment that is a ghost, and is none from now on.
        func takenShare(of segment: UInt64) -> Double {
            let all = hashes[segment] ?? []
            return Double(all.count { table.take($0, shard: Index.shard(of: $0)) }) / Double(all.count)
        }

        var figures: (count: Int, bytes: Int) {
            (0..<Index.shardCount).map { table.figures(shard: $0) }
                .reduce((0, 0)) { ($0.0 + $1.count, $0.1 + $1.bytes) }
        }
    }

    @Test func nineTenthsAsManyAsThereAreEntriesAreRememberedTheLatest() {
        var leavers = Leavers()
        leavers.leave(1...100, each: 1_000)
        // 57.6 segments' worth; the segment that fills it up counts whole.
        let (count, bytes) = leavers.figures
        #expect((54_000...58_600).contains(count))
        #expect(bytes <= count * 12)
        #expect((1...41).allSatisfy { leavers.takenShare(of: $0) == 0 })
        #expect((44...60).allSatisfy { leavers.takenShare(of: $0) > 0.6 })
        #expect((61...100).allSatisfy { leavers.takenShare(of: $0) > 0.9 })
    }

    @Test func aGhostIsTakenOnce() {
        var leavers = Leavers()
        leavers.leave(1...1, each: 100)
        #expect(leavers.takenShare(of: 1) == 1)
        #expect(leavers.takenShare(of: 1) == 0)
    }

    /// A ghost taken for another key's may have a segment begun for one entry: of a small limit that is much.
    @Test func aKeyWhoseHashDiffersInAnyOfFortyBitsIsNoGhost() {
        var leavers = Leavers()
        leavers.leave(1...1, each: 100)
        for hash in leavers.hashes[1] ?? [] {
            let shard = Index.shard(of: hash)
            #expect((0..<40).allSatisfy { !leavers.table.take(hash ^ 1 << $0, shard: shard) })
        }
        #expect(leavers.takenShare(of: 1) == 1)
    }

    @Test func whoComesBackLaterThanTheFloorIsNoGhost() {
        var leavers = Leavers()
        leavers.leave(1...6, each: 100)
        leavers.table.setFloor(3)
        #expect((1...3).allSatisfy { leavers.takenShare(of: $0) == 0 })
        leavers.table.setFloor(0)
        // Asked for too late, they are forgotten all the same.
        #expect((1...3).allSatisfy { leavers.takenShare(of: $0) == 0 })
        #expect((4...6).allSatisfy { leavers.takenShare(of: $0) == 1 })
    }

    @Test func segmentNumbersMayBeLongerThanWhatIsKeptOfThem() {
        var leavers = Leavers()
        let start = UInt64(UInt32.max) - 2
        leavers.leave(start...start + 6, each: 100)
        leavers.table.setFloor(start + 1)
        #expect((start...start + 1).allSatisfy { leavers.takenShare(of: $0) == 0 })
        #expect((start + 2...start + 6).allSatisfy { leavers.takenShare(of: $0) == 1 })
    }

    @Test func aStoreThatShrinksRemembersFewerAndOneThatGrowsMore() {
        var leavers = Leavers()
        leavers.leave(1...40, each: 1_000)
        let before = leavers.figures
        #expect(before.count > 37_000)
        leavers.leave(41...80, each: 100, entries: 4_000)
        #expect((3_200...3_800).contains(leavers.figures.count))
        #expect(leavers.figures.bytes < before.bytes / 5)
        leavers.leave(81...120, each: 1_000)
        #expect(leavers.figures.count > 37_000)
    }
}
