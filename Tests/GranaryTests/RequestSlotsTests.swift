import Granary
import Synchronization
import TestSupport
import Testing

@Suite(.inTurn) struct RequestSlotsTests {
    @Test func letSoManyInAndForgetThoseThatGaveUp() async throws {
        let slots = RequestSlots(2)
        let inside = Gauge()
        let gates = (0..<2).map { _ in AsyncStream<Void>.makeStream() }
        let holders = gates.map { gate in
            Task { try await slots.withSlot { for await _ in gate.stream {} } }
        }
        while slots.isFull == false { await Task.yield() }
        let waiting = Task { try await slots.withSlot {} }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let others = (0..<20).map { _ in
            Task {
                try await slots.withSlot {
                    inside.enter()
                    await Task.yield()
                    inside.leave()
                }
            }
        }
        for gate in gates { gate.continuation.finish() }
        for task in holders + others { try await task.value }
        #expect((1...2).contains(inside.most))
        #expect(slots.isFull == false)
    }

    /// How many are inside, and how many ever were at once.
    final class Gauge: Sendable {
        private let state = Mutex((now: 0, most: 0))
        var most: Int { state.withLock { $0.most } }

        func enter() {
            state.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
        }

        func leave() { state.withLock { $0.now -= 1 } }
    }
}
