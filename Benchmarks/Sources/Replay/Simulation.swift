/// A cache that the store is put beside.
package enum SimulatedPolicy: String, CaseIterable, Codable, Sendable {
    case fifo
    case lru
    case sieve
    case s3fifo
    case belady

    /// What an object takes of the cache's bytes.
    package enum Charge: String, CaseIterable, Codable, Sendable {
        /// Its value, as if keys and accounts of it were free.
        case value
        /// As much as in the store: record header, key, value, padding and the footer's row.
        case entry
    }
}

/// Misses of a replay.
package struct MissCounts: Sendable, Equatable {
    package var requests = 0
    package var bytes = 0

    mutating func add(_ request: Trace.Request) {
        requests += 1
        bytes += Int(request.size)
    }
}

/// Replays a trace on a policy.
package struct Simulation {
    private let trace: Trace
    private let charge: SimulatedPolicy.Charge

    package init(_ trace: Trace, charge: SimulatedPolicy.Charge) {
        self.trace = trace
        self.charge = charge
    }

    /// Nil where the policy says nothing about the trace: Belady's where sizes differ.
    package func run(_ policy: SimulatedPolicy, capacity: Int) -> MissCounts? {
        let count = trace.objectCount
        switch policy {
        case .fifo: return misses(FIFO(capacity: capacity, objectCount: count))
        case .lru: return misses(LRU(capacity: capacity, objectCount: count))
        case .sieve: return misses(Sieve(capacity: capacity, objectCount: count))
        case .s3fifo: return misses(S3FIFO(capacity: capacity, objectCount: count))
        case .belady:
            guard hasEqualCosts else { return nil }
            return misses(Belady(capacity: capacity, trace: trace))
        }
    }

    private func misses(_ policy: consuming some Policy) -> MissCounts {
        var counts = MissCounts()
        for request in trace.requests {
            let object = Int(request.object)
            if !policy.request(object, size: cost(of: object, size: Int(request.size))) { counts.add(request) }
        }
        return counts
    }

    private func cost(of object: Int, size: Int) -> Int {
        switch charge {
        case .value: size
        case .entry: RecordCost.entryBytes(key: trace.keys.length(of: object), value: size)
        }
    }

    private var hasEqualCosts: Bool {
        guard let size = trace.commonSize else { return false }
        guard charge == .entry else { return true }
        let first = cost(of: 0, size: size)
        return (0..<trace.objectCount).allSatisfy { cost(of: $0, size: size) == first }
    }
}
