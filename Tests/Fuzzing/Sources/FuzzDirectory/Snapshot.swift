import FuzzSupport

@testable import SegmentStore

/// The files of a directory as they were, and what the format says of them.
struct Snapshot {
    private let files: [(name: String, bytes: [UInt8])]
    let isUnsupported: Bool
    /// A number or a sequence is too high to write after.
    private(set) var isForgedHigh = false
    /// Every row of a footer that counts says what the record says that is found by it, if that is whole.
    private(set) var rowsAreTrue = true
    /// Of every key the values of all whole records that have it, dead ones included, wherever a scan or a row finds them.
    private(set) var values: [[UInt8]: [[UInt8]]] = [:]
    /// Keys that may have a value of a codec that no version has yet.
    private(set) var unreadableKeys: Set<[UInt8]> = []
    /// The entries that a store of these files has; nil where that takes more than the format's simple rules to say.
    private(set) var model: [[UInt8]: [UInt8]]?
    let largestAllowed: Int

    init(_ directory: MemoryFiles) {
        let contents = directory.contents
        files = contents.map { ($0.name, Array($0.bytes)) }
        let segments = contents.filter { $0.name.hasSuffix(".segment") }.map(\.bytes)
        isUnsupported = segments.contains { ReferenceHeader.isUnsupported($0) }
        var expansion = 0
        for bytes in segments {
            guard let header = ReferenceHeader.ruling(bytes) else { continue }
            let rows = ReferenceFooter(bytes, header)?.rows ?? []
            let salt = header.salt
            var records = ReferenceScan.everyRecord(bytes, header)
            for row in rows {
                guard let record = ReferenceRecord(bytes, foundBy: row, header, salt: salt) else { continue }
                if record.row(header) != row { rowsAreTrue = false }
                records.append(record)
            }
            // A record may move the sequence by 2^48, and as much must be left.
            if max(header.number, header.baseSequence) >= (1 << 60) - (1 << 50) { isForgedHigh = true }
            for record in records where record.kind == 0 && record.isUnderstood {
                if !record.hasKnownCodec { unreadableKeys.insert(Array(record.key)) }
                expansion = max(expansion, record.storedLength * 255)
                if let value = record.value { values[Array(record.key), default: []].append(value) }
            }
        }
        let total = segments.reduce(0) { $0 + $1.count }
        // The path of a finding, an index's first buckets and the like are a few KiB whatever the files hold.
        largestAllowed = max(1 << 17, 8 * total) + expansion
        model = isUnsupported ? nil : Self.model(of: segments)
    }

    func isUnchanged(_ directory: MemoryFiles) -> Bool {
        directory.contents.elementsEqual(files) { now, then in
            now.name == then.name && then.bytes.withUnsafeBytes { areEqual(now.bytes, $0) }
        }
    }

    /// What the records of sound segments of one directory come to: the highest sequence of each key counts.
    private static func model(of segments: [UnsafeRawBufferPointer]) -> [[UInt8]: [UInt8]]? {
        let headers = segments.map { ReferenceHeader.ruling($0) }
        guard let first = headers.compactMap({ $0 }).first else { return [:] }
        var floor: UInt64 = 0
        var records: [(order: (UInt64, UInt8, UInt64), record: ReferenceRecord)] = []
        var numbers: Set<UInt64> = []
        for (bytes, header) in zip(segments, headers) {
            guard let header else { continue }
            // Whose segments count otherwise is a matter of ages, names and the lock file.
            guard header.low == first.low, header.high == first.high, header.seed == first.seed,
                numbers.insert(header.number).inserted
            else { return nil }
            if header.isSpare { continue }
            guard let found = rows(bytes, header) else { return nil }
            floor = max(floor, header.clearFloor)
            for record in found {
                if record.kind == 2 { floor = max(floor, record.sequence) }
                records.append(((record.sequence, record.kind == 1 ? 1 : 0, header.number), record))
            }
        }
        var newest: [[UInt8]: ReferenceRecord] = [:]
        for (order, record) in records.sorted(by: { $0.order < $1.order })
        where order.0 >= floor && record.kind < 2 {
            // Two records of one segment with one sequence: the format does not say which counts.
            let key = Array(record.key)
            if let known = newest[key], known.sequence == record.sequence, known.kind == record.kind { return nil }
            newest[key] = record
        }
        var entries: [[UInt8]: [UInt8]] = [:]
        for (key, record) in newest where record.kind == 0 && (record.expiry == 0 || record.expiry > Seeds.now) {
            if !record.hasKnownCodec { continue }
            guard record.mustDecode, let value = record.value else { return nil }
            entries[key] = value
        }
        return entries
    }

    /// The records that count, by the footer or by a scan; nil where a footer says other things than the records.
    private static func rows(_ bytes: UnsafeRawBufferPointer, _ header: ReferenceHeader) -> [ReferenceRecord]? {
        let isWhole = bytes.count >= header.capacity
        guard let footer = ReferenceFooter(bytes, header) else {
            return ReferenceScan(bytes, header, limit: isWhole ? header.capacity - 64 : bytes.count).records
        }
        var records: [ReferenceRecord] = []
        let salt = header.salt
        for row in footer.rows {
            let record = ReferenceRecord(bytes, at: row.offset, limit: header.capacity - 64, header, salt: salt)
            guard let record, record.isUnderstood, record.row(header) == row else { return nil }
            records.append(record)
        }
        return records
    }
}
