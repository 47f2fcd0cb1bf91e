/// The index of a sealed or closed segment, at the segment's own end: a row per record, then the trailer.
///
///     row, 40 bytes                              trailer, 64 bytes
///     0   key hash (8)                           0   magic (8)
///     8   offset, length in units of 8 (4, 4)    8   segment number (8)
///     16  sequence (8)                           16  generation (8)
///     24  expiry (8)                             24  record end (8)
///     32  tag hash (4)                           32  row count (8)
///     36  kind (1), zero (3)                     40  XXH3 of the rows (8)
///                                                48  boot (8)
///                                                56  XXH3 of bytes 0 to 55 (8)
///
/// Rows stand in the order of their offsets. A gap between two rows is a record that was torn or damaged when the
/// segment was sealed.
package struct FooterRow: Sendable, Equatable {
    package var keyHash: UInt64
    package var offset: Int
    package var length: Int
    package var sequence: UInt64
    package var expiry: UInt64
    package var tagHash: UInt32
    package var kind: RecordKind

    package func append(to bytes: inout [UInt8]) {
        let position = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: Format.footerRowLength))
        bytes.put(keyHash, at: position)
        bytes.put(UInt32(truncatingIfNeeded: offset / Format.unit), at: position + 8)
        bytes.put(UInt32(truncatingIfNeeded: length / Format.unit), at: position + 12)
        bytes.put(sequence, at: position + 16)
        bytes.put(expiry, at: position + 24)
        bytes.put(tagHash, at: position + 32)
        bytes[position + 36] = kind.rawValue
    }

    /// The hash of the key alone, of a row that a table has checked.
    @inline(__always)
    package static func keyHash(_ bytes: UnsafeRawBufferPointer, at position: Int) -> UInt64 {
        bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
    }

    @inline(__always)
    package init?(_ bytes: UnsafeRawBufferPointer, at position: Int) {
        guard let kind = RecordKind(rawValue: bytes[position + 36]) else { return nil }
        keyHash = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        offset = Int(bytes.loadUnaligned(fromByteOffset: position + 8, as: UInt32.self)) * Format.unit
        length = Int(bytes.loadUnaligned(fromByteOffset: position + 12, as: UInt32.self)) * Format.unit
        sequence = bytes.loadUnaligned(fromByteOffset: position + 16, as: UInt64.self)
        expiry = bytes.loadUnaligned(fromByteOffset: position + 24, as: UInt64.self)
        tagHash = bytes.loadUnaligned(fromByteOffset: position + 32, as: UInt32.self)
        self.kind = kind
    }

    package init(
        keyHash: UInt64,
        offset: Int,
        length: Int,
        sequence: UInt64,
        expiry: UInt64,
        tagHash: UInt32,
        kind: RecordKind
    ) {
        self.keyHash = keyHash
        self.offset = offset
        self.length = length
        self.sequence = sequence
        self.expiry = expiry
        self.tagHash = tagHash
        self.kind = kind
    }
}

/// Rows as they lie in a footer: borrowed from a mapping, read from a file, or made by a scan.
///
/// They stay bytes, because opening a store of a million entries would spend its time on making a million values.
/// `@unchecked`: neither kind of bytes changes while the table is used; whoever borrows keeps the mapping.
package struct RowTable: @unchecked Sendable {
    private enum Storage {
        case owned([UInt8])
        case mapped(UnsafeRawBufferPointer)
    }
    private var storage: Storage
    package private(set) var count: Int
    /// The highest sequence of any row, and of any that clears; 0: there is none.
    package private(set) var highestSequence: UInt64 = 0
    package private(set) var highestClear: UInt64 = 0

    /// An empty table.
    package init() {
        storage = .owned([])
        count = 0
    }

    /// Takes rows over if they are as many as announced, unchanged, in order and inside the records.
    package init?(_ bytes: [UInt8], rowCount: Int, recordEnd: Int, highestSequence: UInt64, rowsHash: UInt64) {
        storage = .owned(bytes)
        count = rowCount
        guard holds(recordEnd: recordEnd, highestSequence: highestSequence, rowsHash: rowsHash) else { return nil }
    }

    /// The same for rows in a mapping that outlives the table.
    package init?(
        mapped bytes: UnsafeRawBufferPointer,
        rowCount: Int,
        recordEnd: Int,
        highestSequence: UInt64,
        rowsHash: UInt64
    ) {
        storage = .mapped(bytes)
        count = rowCount
        guard holds(recordEnd: recordEnd, highestSequence: highestSequence, rowsHash: rowsHash) else { return nil }
    }

    package mutating func append(_ row: FooterRow) {
        guard case .owned(var bytes) = storage else { return }
        storage = .owned([])
        row.append(to: &bytes)
        storage = .owned(bytes)
        count += 1
        note(row)
    }

    @inline(__always)
    private mutating func note(_ row: FooterRow) {
        highestSequence = max(highestSequence, row.sequence)
        if row.kind == .clear { highestClear = max(highestClear, row.sequence) }
    }

    package func withUnsafeBytes<Result, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch storage {
        case .owned(let bytes):
            // The array's own method takes a body that throws anything.
            try bytes.span.bytes.withUnsafeBytes(body)
        case .mapped(let bytes): try body(bytes)
        }
    }

    /// Calls the body with every row, in the order of their offsets.
    package func forEach<Failure>(_ body: (FooterRow) throws(Failure) -> Void) throws(Failure) {
        try withUnsafeBytes { bytes throws(Failure) in
            for index in 0..<count {
                if let row = FooterRow(bytes, at: index * Format.footerRowLength) { try body(row) }
            }
        }
    }

    /// The same; each row is announced before as many others are worked on, so that what they need can be fetched.
    package func forEach<Failure>(
        announcing announce: (FooterRow) -> Void,
        _ body: (FooterRow) throws(Failure) -> Void
    ) throws(Failure) {
        let distance = 12
        try withUnsafeBytes { bytes throws(Failure) in
            func row(_ index: Int) -> FooterRow? { FooterRow(bytes, at: index * Format.footerRowLength) }
            for index in 0..<min(distance, count) { row(index).map(announce) }
            for index in 0..<count {
                if index + distance < count { row(index + distance).map(announce) }
                if let row = row(index) { try body(row) }
            }
        }
    }

    /// The row of the record at the offset, by binary search.
    package func row(atOffset offset: Int) -> FooterRow? {
        withUnsafeBytes { bytes in
            var low = 0
            var high = count
            while low < high {
                let middle = (low + high) / 2
                guard let row = FooterRow(bytes, at: middle * Format.footerRowLength) else { return nil }
                if row.offset == offset { return row }
                if row.offset < offset { low = middle + 1 } else { high = middle }
            }
            return nil
        }
    }

    private mutating func holds(recordEnd: Int, highestSequence highest: UInt64, rowsHash: UInt64) -> Bool {
        let rows = self
        return rows.withUnsafeBytes { bytes in
            guard bytes.count == count * Format.footerRowLength,
                XXH3.hash(bytes) == rowsHash
            else { return false }
            var end = Format.recordsStart
            for index in 0..<count {
                guard let row = FooterRow(bytes, at: index * Format.footerRowLength),
                    row.offset >= end, row.length >= Format.recordHeaderLength, row.offset + row.length <= recordEnd,
                    row.offset < Format.offsetLimit, row.sequence <= highest
                else { return false }
                end = row.offset + row.length
                note(row)
            }
            return true
        }
    }
}

/// The trailer and the making of a whole footer.
package enum Footer {
    private static let magic: UInt64 = 0x3146_4753_4E41_5247

    /// Bytes that a footer of so many rows takes.
    package static func length(rowCount: Int) -> Int {
        rowCount * Format.footerRowLength + Format.footerTrailerLength
    }

    /// The trailer behind so many rows with the hash.
    ///
    /// `boot` is `forced` or `recordsForced` where the records have been forced before. Any other footer may be there after
    /// a power cut when its records are not, so it counts only as long as the machine runs that this boot began.
    package static func encodedTrailer(
        rowCount: Int,
        rowsHash: UInt64,
        recordEnd: Int,
        for header: SegmentHeader,
        boot: UInt64
    ) -> [UInt8] {
        var trailer = [UInt8](repeating: 0, count: Format.footerTrailerLength)
        trailer.put(magic, at: 0)
        trailer.put(header.number, at: 8)
        trailer.put(header.generation, at: 16)
        trailer.put(UInt64(recordEnd), at: 24)
        trailer.put(UInt64(rowCount), at: 32)
        trailer.put(rowsHash, at: 40)
        trailer.put(boot, at: 48)
        trailer.putChecksum()
        return trailer
    }

    /// Stands in the place of the boot in a footer that has reached the disk, its records and its segment's name before it.
    package static let forced: UInt64 = 0
    /// Stands there in a footer that may not have reached the disk itself.
    ///
    /// Nothing can say of itself that it has been forced, for whoever writes that may die before forcing it, and the next
    /// opener would believe it. So a footer says this first, is forced, and then says `forced` without being forced again:
    /// after a power cut either will do.
    package static let recordsForced: UInt64 = .max

    /// The trailer with another word in the place of the boot.
    package static func trailer(_ trailer: [UInt8], saying boot: UInt64) -> [UInt8] {
        var trailer = trailer
        trailer.put(boot, at: 48)
        trailer.putChecksum()
        return trailer
    }

    /// What of a segment has reached the disk for certain.
    package enum Forced: Sendable {
        case nothing
        /// The records and the segment's name.
        case records
        /// The footer too.
        case all
    }

    /// What the trailer at the end of a segment says.
    package enum Trailer: Equatable {
        /// Zeros: the segment is not sealed.
        case absent
        /// A footer was here and cannot be used; the segment must be scanned.
        case damaged
        /// A footer is here whose records may not be: the machine was off since it was written. Scanned, too.
        case outlived
        case valid(rowCount: Int, recordEnd: Int, rowsHash: UInt64, forced: Forced)
    }

    /// Reads the last `Format.footerTrailerLength` bytes of a segment.
    package static func trailer(_ bytes: RawSpan, for header: SegmentHeader, boot present: UInt64) -> Trailer {
        guard bytes.byteCount == Format.footerTrailerLength else { return .damaged }
        if (0..<8).allSatisfy({ bytes.integer(UInt64.self, at: $0 * 8) == 0 }) { return .absent }
        // What the segment before left is none of this one's.
        if header.isReused
            && (bytes.integer(UInt64.self, at: 8), bytes.integer(UInt64.self, at: 16))
                != (header.number, header.generation)
        {
            return .absent
        }
        let hash = bytes.withUnsafeBytes { XXH3.hash(UnsafeRawBufferPointer(rebasing: $0[..<56])) }
        let rowCount = bytes.integer(UInt64.self, at: 32)
        let recordEnd = bytes.integer(UInt64.self, at: 24)
        let room = header.capacity - Format.recordsStart - Format.footerTrailerLength
        guard bytes.integer(UInt64.self, at: 56) == hash,
            bytes.integer(UInt64.self, at: 0) == magic,
            bytes.integer(UInt64.self, at: 8) == header.number,
            bytes.integer(UInt64.self, at: 16) == header.generation,
            rowCount <= UInt64(room / Format.footerRowLength),
            recordEnd >= UInt64(Format.recordsStart), recordEnd % UInt64(Format.alignment) == 0,
            recordEnd <= UInt64(header.capacity - length(rowCount: Int(rowCount)))
        else { return .damaged }
        let boot = bytes.integer(UInt64.self, at: 48)
        guard [forced, recordsForced, present].contains(boot) else { return .outlived }
        return .valid(
            rowCount: Int(rowCount),
            recordEnd: Int(recordEnd),
            rowsHash: bytes.integer(UInt64.self, at: 40),
            forced: boot == forced ? .all : boot == recordsForced ? .records : .nothing
        )
    }
}

extension [UInt8] {
    /// Completes a trailer.
    fileprivate mutating func putChecksum() { put(XXH3.hash(Array(self[..<56])), at: 56) }
}
