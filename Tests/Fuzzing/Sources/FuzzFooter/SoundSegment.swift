import FuzzSupport

@testable import SegmentStore

/// A segment whose records are sound, under one footer after the other.
///
///     0   what is mended (1): see `Mending`
///     1   change of the record end in words, signed (1)
///     2   byte of the trailer to change (1), by what (1)
///     4   the footer, or its rows alone where the trailer is mended
struct SoundSegment {
    nonisolated(unsafe) static let shared = SoundSegment()

    private struct Mending: OptionSet {
        let rawValue: UInt8
        /// A trailer that fits the rows.
        static let trailer = Mending(rawValue: 1)
        /// Rows are at the places of records.
        static let places = Mending(rawValue: 2)
        /// Rows have the hashes of the records' keys.
        static let hashes = Mending(rawValue: 4)
        /// Rows have the records' sequences.
        static let sequences = Mending(rawValue: 8)
        static let kinds = Mending(rawValue: 16)
        /// The file is read instead of mapped.
        static let reading = Mending(rawValue: 32)
    }

    private let file: UnsafeMutableRawBufferPointer
    private let header: SegmentHeader
    private let reference: ReferenceHeader
    private let rows: [FooterRow]
    private let recordEnd: Int
    /// What lies between the last record and the end of the file is the fuzzer's.
    private static let room = 3_072

    private init() {
        file = Seeds.soundSegment(hole: Self.room)
        let bytes = UnsafeRawBufferPointer(file)
        guard let header = HeaderPair(startOfFile: RawSpan(_unsafeBytes: bytes)).header,
            let reference = ReferenceHeader.ruling(bytes), let footer = ReferenceFooter(bytes, reference)
        else { fail("the segment is not sound") }
        self.header = header
        self.reference = reference
        rows = footer.rows
        recordEnd = footer.recordEnd
    }

    func readFooter(_ input: FuzzInput) {
        let mending = lay(input)
        let bytes = UnsafeRawBufferPointer(file)
        guard let base = bytes.baseAddress else { return }
        Allocations.reset()
        let loader = SegmentLoader(path: "segment", header: header, isWhole: true, besideWriter: false, boot: 1)
        let loaded = loader.load(mapped: base, count: bytes.count)
        compare(loaded, with: bytes, reference, besideWriter: false)
        if mending.contains(.reading) { compareRead(loaded, loader, bytes) }
        if loaded.isSealed {
            checkEncoding(loaded, bytes)
        } else {
            var found: [FooterRow] = []
            loaded.rows.forEach { found.append($0) }
            // Bytes of an unsound footer may happen to be a record only behind the last sound one.
            check(found.starts(with: rows), "the scan lost records")
        }
        check(Allocations.largest <= 4_096 + 8 * bytes.count, "\(Allocations.largest) bytes allocated at once")
    }

    /// What was read, written again, is what was there, but for bytes that say nothing.
    private func checkEncoding(_ loaded: LoadedRows, _ bytes: UnsafeRawBufferPointer) {
        let encoded = loaded.rows.withUnsafeBytes { rows in
            rows
                + Footer.encodedTrailer(
                    rowCount: loaded.rows.count,
                    rowsHash: XXH3.hash(rows),
                    recordEnd: loaded.recordEnd,
                    for: header,
                    boot: 0
                )
        }
        let trailer = bytes.part(bytes.count - 64, 64)
        check(encoded.dropLast(64).elementsEqual(bytes.suffix(encoded.count).dropLast(64)), "rows encode differently")
        if trailer.u64(48) == 0 { check(encoded.suffix(64).elementsEqual(trailer), "the trailer encodes differently") }
    }

    // MARK: Laying out

    private func lay(_ input: FuzzInput) -> Mending {
        var input = input
        let mending = Mending(rawValue: input.byte())
        let change = Int(Int8(bitPattern: input.byte())) * 8
        let (place, harm) = (Int(input.byte()), input.byte())
        let free = UnsafeMutableRawBufferPointer(rebasing: file[recordEnd...])
        free.initializeMemory(as: UInt8.self, repeating: 0)
        guard mending.contains(.trailer) else {
            let footer = input.take(free.count)
            UnsafeMutableRawBufferPointer(rebasing: free[(free.count - footer.count)...]).copyMemory(from: footer)
            return mending
        }
        let count = min(input.rest.count, free.count - 64) / 40
        let footer = UnsafeMutableRawBufferPointer(rebasing: free[(free.count - 64 - count * 40)...])
        footer.copyMemory(from: input.take(count * 40))
        for (index, row) in rows.prefix(count).enumerated() { mend(footer, at: index * 40, row, mending) }
        SegmentLayout.putTrailer(
            UnsafeMutableRawBufferPointer(rebasing: footer[(count * 40)...]),
            reference,
            rows: Array(footer[..<(count * 40)]),
            recordEnd: recordEnd + change
        )
        // Behind the hash that covers it, so that each field is also wrong by itself.
        if harm != 0 { footer[count * 40 + place % 64] ^= harm }
        return mending
    }

    private func mend(_ footer: UnsafeMutableRawBufferPointer, at offset: Int, _ row: FooterRow, _ mending: Mending) {
        if mending.contains(.places) {
            footer.put(UInt32(row.offset / 8), offset + 8)
            footer.put(UInt32(row.length / 8), offset + 12)
        }
        if mending.contains(.hashes) { footer.put(row.keyHash, offset) }
        if mending.contains(.sequences) { footer.put(row.sequence, offset + 16) }
        if mending.contains(.kinds) { footer[offset + 36] = row.kind.rawValue }
    }
}
