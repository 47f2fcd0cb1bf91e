import Foundation

/// Replays traces on the store and on what it is put beside, at several limits.
package struct Comparison {
    /// The store's smallest limit; below, only the simulated caches are asked.
    private static let smallestLimit = 1 << 20

    package var limits: [Limit]
    package var policies: [SimulatedPolicy]
    /// Replays of the store at each limit; its threads make each a little different. None: only the others are asked.
    package var storeRuns: Int
    /// Where stores are made and removed again.
    package var directory: String

    package init(limits: [Limit], policies: [SimulatedPolicy], storeRuns: Int, directory: String) {
        self.limits = limits
        self.policies = policies
        self.storeRuns = storeRuns
        self.directory = directory
    }

    /// Adds the trace's rows to the report; `note` is told what is left out.
    package func run(_ trace: Trace, into report: inout ReplayReport, note: (String) -> Void) throws {
        for limit in limits {
            let bytes = limit.bytes(ofFootprint: trace.footprint)
            var point = ReplayReport.Point(trace, limit: bytes)
            for policy in policies {
                for charge in SimulatedPolicy.Charge.allCases {
                    guard let misses = Simulation(trace, charge: charge).run(policy, capacity: bytes) else { continue }
                    point.add(policy, charge, misses)
                }
            }
            if bytes >= Self.smallestLimit {
                try point.addStore((0..<storeRuns).map { _ in try replayStore(trace, limit: bytes) })
            } else if storeRuns > 0 {
                note("\(trace.name): the store is left out at \(bytes) bytes; its limits begin at 1 MiB")
            }
            report.add(point)
        }
    }

    private func replayStore(_ trace: Trace, limit: Int) throws -> StoreReplay.Outcome {
        let name = "cache-replay-\(getpid())-\(UInt32.random(in: .min ... .max))"
        return try StoreReplay(trace, sizeLimit: limit).run(in: directory + "/" + name)
    }
}
