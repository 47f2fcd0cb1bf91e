/// What became of each promise.
public struct ConformanceReport: Sendable, CustomStringConvertible {
    /// What became of one promise.
    public enum Outcome: Sendable, Hashable {
        /// It was kept.
        case passed
        /// It was not kept, for the reason.
        case failed(String)
        /// It was not made, for the reason.
        case notApplicable(String)
    }

    /// A promise and what became of it.
    public struct Result: Sendable, Hashable {
        /// The promise.
        public var promise: StrategyPromise
        /// What became of it.
        public var outcome: Outcome
    }

    /// All promises, in their order.
    public var results: [Result]

    /// The promises that were not kept.
    public var failures: [StrategyPromise] {
        results.compactMap { result in
            if case .failed = result.outcome { result.promise } else { nil }
        }
    }

    /// Whether every promise that was made was kept.
    public var isPassed: Bool { failures.isEmpty }

    /// Throws if a promise was not kept.
    ///
    /// - Throws: `ConformanceFailure`, which says all of them.
    public func requirePassed() throws(ConformanceFailure) {
        if !isPassed { throw ConformanceFailure(report: self) }
    }

    /// A line for each promise.
    public var description: String {
        results.map { result in
            switch result.outcome {
            case .passed: "passed          \(result.promise.rawValue)"
            case .failed(let reason): "FAILED          \(result.promise.rawValue): \(reason)"
            case .notApplicable(let reason): "not applicable  \(result.promise.rawValue): \(reason)"
            }
        }.joined(separator: "\n")
    }
}

/// Promises that were not kept.
public struct ConformanceFailure: Error, Sendable, CustomStringConvertible {
    /// Of all promises.
    public var report: ConformanceReport

    /// A line for each promise that was not kept.
    public var description: String {
        ConformanceReport(
            results: report.results.filter { if case .failed = $0.outcome { true } else { false } }
        ).description
    }
}
