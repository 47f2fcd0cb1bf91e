@testable package import SegmentStore

/// What corpora grow from: segments of real stores, without their holes.
package enum Seeds {
    package static let now: UInt64 = 1_700_000_000_000

    /// Options of a store in memory, the same in every run.
    package static func options(
        _ files: MemoryFiles,
        access: StoreOptions.Access = .readWrite,
        compression: StoreOptions.Compression = .lz4(minimumLength: 40)
    ) -> StoreOptions {
        var options = StoreOptions(
            access: access,
            durability: .never,
            compression: compression,
            clock: StoreClock { now },
            // Every segment needs a generation of its own, and every run the same ones.
            randomness: { files.nextRandom() }
        )
        options.files = files
        options.runsBackgroundThread = false
        options.sizes = sizes
        return options
    }

    /// Enough for the records that an input has room for, among them the removal of a key as long as all of it. Reserving
    /// more, and scanning segments of a MiB on several threads, was a third of what an execution cost.
    private static let sizes: StoreSizes = {
        var sizes = StoreSizes()
        sizes.smallestSegment = 1 << 14
        sizes.slots = 64
        sizes.buckets = 128
        return sizes
    }()

    // MARK: Stores

    private static func fill(_ store: SegmentStore, _ round: Int) throws(StoreError) {
        try store.set("a", to: Array("one \(round)".utf8))
        try store.set("b", to: [], options: SetOptions(tag: Array("tag".utf8), callerByte: 7))
        try store.set("c", to: [UInt8](repeating: 0x61, count: 200))
        try store.set("long", to: (0..<120).map { UInt8(truncatingIfNeeded: $0 % 11 + round) })
        let compact = SetOptions(compression: .compactLZ4(minimumLength: 1))
        let prose = Array("The user asked the assistant to explain round \(round).".utf8)
        try store.set("prose", to: prose, options: compact)
        try store.set("ended", to: [1], options: SetOptions(expiry: now - 1))
        try store.set("later", to: [2], options: SetOptions(expiry: now + 1_000_000))
        try store.set("a", to: Array("two".utf8))
        try store.remove("b")
    }

    private enum End { case closed, abandoned }

    /// The segments that a store leaves which went through the sessions.
    private static func files(_ sessions: [(SegmentStore) throws -> End]) throws -> [[UInt8]] {
        let files = MemoryFiles()
        for session in sessions {
            let store = try SegmentStore(directory: MemoryFiles.directory, options: options(files))
            switch try session(store) {
            case .closed: try store.close()
            case .abandoned: store.abandon()
            }
        }
        return files.contents.filter { $0.name.hasSuffix(".segment") }.map { Array($0.bytes) }
    }

    private static func stores() throws -> [[[UInt8]]] {
        let filled: (SegmentStore) throws -> End = { store in
            try Self.fill(store, 1)
            return .closed
        }
        let abandoned: (SegmentStore) throws -> End = { store in
            try Self.fill(store, 2)
            return .abandoned
        }
        let cleared: (SegmentStore) throws -> End = { store in
            try Self.fill(store, 3)
            try store.removeAll()
            try store.set("after", to: [3])
            return .closed
        }
        return try [
            files([filled]), files([abandoned]), files([filled, cleared]), files([filled, abandoned, filled]),
            files([cleared, abandoned]),
        ]
    }

    /// A sealed segment of a few records, with room for so many bytes between them and the footer.
    package static func soundSegment(hole: Int) -> UnsafeMutableRawBufferPointer {
        guard let file = try? stores().first?.first else { fail("a store could not be made") }
        let (header, records, _) = packed(file)
        let flags: SegmentLayout.Flags = [.soundHeader, .frames, .checksums, .ownFooter]
        let input =
            [flags.rawValue, 0, 0, 0, 0, 0, 255, 0] + header + records + [UInt8](repeating: 0, count: hole / 8 * 8)
        return input.withUnsafeBufferPointer { SegmentLayout(FuzzInput($0.baseAddress, $0.count)).makeFile() }
    }

    // MARK: Inputs

    /// Inputs for `SegmentLayout` that lay out the real segment without its hole.
    private static func packed(_ file: [UInt8]) -> (header: [UInt8], records: [UInt8], rows: [UInt8]) {
        file.withUnsafeBytes { bytes in
            guard let header = ReferenceHeader.ruling(bytes) else { fail("a real segment without header") }
            let footer = ReferenceFooter(bytes, header)
            let end = footer?.recordEnd ?? ReferenceScan(bytes, header, limit: header.capacity - 64).recordEnd
            let rows = (footer?.rows.count ?? 0) * 40
            return (
                Array(bytes[..<SegmentLayout.headerLength]), Array(bytes[1_024..<end]),
                Array(bytes[(header.capacity - 64 - rows)..<(header.capacity - 64)])
            )
        }
    }

    private static func inputs(of file: [UInt8]) -> [[UInt8]] {
        let (header, records, rows) = packed(file)
        let mended: SegmentLayout.Flags = [.soundHeader, .soundLengths, .frames, .checksums]
        func input(_ flags: SegmentLayout.Flags, copies: UInt8 = 0, broken: UInt8 = 255, harm: UInt8 = 0) -> [UInt8] {
            let given = flags.contains(.givenFooter)
            let count = given ? UInt8(truncatingIfNeeded: rows.count / 40) : 0
            return [flags.rawValue, copies, count, 4, 0, 0, broken, harm] + header + records + (given ? rows : [])
        }
        let bare = input(mended)
        let sealed = input(mended.union(.ownFooter))
        return [
            bare, sealed, input(mended.union(.givenFooter)), input(mended.union([.ownFooter, .brokenTrailer])),
            input(mended, copies: 2, broken: 1, harm: 1), input(mended, copies: 1, broken: 2, harm: 2),
            input(mended, copies: 4, broken: 1, harm: 3), input(mended.subtracting(.soundLengths)),
            raw(bare), raw(sealed),
        ]
    }

    /// The same file as bytes that are taken as they are.
    private static func raw(_ input: [UInt8]) -> [UInt8] {
        let file = input.withUnsafeBufferPointer { SegmentLayout(FuzzInput($0.baseAddress, $0.count)).makeFile() }
        defer { file.deallocate() }
        return [SegmentLayout.Flags.raw.rawValue, 0, 0, 0, 0, 0, 0, 0] + Array(file)
    }

    /// For `fuzz-segment`.
    package static func segments() throws -> [[UInt8]] {
        try stores().flatMap { $0 }.flatMap(inputs).flatMap { [[0] + $0, [1] + $0, [2] + $0] }
    }

    /// For `fuzz-footer`: the rows of real footers, with each way to mend them.
    package static func footers() throws -> [[UInt8]] {
        try stores().flatMap { $0 }.map { packed($0).rows }.filter { !$0.isEmpty }
            .flatMap { rows in [0, 1, 3, 7, 15, 31, 63].map { [$0, 0, 0, 0] + rows } }
    }

    /// For `fuzz-directory`: pairs of segments, with something to do in them.
    package static func directories() throws -> [[UInt8]] {
        try stores().filter { !$0.isEmpty }.flatMap { segments -> [[UInt8]] in
            let first = inputs(of: segments[0])
            let second = inputs(of: segments[segments.count - 1])
            return zip(first, second).enumerated().map { number, pair in
                let count = pair.0.count
                let control: [UInt8] = [UInt8(truncatingIfNeeded: number * 37), 0, 0x35, 0x7A, 0xC1, 0x0F]
                return control + [UInt8(truncatingIfNeeded: count), UInt8(truncatingIfNeeded: count >> 8)] + pair.0
                    + pair.1
            }
        }
    }

    /// For `fuzz-record`: real records, one by one.
    package static func records() throws -> [[UInt8]] {
        try stores().flatMap { $0 }.flatMap { file -> [[UInt8]] in
            file.withUnsafeBytes { bytes in
                guard let header = ReferenceHeader.ruling(bytes) else { return [] }
                return ReferenceScan(bytes, header, limit: header.capacity - 64).records.flatMap { record in
                    [0, 3, 7, 15].map { [$0, 0] + Array(bytes.part(record.offset, record.length)) }
                }
            }
        }
    }
}
