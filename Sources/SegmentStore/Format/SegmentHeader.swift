/// What a segment says of itself; 256 bytes, written at 0 and again at 512.
///
///     0   magic (8)
///     8   format major (2), minor (2), header length (4)
///     16  segment number (8)
///     24  generation (8)
///     32  directory id (16)
///     48  key-hash seed (8)
///     56  writer id (8)
///     64  base sequence (8), clear floor (8)
///     80  capacity (8), created in ms (8)
///     96  required features (4), optional features (4)
///     104 compression dictionary id (8), encryption key id (8)
///     120 log (1), reserved, zero (119)
///     240 XXH3 of bytes 0 to 239 (8)
///     248 state, outside the checksum (8)
package struct SegmentHeader: Sendable, Equatable {
    /// Rises, and is never reused within a directory.
    package var number: UInt64
    /// Random and new whenever the file is reused; every check in the segment depends on it.
    package var generation: UInt64
    package var directory: DirectoryID
    package var keyHashSeed: UInt64
    package var writer: UInt64 = 0
    /// The next sequence when the segment was made.
    package var baseSequence: UInt64
    /// Records of a lower sequence are dead, wherever they lie.
    package var clearFloor: UInt64
    package var capacity: Int
    /// Milliseconds since 1970.
    package var created: UInt64
    package var log: Log = .first
    /// The file held another segment before, whose bytes may lie where nothing has been written yet.
    package var isReused = false
    package var minor: UInt16 = Format.minor

    /// Which of the two logs the segment belongs to.
    package enum Log: UInt8, Sendable {
        case first = 0
        case main = 1
    }

    /// Where a copy's state word lies in it.
    package static let stateOffset = 248
    /// The state word of a segment whose content may be thrown away; every other value reads as live.
    package static let spareState: UInt64 = 0x5241_5053_4547_4D53

    /// Optional feature: the file is used again.
    fileprivate static let reusedFeature: UInt32 = 1

    /// No record in the segment may state a higher sequence.
    ///
    /// Honest ones stay far below half the span: a segment is left for a new one before. So one forged sequence moves
    /// those to come by a span at most, and never to where headers could not state them.
    package var highestSequence: UInt64 { baseSequence + Format.sequenceSpan }

    /// True if records with the sequence and all that can follow it may be appended here.
    package func hasRoom(forSequence sequence: UInt64) -> Bool {
        sequence <= baseSequence + Format.sequenceSpan / 2
    }

    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Format.headerLength)
        bytes.put(Format.magic, at: 0)
        bytes.put(Format.major, at: 8)
        bytes.put(minor, at: 10)
        bytes.put(UInt32(Format.headerLength), at: 12)
        bytes.put(number, at: 16)
        bytes.put(generation, at: 24)
        bytes.put(directory.low, at: 32)
        bytes.put(directory.high, at: 40)
        bytes.put(keyHashSeed, at: 48)
        bytes.put(writer, at: 56)
        bytes.put(baseSequence, at: 64)
        bytes.put(clearFloor, at: 72)
        bytes.put(UInt64(capacity), at: 80)
        bytes.put(created, at: 88)
        bytes.put(isReused ? Self.reusedFeature : 0, at: 100)
        bytes[120] = log.rawValue
        bytes.put(XXH3.hash(Array(bytes[..<240])), at: 240)
        return bytes
    }
}

/// Tells the segments of one directory from those of every other.
package struct DirectoryID: Sendable, Hashable {
    package var low: UInt64
    package var high: UInt64
}

/// What one copy of a header turned out to be.
package enum HeaderCopy: Sendable, Equatable {
    case valid(SegmentHeader, isSpare: Bool)
    /// Whole, but of a format that this version must not touch; the text says why.
    case unsupported(String)
    /// Zeroed, damaged, or never a header.
    case unreadable

    /// Decodes `Format.headerLength` bytes at the start of the span.
    package init(_ bytes: RawSpan) {
        guard bytes.byteCount >= Format.headerLength,
            bytes.integer(UInt64.self, at: 0) == Format.magic,
            bytes.integer(UInt64.self, at: 240)
                == bytes.withUnsafeBytes({ XXH3.hash(UnsafeRawBufferPointer(rebasing: $0[..<240])) })
        else {
            self = .unreadable
            return
        }
        let major = bytes.integer(UInt16.self, at: 8)
        guard major == Format.major else {
            self = .unsupported("its format is version \(major), this library knows version \(Format.major)")
            return
        }
        let required = bytes.integer(UInt32.self, at: 96)
        guard required == 0 else {
            self = .unsupported("it requires features 0x\(String(required, radix: 16)) that this library lacks")
            return
        }
        let capacity = bytes.integer(UInt64.self, at: 80)
        guard bytes.integer(UInt32.self, at: 12) == UInt32(Format.headerLength),
            capacity >= UInt64(Format.recordsStart + Format.footerTrailerLength),
            capacity <= UInt64(Format.maximumCapacity),
            bytes.integer(UInt64.self, at: 16) <= Format.highestHeaderNumber,
            bytes.integer(UInt64.self, at: 64) <= Format.highestHeaderNumber,
            bytes.integer(UInt64.self, at: 72) <= bytes.integer(UInt64.self, at: 64),
            let log = SegmentHeader.Log(rawValue: bytes.integer(UInt8.self, at: 120))
        else {
            self = .unreadable
            return
        }
        let header = SegmentHeader(
            number: bytes.integer(UInt64.self, at: 16),
            generation: bytes.integer(UInt64.self, at: 24),
            directory: DirectoryID(
                low: bytes.integer(UInt64.self, at: 32),
                high: bytes.integer(UInt64.self, at: 40)
            ),
            keyHashSeed: bytes.integer(UInt64.self, at: 48),
            writer: bytes.integer(UInt64.self, at: 56),
            baseSequence: bytes.integer(UInt64.self, at: 64),
            clearFloor: bytes.integer(UInt64.self, at: 72),
            capacity: Int(capacity),
            created: bytes.integer(UInt64.self, at: 88),
            log: log,
            isReused: bytes.integer(UInt32.self, at: 100) & SegmentHeader.reusedFeature != 0,
            minor: bytes.integer(UInt16.self, at: 10)
        )
        self = .valid(header, isSpare: bytes.integer(UInt64.self, at: 248) == SegmentHeader.spareState)
    }
}

/// Both copies of a segment's header, and what they say together.
package struct HeaderPair: Sendable, Equatable {
    package let copies: [HeaderCopy]

    package init(_ first: HeaderCopy, _ second: HeaderCopy) {
        copies = [first, second]
    }

    /// Decodes the first `Format.recordsStart` bytes of a file, or as many of them as there are.
    package init(startOfFile bytes: RawSpan) {
        let copies = Format.headerOffsets.map { offset in
            bytes.byteCount < offset + Format.headerLength
                ? HeaderCopy.unreadable
                : HeaderCopy(bytes.extracting(offset..<offset + Format.headerLength))
        }
        self.init(copies[0], copies[1])
    }

    /// The header that holds: of two valid copies, the one with the higher segment number.
    package var header: SegmentHeader? {
        var best: SegmentHeader?
        for case .valid(let header, _) in copies where best.map({ header.number > $0.number }) ?? true { best = header }
        return best
    }

    /// True if either copy of the ruling number says that the segment may be thrown away.
    package var isSpare: Bool {
        guard let number = header?.number else { return false }
        return copies.contains { copy in
            guard case .valid(let header, let isSpare) = copy else { return false }
            return header.number == number && isSpare
        }
    }

    /// Why this version must not touch the directory, if it must not.
    package var unsupportedReason: String? {
        for case .unsupported(let reason) in copies { return reason }
        return nil
    }

    /// The copies that cannot be read, by their place.
    package var damagedOffsets: [Int] {
        zip(copies, Format.headerOffsets).compactMap { copy, offset in copy == .unreadable ? offset : nil }
    }
}
