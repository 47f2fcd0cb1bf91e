/// The 56 bytes at the start of every record.
///
///     0   frame: length in units of 8 bytes (4), check of number, offset and length (4)
///     8   checksum (8)
///     16  sequence (8)
///     24  expiry, ms since 1970, 0 never (8)
///     32  created, s since 1970 (4); tag hash, 0 none (4)
///     40  stored length (4), raw length (4)
///     48  key length (2), kind (1), codec (1)
///     52  flags (2), extension length in units of 8 bytes (1), caller's byte (1)
///     56  extensions, key, stored value, zeros up to a multiple of 8
package struct RecordHeader: Sendable, Equatable {
    package var sequence: UInt64 = 0
    package var expiry: UInt64 = 0
    package var created: UInt32 = 0
    package var tagHash: UInt32 = 0
    package var storedLength: Int = 0
    package var rawLength: Int = 0
    package var keyLength: Int = 0
    package var kind: RecordKind = .put
    package var codec: RecordCodec = .raw
    package var flags: UInt16 = 0
    package var extensionLength: Int = 0
    package var callerByte: UInt8 = 0

    /// Bytes of the whole record, padding included.
    @inline(__always)
    package var recordLength: Int {
        Format.aligned(Format.recordHeaderLength + extensionLength + keyLength + storedLength)
    }
}

/// What a record does to its key.
package enum RecordKind: UInt8, Sendable {
    case put = 0
    case delete = 1
    case clear = 2
    /// A reservation given up: room without meaning.
    case void = 3
    // 4 (touch) and 5 (chunk) are reserved.
}

/// How a record's value is stored.
package enum RecordCodec: UInt8, Sendable {
    case raw = 0
    case lz4 = 1
    /// With what is in `TextDictionary` before the value.
    case compactLZ4 = 2
}

/// The word that makes a record findable: stored whole before anything else of the record, never zero.
package enum Frame {
    /// The frame of a record of `length` bytes at `offset` of a segment.
    @inline(__always)
    package static func word(number: UInt64, generation: UInt64, offset: Int, length: Int) -> UInt64 {
        let units = UInt32(truncatingIfNeeded: length / Format.unit)
        return UInt64(units) | UInt64(check(number: number, generation: generation, offset: offset, units: units)) << 32
    }

    /// The length in bytes that a frame word claims, whether its check holds or not.
    @inline(__always)
    package static func length(of word: UInt64) -> Int {
        Int(UInt32(truncatingIfNeeded: word)) * Format.unit
    }

    /// The length in bytes if the word is the frame of a record at `offset` that ends at or before `limit`.
    @inline(__always)
    package static func validLength(
        of word: UInt64,
        number: UInt64,
        generation: UInt64,
        offset: Int,
        limit: Int
    ) -> Int? {
        let length = length(of: word)
        guard length >= Format.recordHeaderLength, length <= limit - offset,
            word == self.word(number: number, generation: generation, offset: offset, length: length)
        else { return nil }
        return length
    }

    private static func check(number: UInt64, generation: UInt64, offset: Int, units: UInt32) -> UInt32 {
        let words: InlineArray<3, UInt64> = [number, UInt64(offset), UInt64(units)]
        return words.span.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            return UInt32(truncatingIfNeeded: XXH3.hash(base, count: bytes.count, seed: generation))
        }
    }
}

/// The checksum of a record: XXH3 of all bytes from the expiry on, into which the frame, the sequence and the segment's
/// salt are mixed.
///
/// The mix is a bijection of each input while the others stay, so no single change goes unseen; hashing them along
/// with the body instead would make a value of a GiB be hashed under the reservation lock, where its sequence is given.
package enum RecordChecksum {
    /// Where the hashed bytes begin.
    package static let bodyOffset = 24

    /// What ties the records of a segment to its number and generation.
    package static func salt(number: UInt64, generation: UInt64) -> UInt64 {
        let words: InlineArray<2, UInt64> = [number, generation]
        return words.span.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            return XXH3.hash(base, count: bytes.count)
        }
    }

    /// The checksum; never zero, so that zero says "not written yet".
    @inline(__always)
    package static func combine(body: UInt64, frame: UInt64, sequence: UInt64, salt: UInt64) -> UInt64 {
        // The multipliers are xxHash's 64-bit primes 2 and 3.
        var mixed = (body ^ salt) &+ frame &* 0xC2B2_AE3D_27D4_EB4F
        mixed ^= mixed >> 32
        mixed = mixed &+ sequence &* 0x1656_67B1_9E37_79F9
        mixed ^= mixed >> 29
        return mixed == 0 ? 1 : mixed
    }
}
