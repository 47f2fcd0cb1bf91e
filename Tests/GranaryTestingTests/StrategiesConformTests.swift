import Foundation
import Granary
import GranaryTesting
import SegmentStore
import TestSupport
import Testing

/// Our own strategies keep every promise.
@Suite(.inTurn) struct StrategiesConformTests {
    /// Directories that go with the test.
    private final class Directories: Sendable {
        private let root = FileManager.default.temporaryDirectory.appending(path: "granary-\(UUID().uuidString)")
        var next: String { root.appending(path: UUID().uuidString).path }
        deinit { try? FileManager.default.removeItem(at: root) }
    }

    private func expectAll(_ report: ConformanceReport) {
        #expect(report.results.allSatisfy { $0.outcome == .passed }, "\(report)")
    }

    @Test func theCacheInMemory() async throws {
        expectAll(await StrategyConformance().report { MemoryCache(clock: $0) })
    }

    @Test(arguments: [StoreOptions.Compression.none, .lz4(minimumLength: 1), .compactLZ4(minimumLength: 1)])
    func theSegmentCache(compression: StoreOptions.Compression) async throws {
        let directories = Directories()
        expectAll(
            await StrategyConformance().report { clock in
                let options = StoreOptions(compression: compression, clock: clock)
                return try SegmentCache(directory: directories.next, options: options)
            }
        )
    }

    @Test func theSegmentCacheWithASizeLimit() async throws {
        let directories = Directories()
        expectAll(
            await StrategyConformance().report { clock in
                let options = StoreOptions(clock: clock)
                return try SegmentCache(directory: directories.next, sizeLimit: 256 << 20, options: options)
            }
        )
    }

    @Test(arguments: [TieredCacheOptions.Writing.through, .behind])
    func theTieredCache(writing: TieredCacheOptions.Writing) async throws {
        let directories = Directories()
        expectAll(
            await StrategyConformance().report { clock in
                var options = TieredCacheOptions()
                options.writing = writing
                options.clock = clock
                let local = try SegmentCache(directory: directories.next, options: StoreOptions(clock: clock))
                return try TieredCache(
                    [CacheTier("local", local), CacheTier("memory", MemoryCache(clock: clock))],
                    options: options
                )
            }
        )
    }

    @Test func theTieredCacheOverATierThatIsDown() async throws {
        // Only what asks every tier fails, and says which.
        let report = await StrategyConformance().report { clock in
            var options = TieredCacheOptions()
            options.clock = clock
            let down = MemoryCache(clock: clock)
            try await down.close()
            return try TieredCache(
                [CacheTier("memory", MemoryCache(clock: clock)), CacheTier("down", down)],
                options: options
            )
        }
        #expect(
            Set(report.failures) == [
                .removesTheKeyAlone, .tellsWhetherItRemoved, .removesEverything, .countsEntries, .listsKeysWithAPrefix,
                .listsEachKeyOnceDuringSets, .neverListsWhatHasEnded, .growsInBytes, .flushesWithoutChange,
                .endsWithClosing,
            ],
            "\(report)"
        )
        #expect(report.description.contains("the tier down: "))
    }
}
