import TestSupport
import Testing

@testable import SegmentStore

@Suite(.inTurnOnOwnThread) struct CompressionTests {
    private static let all: [StoreOptions.Compression] = [
        .none, .lz4(minimumLength: 1), .compactLZ4(minimumLength: 1),
    ]

    private func values() -> [[UInt8]] {
        var generator = SeededGenerator(seed: 7)
        let lengths = Array(0...80) + [300, 1_100, 8_000, 65_535, 65_536, 70_000, 300_000]
        return lengths.flatMap { length in
            [
                Prose.bytes(length, seed: UInt64(length)), generator.bytes(length),
                [UInt8](repeating: 0, count: length),
                // What lies in the dictionary whole, and what begins with its end.
                Array(TextDictionary.bytes.prefix(length)), Array(TextDictionary.bytes.suffix(length)),
            ]
        }
    }

    @Test(arguments: all) func everyValueComesBackAsItWasSet(_ compression: StoreOptions.Compression) throws {
        let directory = try TemporaryDirectory()
        var options = StoreOptions.stepped()
        options.compression = compression
        let values = values()
        for round in 0..<2 {
            let store = try SegmentStore(directory: directory.path, options: options)
            if round == 0 {
                for (number, value) in values.enumerated() { try store.set("single \(number)", to: value) }
                try store.set(values.enumerated().map { BatchEntry(key: text("batch \($0)"), value: $1) })
            }
            for (number, value) in values.enumerated() {
                for name in ["single", "batch"] {
                    #expect(try store.get("\(name) \(number)") == value)
                    let lent = try store.withValue("\(name) \(number)") { span in span.withUnsafeBytes { Array($0) } }
                    #expect(lent == value)
                }
            }
            #expect(try store.verify().findings == [])
            try store.close()
        }
    }

    @Test func valuesThatLieSideBySideAreStoredEachItsOwnWay() throws {
        let directory = try TemporaryDirectory()
        let value = Prose.bytes(600)
        let store = try SegmentStore(directory: directory.path, options: .stepped())
        try store.set(
            Self.all.enumerated().map { number, compression in
                BatchEntry(key: text("\(number)"), value: value, options: SetOptions(compression: compression))
            }
        )
        for number in Self.all.indices { #expect(try store.get("\(number)") == value) }
        let stored = try Self.all.indices.map { try #require(try storedLength("\($0)", in: store)) }
        #expect(stored[0] == value.count && stored[1] < stored[0] && stored[2] < stored[1])
        try store.close()
    }

    @Test func theFirstValueOfItsKindIsAlreadySmall() throws {
        let directory = try TemporaryDirectory()
        let store = try SegmentStore(directory: directory.path, options: .stepped())
        let value = text(
            """
            {"summary":"The user asked the assistant to help with a function in Python, and the assistant provided a \
            detailed explanation of the algorithm.","languages":["english","python"],"user_frustration":1}
            """
        )
        try store.set("lz4", to: value, options: SetOptions(compression: .lz4(minimumLength: 1)))
        try store.set("compact", to: value, options: SetOptions(compression: .compactLZ4(minimumLength: 1)))
        let (plain, compact) = (try storedLength("lz4", in: store), try storedLength("compact", in: store))
        #expect(try #require(plain) > value.count * 9 / 10 && #require(compact) < value.count / 2)
        try store.close()
    }

    @Test func whatDoesNotGetSmallerAndWhatIsTooShortIsStoredAsItIs() throws {
        let directory = try TemporaryDirectory()
        let store = try SegmentStore(directory: directory.path, options: .stepped())
        var generator = SeededGenerator(seed: 3)
        let random = generator.bytes(5_000)
        try store.set("random", to: random, options: SetOptions(compression: .compactLZ4(minimumLength: 1)))
        try store.set("short", to: Prose.bytes(99), options: SetOptions(compression: .compactLZ4(minimumLength: 100)))
        #expect(try storedLength("random", in: store) == 5_000 && storedLength("short", in: store) == 99)
        try store.close()
    }

    @Test func valuesOfAnySizeAreCompressedAndLongOnesFast() throws {
        let directory = try TemporaryDirectory()
        let store = try SegmentStore(directory: directory.path, options: .stepped())
        let compact = SetOptions(compression: .compactLZ4(minimumLength: 1))
        try store.set("compact", to: Prose.bytes(ValueCompression.longestCompact), options: compact)
        try store.set("long", to: Prose.bytes(ValueCompression.longestCompact + 1), options: compact)
        #expect(try record("compact", in: store)?.codecByte == RecordCodec.compactLZ4.rawValue)
        #expect(try record("long", in: store)?.codecByte == RecordCodec.lz4.rawValue)
        try store.close()
    }

    @Test func threadsCompressAtTheSameTime() throws {
        let directory = try TemporaryDirectory()
        var options = StoreOptions.stepped()
        options.compression = .compactLZ4(minimumLength: 1)
        let store = try SegmentStore(directory: directory.path, options: options)
        // More than there are states kept, and each value takes a millisecond or two.
        let (count, rounds) = (16, 10)
        let prose = Prose.bytes(60_000)
        inParallelThreads(count) { thread in
            for number in 0..<rounds {
                let key = "\(thread * rounds + number)"
                #expect(throws: Never.self) { try store.set(key, to: text(key) + prose) }
            }
        }
        for key in (0..<count * rounds).map(String.init) { #expect(try store.get(key) == text(key) + prose) }
        try store.close()
    }

    /// What was stored once is decoded for ever: blocks whose distances reach the dictionary's end, and its front.
    @Test func decodesWhatTheFirstVersionStored() {
        let ends: [UInt8] = [
            0x0F, 0xA6, 0x0C, 0x0D, 0x04, 0xF5, 0x06, 0x80, 0x72, 0x6F, 0x75, 0x6E, 0x64, 0x20, 0x31, 0x2E,
        ]
        #expect(decoded(ends, count: 48) == text("The user asked the assistant to explain round 1."))
        let fronts: [UInt8] = [
            0x0F, 0xEF, 0x2D, 0x15, 0x5F, 0x20, 0x7A, 0x7A, 0x7A, 0x20, 0x94, 0x1A, 0x15, 0x05, 0x09, 0x10, 0x50, 0x6F,
            0x66, 0x20, 0x69, 0x74,
        ]
        let dictionary = Array(TextDictionary.bytes)
        let wanted = dictionary[0..<40] + text(" zzz ") + dictionary[5_000..<5_040] + text(" the end of it")
        #expect(decoded(fronts, count: wanted.count) == Array(wanted))
    }

    private func decoded(_ block: [UInt8], count: Int) -> [UInt8]? {
        block.withUnsafeBytes { ValueCompression.decompressed($0, .compactLZ4, rawLength: count) }
    }

    /// Whoever changes a byte of it changes what stored values decode to.
    @Test func theDictionaryStaysAsItIs() {
        let bytes = Array(TextDictionary.bytes)
        #expect(bytes.count == 11_759 && XXH3.hash(bytes) == 0x0BB1_938D_6663_679E)
    }

    private func storedLength(_ key: String, in store: SegmentStore) throws -> Int? {
        try record(key, in: store)?.storedLength
    }

    private func record(_ key: String, in store: SegmentStore) throws -> RecordView? {
        let hash = text(key).withUnsafeBytes { store.hash(of: $0) }
        return store.index.shard(for: hash).pointee.probe(hash) { entry, _ in
            store.segments[entry.slot].pointee.record(at: entry.offset)
        }
    }
}
