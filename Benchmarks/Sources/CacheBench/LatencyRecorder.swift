import Histogram

/// What looks on while a loop runs.
protocol Observer: Sendable {
    mutating func begin()
    mutating func end()
}

/// Nobody: reading a clock takes as long as a miss, so that throughput is measured without.
struct Unobserved: Observer {
    @inline(__always)
    func begin() {}
    @inline(__always)
    func end() {}
}

/// Latencies in nanoseconds, with three significant digits.
///
/// `@unchecked`: a histogram is a value; its library does not say so.
struct LatencyRecorder: Observer, @unchecked Sendable {
    private var histogram = Histogram<UInt64>(
        highestTrackableValue: 60_000_000_000,
        numberOfSignificantValueDigits: .three
    )
    private var start: UInt64 = 0

    @inline(__always)
    mutating func begin() { start = monotonicNanoseconds() }
    @inline(__always)
    mutating func end() { record(monotonicNanoseconds() - start) }

    mutating func record(_ nanoseconds: UInt64) { histogram.record(nanoseconds) }

    var count: Int { Int(histogram.totalCount) }

    func merged(_ other: LatencyRecorder) -> LatencyRecorder {
        var sum = self
        for value in other.histogram.recordedValues() { sum.histogram.record(value.value, count: value.count) }
        return sum
    }

    var figures: LatencyFigures {
        LatencyFigures(
            p50: histogram.valueAtPercentile(50),
            p99: histogram.valueAtPercentile(99),
            p999: histogram.valueAtPercentile(99.9),
            p9999: histogram.valueAtPercentile(99.99),
            longest: histogram.max
        )
    }
}

/// Percentiles in nanoseconds.
struct LatencyFigures: Codable, Sendable {
    var p50: UInt64
    var p99: UInt64
    var p999: UInt64
    var p9999: UInt64
    var longest: UInt64
}
