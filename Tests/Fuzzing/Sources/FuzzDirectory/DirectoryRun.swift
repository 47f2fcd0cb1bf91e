import FuzzSupport

@testable import SegmentStore

/// A directory of two files: opened to read, opened to write, written, closed and opened again.
///
///     0   names, lock file and how it goes on (1): see `Choices`
///     1   byte of the lock file to change (1)
///     2   what is written (4)
///     6   length of the first file's part (2)
///     8   the files, as `SegmentLayout` has them
struct DirectoryRun {
    private struct Choices: OptionSet {
        let rawValue: UInt8
        /// Files are named by numbers that are not theirs.
        static let otherNames = Choices(rawValue: 1)
        static let lockFile = Choices(rawValue: 2)
        /// The lock file names the second file's directory.
        static let lockNamesSecond = Choices(rawValue: 4)
        /// The second file belongs to the first one's directory.
        static let oneDirectory = Choices(rawValue: 8)
        /// The writer dies instead of closing, once in so many inputs: scanning a new segment takes a while.
        static let dies = Choices(rawValue: 0xF0)
    }

    private let files = MemoryFiles()
    private let choices: Choices
    private let writes: [UInt8]
    private let before: Snapshot
    /// A key as long as that can still be removed in the smallest segment that `Seeds.options` asks for.
    private static let longest = 8_000
    /// Writing and opening again cost three times what reading does: one input in two does it.
    private let writesToo: Bool

    init(_ input: FuzzInput) {
        var input = input
        input = input.split(Self.longest)
        writesToo = input.rest.reduce(0) { $0 &+ $1 } & 1 == 0
        choices = Choices(rawValue: input.byte())
        let change = Int(input.byte())
        writes = Array(input.take(4))
        let first = SegmentLayout(input.split(Int(input.word()))).makeFile()
        let second = SegmentLayout(input).makeFile()
        if choices.contains(.oneDirectory) { Self.adopt(second, into: first) }
        let names = choices.contains(.otherNames) ? ["0000000007", "x"] : ["0000000001", "0000000002"]
        files.add(names[0] + ".segment", first)
        files.add(names[1] + ".segment", second)
        if choices.contains(.lockFile) {
            files.add("lock", Self.lockFile(choices.contains(.lockNamesSecond) ? second : first, change))
        }
        before = Snapshot(files)
    }

    /// Gives the second file the first one's identity, and a number of its own; its checks hold no longer then, unless
    /// a raw header was made to fit.
    private static func adopt(_ file: UnsafeMutableRawBufferPointer, into other: UnsafeMutableRawBufferPointer) {
        guard file.count >= 1_024, other.count >= 1_024 else { return }
        for copy in [0, 512] where ReferenceHeader.isValid(UnsafeRawBufferPointer(file), at: copy) {
            for field in [32, 40, 48] { file.put(other.u64(field), copy + field) }
            SegmentLayout.putHeaderHash(file, at: copy)
        }
    }

    private static func lockFile(_ file: UnsafeMutableRawBufferPointer, _ change: Int) -> UnsafeMutableRawBufferPointer
    {
        func hex(_ value: UInt64) -> String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        let id = file.count < 48 ? "" : hex(file.u64(40)) + hex(file.u64(32))
        var text = Array("granary lock 1\ndirectory \(id)\npid 1\nhost h\nsince 1\n".utf8)
        if change > 0 { text[change % text.count] ^= UInt8(truncatingIfNeeded: change) }
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 8)
        bytes.copyBytes(from: text)
        return bytes
    }

    // MARK: The run

    func run() {
        Allocations.reset()
        let isUnsupported = before.isUnsupported
        let listed = withStore(.readOnly, isUnsupported: isUnsupported) { store throws(StoreError) in
            try compare(store, with: before)
        }
        check(before.isUnchanged(files), "a reader changed a file")
        // Nothing is read or copied but parts of files.
        check(Allocations.largest <= before.largestAllowed, "\(Allocations.largest) bytes allocated at once")
        guard writesToo else { return }
        withStore(.readWrite, isUnsupported: isUnsupported) { store throws(StoreError) in
            guard let entries = listed else { fail("a store opens for writing that does not open for reading") }
            let seen = try compare(store, with: before)
            check(seen == entries, "a writer sees \(seen.keys), a reader \(entries.keys)")
            var expected = try write(store, entries)
            try compare(store, expected)
            // A file left alone because another has its number comes into its own once that one is gone.
            if store.recoveryReport.findings.contains(where: { $0.kind == .foreignSegment }) { expected = [:] }
            if choices.isSuperset(of: .dies) {
                store.abandon()
            } else {
                try store.close()
            }
            reopen(expected)
        }
        if isUnsupported { check(before.isUnchanged(files), "a directory of a newer format was touched") }
        check(files.leaks == (0, 0), "descriptors or mappings are left: \(files.leaks)")
        // What was written may have made a segment as large as a header claims to be; a window on a MiB of it reads that.
        check(Allocations.largest <= before.largestAllowed + 1 << 20, "\(Allocations.largest) bytes allocated at once")
    }

    private func reopen(_ expected: [[UInt8]: [UInt8]?]) {
        withStore(.readOnly, isUnsupported: false) { store throws(StoreError) in try compare(store, expected) }
        guard choices.isSuperset(of: .dies) else { return }
        withStore(.readWrite, isUnsupported: false) { store throws(StoreError) in
            try compare(store, expected)
            try store.close()
        }
    }

    /// Opens the store, which fails for the one reason that damage cannot give.
    @discardableResult
    private func withStore<Result>(
        _ access: StoreOptions.Access,
        isUnsupported: Bool,
        _ body: (SegmentStore) throws(StoreError) -> Result
    ) -> Result? {
        do throws(StoreError) {
            let store = try SegmentStore(
                directory: MemoryFiles.directory,
                options: Seeds.options(files, access: access)
            )
            check(!isUnsupported, "a newer format was opened")
            let result = try body(store)
            try store.close()
            return result
        } catch {
            let isExpected = isUnsupported || (access == .readWrite && before.isForgedHigh)
            check(isExpected && error.code == .unsupportedFormat, "\(access) failed: \(error)")
            return nil
        }
    }

    // MARK: Reading

    /// Reads everything in every way; returns the entries.
    @discardableResult
    private func compare(_ store: SegmentStore, with snapshot: Snapshot) throws(StoreError) -> [[UInt8]: [UInt8]] {
        var entries: [[UInt8]: [UInt8]] = [:]
        for (key, values) in snapshot.values {
            guard let value = try store.get(key) else { continue }
            check(values.contains { areEqual($0, value) }, "a value that no whole record has")
            let lent = try store.withValue(key) { $0.withUnsafeBytes { Array($0) } }
            check(areEqual(lent, value), "lent another value")
            let info = try store.entry(key)
            check(info?.valueLength == value.count, "the entry's length differs")
            entries[key] = value
        }
        if let model = snapshot.model { check(entries == model, "entries \(entries), but \(model) by the format") }
        var listed: Set<[UInt8]> = []
        try store.forEachKey { key in
            let isNew = listed.insert(key.withUnsafeBytes { Array($0) }).inserted
            check(isNew || !snapshot.rowsAreTrue, "a key was listed twice")
        }
        // A row that lies about its key has it listed where no get finds it.
        for key in listed.subtracting(entries.keys) where snapshot.rowsAreTrue {
            let damaged = store.counters.damagedReads.total
            let got = try store.get(key)
            let isCounted = store.counters.damagedReads.total > damaged
            check(got == nil && isCounted, "a key was listed that has no value")
        }
        check(listed.isSuperset(of: entries.keys), "a key was not listed")
        let report = try store.verify()
        check(report.segments <= 2 && report.damage >= 0, "verify counts \(report.segments) segments")
        let statistics = try store.statistics()
        check(statistics.segments == report.segments, "\(statistics.segments) segments")
        if snapshot.model != nil {
            // Those whose values only a newer version can read are counted until they are seen to have ended.
            let most = entries.count + snapshot.unreadableKeys.subtracting(entries.keys).count
            let isRight = (entries.count...most).contains(store.count)
            check(isRight, "\(store.count) entries are counted, there are \(entries.count)")
            // Records may be packed closer than a writer packs them; such a segment is scanned each time.
            let violations = store.invariantViolations().filter { !$0.hasSuffix("no room for its footer") }
            check(violations.isEmpty, "\(violations)")
        }
        return entries
    }

    private func compare(_ store: SegmentStore, _ expected: [[UInt8]: [UInt8]?]) throws(StoreError) {
        for (key, value) in expected {
            let got = try store.get(key)
            check(areEqual(got, value), "\(key) has \(got ?? [0, 0, 0]) and not \(value ?? nil ?? [0, 0, 0])")
        }
    }

    // MARK: Writing

    /// Writes as the input says; returns what each key that was written must have from now on, nil for none.
    private func write(
        _ store: SegmentStore,
        _ entries: [[UInt8]: [UInt8]]
    ) throws(StoreError) -> [[UInt8]: [UInt8]?] {
        var expected: [[UInt8]: [UInt8]?] = [:]
        let keys = entries.keys.sorted { $0.lexicographicallyPrecedes($1) } + [[0x61], Array("long".utf8), [9, 9]]
        for (number, choice) in writes.enumerated() {
            let key = keys[Int(choice >> 3) % keys.count]
            switch choice & 7 {
            case 0: break
            case 1:
                try store.remove(key)
                expected[key] = .some(nil)
            case 2:
                // Damage may hide a key from the index that a scan would find; a clear ends it all the same.
                try store.removeAll()
                for key in keys + Array(before.values.keys) + Array(expected.keys) { expected[key] = .some(nil) }
            case 3:
                let value = [UInt8](repeating: choice, count: 300)
                try store.set([BatchEntry(key: key, value: value), BatchEntry(key: [8, choice], value: [choice])])
                expected[key] = value
                expected[[8, choice]] = [choice]
            default:
                let value = [UInt8(truncatingIfNeeded: number), choice]
                try store.set(key, to: value)
                expected[key] = value
            }
        }
        try store.flush()
        return expected
    }
}
