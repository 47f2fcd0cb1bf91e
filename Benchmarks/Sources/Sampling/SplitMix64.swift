import Foundation

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
public struct SplitMix64: RandomNumberGenerator, Sendable {
    /// All that the next numbers depend on.
    public var state: UInt64

    /// A generator that gives the same numbers for the same state, always.
    @inlinable
    public init(state: UInt64) { self.state = state }

    /// The next 64 bits.
    @inlinable
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// Scatters the bits of a number, one to one.
    @inlinable
    @inline(__always)
    public static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A uniform number from 0 to below 1.
    @inlinable
    public mutating func nextUnit() -> Double { Double(next() >> 11) / Double(1 << 53) }

    /// A normal deviate, by Box and Muller, "A Note on the Generation of Random Normal Deviates" (1958).
    public mutating func nextNormal() -> Double {
        sqrt(-2 * log(1 - nextUnit())) * cos(2 * .pi * nextUnit())
    }
}
