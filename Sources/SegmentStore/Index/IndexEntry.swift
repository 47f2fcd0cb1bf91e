/// What the index says of one key, in one word that is read and written whole.
///
///     bits 0–26   offset in the segment, in units of 8 bytes
///     bits 27–42  slot of the segment
///     bits 43–58  16 more bits of the key's hash
///     bits 59–60  use: how often the entry was read, up to 3
///     bit  61     shadows: an older record of the key may lie on disk
///     bit  62     tombstone: the newest record removes the key
///     bit  63     expired: seen expired; stays so while the store is open
///
/// Zero is an empty cell: no record lies at offset 0.
package struct IndexEntry: Sendable, Equatable {
    package var word: UInt64

    @inline(__always)
    package init(word: UInt64) {
        self.word = word
    }

    @inline(__always)
    package init(slot: Int, offset: Int, hash: UInt64, shadows: Bool, isTombstone: Bool) {
        var word = UInt64(truncatingIfNeeded: offset / Format.unit)
        word |= UInt64(truncatingIfNeeded: slot) << Self.slotShift
        word |= Self.hashBits(of: hash)
        if shadows { word |= Self.shadowsBit }
        if isTombstone { word |= Self.tombstoneBit }
        self.word = word
    }

    @inline(__always) package var offset: Int { Int(word & 0x7FF_FFFF) * Format.unit }
    @inline(__always) package var slot: Int { Int((word >> Self.slotShift) & 0xFFFF) }
    @inline(__always) package var shadows: Bool { word & Self.shadowsBit != 0 }
    @inline(__always) package var isTombstone: Bool { word & Self.tombstoneBit != 0 }
    @inline(__always) package var isExpired: Bool { word & Self.expiredBit != 0 }
    /// Neither a tombstone nor seen expired.
    @inline(__always) package var isLive: Bool { word & (Self.tombstoneBit | Self.expiredBit) == 0 }

    /// The same entry, marked as seen expired.
    @inline(__always) package var expired: IndexEntry { IndexEntry(word: word | Self.expiredBit) }
    /// The same entry, marked as hiding older records.
    @inline(__always) package var shadowing: IndexEntry { IndexEntry(word: word | Self.shadowsBit) }

    /// Slot and offset, which no two records share.
    @inline(__always) var place: UInt64 { word & ((1 << Self.hashShift) - 1) }

    /// How often the entry was read since it came to where it is, up to 3.
    @inline(__always) package var use: Int { Int(truncatingIfNeeded: word >> Self.useShift) & 3 }

    /// The same entry, read so often.
    @inline(__always)
    package func withUse(_ use: Int) -> IndexEntry {
        IndexEntry(word: word & ~Self.useBits | UInt64(truncatingIfNeeded: use) << Self.useShift)
    }

    /// True if both words say the same of the key, however often it was read.
    @inline(__always)
    package func isSameRecord(as other: IndexEntry) -> Bool {
        (word ^ other.word) & ~Self.useBits == 0
    }

    /// The hash bits that the word holds, in their place.
    @inline(__always)
    static func hashBits(of hash: UInt64) -> UInt64 {
        (hash >> 32 & 0xFFFF) << hashShift
    }

    /// Three of the hash bits in their place, as a number from 0 to 7.
    @inline(__always)
    static func filterNumber(of bits: UInt64) -> Int { Int(truncatingIfNeeded: bits >> hashShift) & 7 }

    static let hashMask: UInt64 = 0xFFFF << hashShift
    private static let slotShift: UInt64 = 27
    private static let hashShift: UInt64 = 43
    private static let useShift: UInt64 = 59
    private static let useBits: UInt64 = 3 << useShift
    private static let shadowsBit: UInt64 = 1 << 61
    private static let tombstoneBit: UInt64 = 1 << 62
    private static let expiredBit: UInt64 = 1 << 63
}
