/// Where a scan reads a segment from.
protocol SegmentBytes {
    /// The bytes of the range, valid until the next call; nil where they cannot be read.
    mutating func bytes(at offset: Int, count: Int) -> UnsafeRawPointer?
    /// Why bytes could not be read, if the system said so.
    var failure: SystemError? { get }
}

/// A segment's own mapping, or a private copy of it.
struct MappedBytes: SegmentBytes {
    let base: UnsafeRawPointer
    let count: Int
    var failure: SystemError? { nil }

    @inline(__always)
    func bytes(at offset: Int, count: Int) -> UnsafeRawPointer? {
        offset + count <= self.count ? base + offset : nil
    }
}

/// A file read by `pread` through a window: for openers beside a writer, who may reuse the file under them.
struct WindowedBytes: SegmentBytes {
    private let descriptor: CInt
    /// Nothing is read behind it, so that a short file takes a short window.
    private let limit: Int
    private let files: any FileLayer
    private(set) var failure: SystemError?
    private var window: [UInt8] = []
    private var windowStart = 0
    private static let windowLength = 1 << 20

    init(_ descriptor: CInt, limit: Int, files: any FileLayer) {
        self.descriptor = descriptor
        self.limit = limit
        self.files = files
    }

    mutating func bytes(at offset: Int, count: Int) -> UnsafeRawPointer? {
        if offset < windowStart || offset + count > windowStart + window.count {
            let length = max(count, min(Self.windowLength, limit - offset))
            do throws(SystemError) {
                window = try files.bytes(of: descriptor, at: offset, count: length)
                windowStart = offset
            } catch {
                failure = error
                return nil
            }
            if window.count < count { return nil }
        }
        // The array is not touched again before the next call, so its storage stays where it is.
        return window.withUnsafeBytes { bytes in bytes.baseAddress.map { $0 + (offset - windowStart) } }
    }
}

/// Finds the whole records of a segment that has no footer.
///
/// Records follow one another by the lengths in their frames. A record whose frame holds and whose checksum fails is
/// stepped over. After an invalid frame every 8-byte boundary is tried: the frame's check finds candidates, the
/// checksum decides; a candidate that fails there is not stepped over, for its length may be an accident.
///
/// Records lie side by side, so the candidates that fail without anyone's intent measure no more together than the
/// segment. Somebody who knows number and generation from the header can put a frame at every 8 bytes and let each claim
/// the rest of the segment. So that hashing them stays linear, candidates inside a gap are given up once those of about
/// their length have failed for more bytes than the segment has: what the forger hides by that he could as well have
/// overwritten.
struct SegmentScanner<Source: SegmentBytes> {
    var source: Source
    let header: SegmentHeader
    let salt: UInt64
    let limit: Int
    /// True beside a live writer, where a record that is not whole yet ends the scan.
    let stopsAtIncomplete: Bool
    /// Bytes of the candidates inside gaps whose checksum failed, by the number of bits in their length.
    private(set) var failedBytes = [Int](repeating: 0, count: Int.bitWidth + 1)

    init(source: Source, header: SegmentHeader, salt: UInt64, limit: Int, stopsAtIncomplete: Bool) {
        self.source = source
        self.header = header
        self.salt = salt
        self.limit = limit
        self.stopsAtIncomplete = stopsAtIncomplete
    }

    struct Result {
        var rows = RowTable()
        /// Where the last whole record ends.
        var recordEnd: Int
        var highestSequence: UInt64 = 0
        /// Bytes between whole records, and behind the last one, that hold something that is no whole record.
        var findings: [Finding] = []
        /// Whole records that this version does not understand.
        var unknownRecords = 0
        /// Some of those have no row: what they do is not known.
        var omitsRecords = false
    }

    struct Finding: Equatable {
        var offset: Int
        var length: Int
        /// Left by a death in mid-write, rather than changed afterwards.
        var isTorn: Bool
    }

    /// Scans from the byte, where a record begins.
    mutating func scan(from start: Int) -> Result {
        var result = Result(recordEnd: start)
        var position = start
        var gap: Gap?
        while position + Format.recordHeaderLength <= limit && position < Format.offsetLimit {
            guard let at = source.bytes(at: position, count: 8) else { break }
            let word = at.load(as: UInt64.self)
            if word == 0 {
                if stopsAtIncomplete { break }
                position += 8
                continue
            }
            guard
                let length = Frame.validLength(
                    of: word,
                    number: header.number,
                    generation: header.generation,
                    offset: position,
                    limit: limit
                )
            else {
                if stopsAtIncomplete { break }
                gap.note(position, end: position + 8, isTorn: false, hasFrame: false)
                position += 8
                continue
            }
            if gap != nil && hasFailedTooMuch(length) {
                position += 8
                continue
            }
            guard let base = source.bytes(at: position, count: length) else { break }
            let record = RecordView(base: base, length: length)
            if record.layoutHolds && record.checksumHolds(salt: salt) {
                gap.close(into: &result.findings, at: position)
                add(record, at: position, to: &result)
                position += length
                result.recordEnd = position
            } else if stopsAtIncomplete {
                break
            } else {
                // A checksum of zero was never written: the writer died between reserving and publishing.
                let follows = gap == nil
                if !follows { failedBytes[Self.lengthClass(length)] += length }
                gap.note(position, end: position + length, isTorn: record.checksum == 0, hasFrame: true)
                position += follows ? length : 8
            }
        }
        // Behind the last record of a file that is used again lie records of the segment before.
        if !header.isReused || gap?.hasFrame == true { gap.closeAtTail(into: &result.findings) }
        return result
    }

    private static func lengthClass(_ length: Int) -> Int { Int.bitWidth - length.leadingZeroBitCount }

    private func hasFailedTooMuch(_ length: Int) -> Bool { failedBytes[Self.lengthClass(length)] > limit }

    private func add(_ record: RecordView, at offset: Int, to result: inout Result) {
        guard record.sequence <= header.highestSequence else {
            result.unknownRecords += 1
            result.omitsRecords = true
            return
        }
        // Of a record that this version cannot use too: a newer one may have given it.
        result.highestSequence = max(result.highestSequence, record.sequence)
        guard record.isUnderstood, let kind = RecordKind(rawValue: record.kindByte) else {
            result.unknownRecords += 1
            result.omitsRecords = true
            return
        }
        // A value that a newer version stored cannot be read, and yet hides what the key had before.
        if kind == .put && !record.hasKnownCodec { result.unknownRecords += 1 }
        result.rows.append(FooterRow(record, kind: kind, offset: offset, keyHashSeed: header.keyHashSeed))
    }
}

extension FooterRow {
    /// The row of a whole record.
    init(_ record: RecordView, kind: RecordKind, offset: Int, keyHashSeed: UInt64) {
        self.init(
            keyHash: record.keyLength == 0 ? 0 : XXH3.hash(record.key, seed: keyHashSeed),
            offset: offset,
            length: record.length,
            sequence: record.sequence,
            expiry: record.expiry,
            tagHash: record.tagHash,
            kind: kind
        )
    }
}

/// A stretch of bytes that is no whole record, while the scan crosses it.
private struct Gap {
    var start: Int
    var end: Int
    var isTorn: Bool
    /// A frame of this segment holds in it.
    var hasFrame: Bool
}

extension Gap? {
    fileprivate mutating func note(_ start: Int, end: Int, isTorn: Bool, hasFrame: Bool) {
        guard var gap = self else {
            self = Gap(start: start, end: end, isTorn: isTorn, hasFrame: hasFrame)
            return
        }
        gap.end = Swift.max(gap.end, end)
        gap.hasFrame = gap.hasFrame || hasFrame
        self = gap
    }

    fileprivate mutating func close<Source>(into findings: inout [SegmentScanner<Source>.Finding], at end: Int) {
        guard let gap = self else { return }
        findings.append(.init(offset: gap.start, length: end - gap.start, isTorn: gap.isTorn))
        self = nil
    }

    fileprivate mutating func closeAtTail<Source>(into findings: inout [SegmentScanner<Source>.Finding]) {
        guard let gap = self else { return }
        findings.append(.init(offset: gap.start, length: gap.end - gap.start, isTorn: true))
        self = nil
    }
}
