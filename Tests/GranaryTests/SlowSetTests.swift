import Dispatch
import Foundation
import Granary
import SegmentStore
import Synchronization
import TestSupport
import Testing

/// Sets that take long or wait must hold none of the threads up on which everybody's tasks run.
@Suite(.inTurn) struct SlowSetTests {
    /// Lets whoever comes in wait until it is opened; not for ever, or a failure would be a run that hangs.
    private final class Gate: Sendable {
        private let isClosed = Atomic<Bool>(false)
        private let semaphore = DispatchSemaphore(value: 0)
        private let timedOut = Atomic<Bool>(false)

        var hasTimedOut: Bool { timedOut.load(ordering: .acquiring) }

        func close() { isClosed.store(true, ordering: .releasing) }

        func pass() {
            guard isClosed.load(ordering: .acquiring) else { return }
            // Longer than a busy machine takes for a few turns of its tasks.
            if semaphore.wait(timeout: .now() + .seconds(900)) == .timedOut {
                timedOut.store(true, ordering: .releasing)
                isClosed.store(false, ordering: .releasing)
            }
        }

        func open(for count: Int) {
            isClosed.store(false, ordering: .releasing)
            for _ in 0..<count { semaphore.signal() }
        }
    }

    private static let options: [StoreOptions] = [
        StoreOptions(compression: .compactLZ4(minimumLength: 64)),
        StoreOptions(durability: .everySet),
        StoreOptions(sizeLimit: 8 << 20),
    ]

    @Test(arguments: options) func leaveTasksTheirThreads(options: StoreOptions) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "granary-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let gate = Gate()
        var options = options
        // A set asks for the time where it is run.
        options.clock = StoreClock {
            gate.pass()
            return 1_700_000_000_000
        }
        let cache = try SegmentCache(directory: directory, options: options)
        let count = 2 * ProcessInfo.processInfo.activeProcessorCount
        gate.close()
        let sets = (0..<count).map { number in
            Task { try await cache.set("key-\(number)", to: CacheValue([UInt8](repeating: 1, count: 1_000))) }
        }
        for _ in 0..<64 { await Task { await Task.yield() }.value }
        gate.open(for: 64)
        for set in sets { try await set.value }
        #expect(!gate.hasTimedOut)
        #expect(try await cache.count() == count)
        try await cache.close()
    }
}
