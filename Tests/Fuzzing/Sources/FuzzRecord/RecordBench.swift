import FuzzSupport

@testable import SegmentStore

/// Two open stores, one that reads in place and one that copies first, whose segment gets one record after the other.
///
///     0   what is mended (1): see `Mending`
///     1   what the record is made to say (1)
///     2   the record
struct RecordBench {
    nonisolated(unsafe) static let shared = RecordBench()

    private struct Mending: OptionSet {
        let rawValue: UInt8
        static let frame = Mending(rawValue: 1)
        static let checksum = Mending(rawValue: 2)
        /// The frame's length is that of the parts, as far as there are bytes.
        static let length = Mending(rawValue: 4)
        /// A raw value is as long as it is stored, and the kind is put.
        static let rules = Mending(rawValue: 8)
    }

    private let file: UnsafeMutableRawBufferPointer
    private let header: ReferenceHeader
    private let stores: [SegmentStore]
    private let offset: Int
    private static let room = 1 << 16

    private init() {
        file = Seeds.soundSegment(hole: Self.room)
        let bytes = UnsafeRawBufferPointer(file)
        guard let header = ReferenceHeader.ruling(bytes), let footer = ReferenceFooter(bytes, header) else {
            fail("the segment is not sound")
        }
        self.header = header
        offset = footer.recordEnd
        let files = MemoryFiles()
        files.add("0000000001.segment", file)
        do {
            stores = try [.readOnly, .readWrite].map { access in
                try SegmentStore(directory: MemoryFiles.directory, options: Seeds.options(files, access: access))
            }
        } catch {
            fail("the stores could not be opened: \(error)")
        }
        // Nothing is found but the record on the bench.
        for store in stores { for shard in 0..<Index.shardCount { store.index[shard].pointee.removeAll() } }
    }

    func decode(_ input: FuzzInput) {
        let count = lay(input)
        guard count >= 56 else { return }
        let bytes = UnsafeRawBufferPointer(file)
        let length = Int(bytes.u32(offset)) * 8
        let place = UnsafeMutableRawBufferPointer(rebasing: file[offset..<offset + Self.room])
        defer {
            UnsafeMutableRawBufferPointer(rebasing: place[..<count]).initializeMemory(as: UInt8.self, repeating: 0)
        }
        let reference =
            length >= 56 && length <= Self.room
            ? ReferenceRecord(bytes, at: offset, length: length, salt: header.salt) : nil
        if let reference { view(bytes.part(offset, length), reference) }
        let key = reference.map { Array($0.key) } ?? [0x61]
        for store in stores { read(key, from: store, reference) }
    }

    // MARK: The decoder alone

    /// The record in memory of its own, so that a byte read behind its end is seen.
    private func view(_ bytes: UnsafeRawBufferPointer, _ reference: ReferenceRecord) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
        defer { copy.deallocate() }
        copy.copyMemory(from: bytes)
        guard let base = copy.baseAddress else { return }
        let record = RecordView(base: base, length: copy.count)
        check(record.layoutHolds && record.checksumHolds(salt: header.salt), "a whole record was refused")
        check(record.isUnderstood == reference.isUnderstood, "what is understood differs")
        check(areEqual(record.key, reference.key), "keys differ")
        check(areEqual(record.storedValue, reference.stored), "stored values differ")
        check(areEqual(RecordExtensions(decoding: record.extensions)?.tag, reference.tag), "tags differ")
    }

    // MARK: A get through it

    private func read(_ key: [UInt8], from store: SegmentStore, _ reference: ReferenceRecord?) {
        let hash = XXH3.hash(key.span.bytes, seed: header.seed)
        let shard = store.index.shard(for: hash)
        let entry = IndexEntry(slot: 0, offset: offset, hash: hash, shadows: false, isTombstone: false)
        guard shard.pointee.insert(entry, hash: hash) else { fail("the index is full") }
        defer {
            let cell = shard.pointee.probe(hash) { found, cell in found.offset == offset ? cell : nil }
            if let cell { shard.pointee.remove(at: cell) }
        }
        do {
            try compare(key, in: store, reference)
        } catch {
            fail("reading threw \(error)")
        }
    }

    private func compare(_ key: [UInt8], in store: SegmentStore, _ reference: ReferenceRecord?) throws(StoreError) {
        let isUsable = reference.map { reference in
            reference.isUnderstood && reference.kind == 0 && reference.hasKnownCodec
                && (reference.expiry == 0 || reference.expiry > Seeds.now)
        }
        let record = isUsable == true ? reference : nil
        Allocations.reset()
        let value = try store.get(key)
        let stored = record?.storedLength ?? 0
        // A copy of what its frame says it is, the value, and what arrays add.
        let allowed = 4_096 + max(record?.length ?? file.count, 255 * stored)
        check(Allocations.largest <= allowed, "\(Allocations.largest) bytes allocated for \(stored) stored ones")
        if let record {
            let expected = record.value
            check(areEqual(value, expected) || (value == nil && !record.mustDecode), "a wrong value")
            try compareInfo(try store.entry(key), record)
        } else {
            check(value == nil, "a value from a record that has none")
            check(try store.entry(key) == nil, "an entry without a record")
        }
        let lent = try store.withValue(key) { span in span.withUnsafeBytes { Array($0) } }
        check(areEqual(lent, value), "lent another value")
        var appended: [UInt8] = [1]
        check(try store.get(key.span.bytes, appendingTo: &appended) == (value != nil), "appending differs")
        check(areEqual(appended, [1] + (value ?? [])), "another value was appended")
        let damaged = store.counters.damagedReads.total
        var isListed = false
        try store.forEachKey(inPart: Index.shard(of: XXH3.hash(key.span.bytes, seed: header.seed)), hasPrefix: []) {
            let listed = $0.withUnsafeBytes { Array($0) }
            if areEqual(listed, key) { isListed = true }
        }
        if isListed {
            let got = try store.get(key)
            let isCounted = store.counters.damagedReads.total > damaged
            check(got != nil || isCounted, "a listed key has no value")
        }
    }

    private func compareInfo(_ info: EntryInfo?, _ record: ReferenceRecord) throws(StoreError) {
        guard let info else { fail("a whole record has no entry") }
        check(info.valueLength == record.rawLength && info.storedLength == record.storedLength, "lengths differ")
        check(info.created == record.created && (info.expiry ?? 0) == record.expiry, "times differ")
        check(areEqual(info.tag, record.tag) && info.callerByte == record.callerByte, "tags differ")
    }

    // MARK: Laying out

    /// Writes the record into the hole of the segment; returns how many bytes were written.
    private func lay(_ input: FuzzInput) -> Int {
        var input = input
        let mending = Mending(rawValue: input.byte())
        let says = input.byte()
        let given = input.take(Self.room)
        guard given.count >= 56 else { return 0 }
        let count = (given.count + 7) / 8 * 8
        let record = UnsafeMutableRawBufferPointer(rebasing: file[offset..<offset + count])
        record.copyMemory(from: given)
        let bytes = UnsafeRawBufferPointer(record)
        if mending.contains(.length) {
            let fixed = 56 + Int(bytes[54]) * 8 + Int(bytes.u16(48))
            if fixed + Int(bytes.u32(40)) > count, fixed <= count { record.put(UInt32(count - fixed), 40) }
            record.put(UInt32((fixed + Int(bytes.u32(40)) + 7) / 8), 0)
        }
        if mending.contains(.rules) {
            record[50] = 0
            record[53] = 0
            record[51] %= 3
            if record[51] == 0 { record.put(bytes.u32(40), 44) }
            // The longest length that a block could have, and one more.
            if record[51] != 0, says & 3 == 1 { record.put(bytes.u32(40) &* 255 &+ UInt32(says >> 2), 44) }
        }
        let length = Int(bytes.u32(0)) * 8
        guard length >= 56, length <= Self.room else { return count }
        if mending.contains(.frame) {
            record.put(header.frameCheck(offset: offset, units: UInt32(length / 8)), 4)
        }
        if mending.contains(.checksum) {
            let whole = UnsafeRawBufferPointer(file).part(offset, length)
            record.put(ReferenceRecord.checksum(whole, salt: header.salt), 8)
        }
        return count
    }
}
