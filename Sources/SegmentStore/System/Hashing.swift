import CXXHash

/// XXH3, 64 bits: Yann Collet's xxHash, whose output is fixed since version 0.8.0 (github.com/Cyan4973/xxHash).
enum XXH3 {
    @inline(__always)
    static func hash(_ bytes: UnsafeRawPointer, count: Int) -> UInt64 {
        granary_xxh3(bytes, UInt(count))
    }

    @inline(__always)
    static func hash(_ bytes: UnsafeRawPointer, count: Int, seed: UInt64) -> UInt64 {
        granary_xxh3_seeded(bytes, UInt(count), seed)
    }

    static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        granary_xxh3(bytes.baseAddress, UInt(bytes.count))
    }

    static func hash(_ bytes: [UInt8]) -> UInt64 {
        bytes.withUnsafeBytes { hash($0) }
    }

    @inline(__always)
    static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        granary_xxh3_seeded(bytes.baseAddress, UInt(bytes.count), seed)
    }

    @inline(__always)
    static func hash(_ span: RawSpan, seed: UInt64) -> UInt64 {
        span.withUnsafeBytes { hash($0, seed: seed) }
    }
}
