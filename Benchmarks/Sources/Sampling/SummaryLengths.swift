import Foundation

/// Lengths of values as summaries with their metadata have them: log-normal between 0.3 and 8 KB with a mean of 1.1.
public struct SummaryLengths: Sendable {
    @usableFromInline let lengths: [UInt16]
    /// The mean of all lengths, in bytes.
    public let mean: Double

    /// Draws the lengths that entries are then given by their hashes.
    public init(_ generator: inout SplitMix64) {
        let drawn = (0..<4_096).map { _ in min(8_192, max(300, Int(exp(6.855 + 0.55 * generator.nextNormal())))) }
        lengths = drawn.map { UInt16($0) }
        mean = Double(drawn.reduce(0, +)) / Double(drawn.count)
    }

    /// The length of the entry with the hash, of which bits 40 to 51 choose it.
    @inlinable
    public func length(forHash hash: UInt64) -> Int { Int(lengths[Int(truncatingIfNeeded: hash >> 40) & 4_095]) }
}
