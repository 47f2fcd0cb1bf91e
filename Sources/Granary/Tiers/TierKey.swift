internal import CXXHash

/// A key's bytes, and the hash by which locks and filters know it.
struct TierKey: Sendable, Hashable {
    let bytes: [UInt8]
    let hash: UInt64

    init(_ key: String) {
        bytes = Array(key.utf8)
        hash = bytes.withUnsafeBytes { granary_xxh3_seeded($0.baseAddress, UInt($0.count), 0) }
    }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }

    static func == (left: TierKey, right: TierKey) -> Bool { left.hash == right.hash && left.bytes == right.bytes }
}
