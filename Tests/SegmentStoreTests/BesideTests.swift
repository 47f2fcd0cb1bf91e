import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Two other processes read while a writer turns its store over, in the same files again and again.
@Suite(.inTurnOnOwnThread) struct BesideTests {
    /// Seconds for each limit; the long run takes a minute.
    static let seconds = LimitTests.isLong ? 60.0 : 3.0

    @Test(arguments: [1 << 20, 16 << 20]) func readersNeverSeeAReusedFile(limit: Int) throws {
        let seed = SeededGenerator.seed()
        print("beside test: limit \(limit), seed \(seed)")
        let directory = try TemporaryDirectory(inMemory: true)
        var options = StoreOptions(durability: .interval(.milliseconds(20)), compression: .none)
        options.sizeLimit = limit
        let store = try SegmentStore(directory: directory.path, options: options)
        let keyCount = limit / 4_000
        var generator = SeededGenerator(seed: seed)
        var versions = [UInt64](repeating: 0, count: keyCount)
        var reused = 0
        func turnOver(_ sets: Int) throws {
            for _ in 0..<sets {
                // Some keys are rarely replaced, and read: they are carried from file to file.
                let isRare = generator.chance(95)
                let key = Int.random(in: isRare ? keyCount / 4..<keyCount : 0..<keyCount / 4, using: &generator)
                versions[key] += 1
                let length =
                    generator.chance(1)
                    ? Int.random(in: 16...limit / 10, using: &generator)
                    : generator.chance(5) ? 0 : Int.random(in: 16...4_000, using: &generator)
                let value = TellingValue.bytes(key: key, number: versions[key], length: length)
                try store.set(TellingValue.key(key), to: value)
                _ = try store.get(TellingValue.key(Int.random(in: 0..<keyCount / 4, using: &generator)))
                if generator.chance(5) { try store.remove(TellingValue.key(key)) }
            }
            reused += store.segments.inUse.count { store.segments[$0].pointee.header.isReused }
        }
        func hasTurnedOver() throws -> Bool {
            let figures = try store.statistics().reclamation
            return figures.reclaimedBytes > 5 * limit && figures.carried > 100 && reused > 20
        }
        try turnOver(keyCount)
        let readers = try ["copy", "lend"].map {
            try ChildProcess(["read", directory.path, $0, String(keyCount), String(generator.next() >> 1)])
        }
        for reader in readers { #expect(reader.line() == "open") }
        func hasReadEnough(_ reader: ChildProcess) throws -> Bool {
            try reader.askForReport()
            let numbers = try reader.numbers()
            try #require(numbers.count == 5, "seed \(seed)")
            let (reads, hits, refreshes) = (numbers[0], numbers[1], numbers[2])
            return reads > 1_000 && hits > 500 && refreshes > 10
        }
        // So long, and until the files have changed hands and been read often enough, however slow the machine is.
        let end = Date().addingTimeInterval(Self.seconds)
        while try Date() < end || !hasTurnedOver() || !readers.allSatisfy(hasReadEnough) { try turnOver(1_000) }
        for reader in readers {
            try reader.endInput()
            let numbers = reader.line()?.split(separator: " ").compactMap { Int($0) } ?? []
            #expect(reader.status() == 0, "seed \(seed)")
            try #require(numbers.count == 5, "seed \(seed)")
            print("beside test: limit \(limit), reads, hits, refreshes, openings, older: \(numbers)")
            #expect(numbers[4] == 0, "an older value came after a newer one; seed \(seed)")
        }
        print("beside test: \(try store.statistics().reclamation), segments in reused files met: \(reused)")
        #expect(store.invariantViolations() == [])
        try store.close()
    }
}
