import Foundation
import GranarySummaries
import TestSupport
import Testing

@testable import GranaryKura

/// Pickles that would do something, or take everything.
@Suite(.inTurn) struct HostilePickleTests {
    private func cause(_ bytes: [UInt8]) -> PickleError.Cause? {
        do {
            _ = try PickledSummary.content(of: bytes)
            return nil
        } catch {
            return (error as? PickleError)?.cause
        }
    }

    // MARK: Doing something

    static let names = [
        ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("__builtin__", "exec"), ("builtins", "getattr"),
        ("subprocess", "Popen"), ("datetime", "datetime.now"), ("datetime", "sys"), ("copyreg", "_reconstructor"),
        ("kura.types.summarisation", "ConversationSummary.__init__"), ("kura.types.conversation", "Conversation"),
        ("_codecs", "decode"), ("_codecs", "lookup"), ("kura.types", "summarisation ConversationSummary"), ("", ""),
        ("d\u{61}tetime\u{301}", "date"), ("numpy.core.multiarray", "_reconstruct"),
    ]

    @Test(arguments: names)
    func aNameThatIsNotKnownIsRefusedHoweverItIsGiven(module: String, name: String) {
        let calls: [(PickleWriter) -> [UInt8]] = [
            { $0.text("touch /tmp/never").op(.tuple1, .reduce).stop() },
            { $0.op(.emptyTuple, .newObject).stop() },
            { $0.op(.emptyDictionary, .build).stop() },
            { $0.stop() },
        ]
        for call in calls {
            for writer in [
                PickleWriter().name(module, name), PickleWriter().text(module).text(name).op(.stackGlobal),
            ] {
                guard case .refusedName = cause(call(writer)) else {
                    Issue.record("\(module) \(name): \(String(describing: cause(call(writer))))")
                    continue
                }
            }
        }
    }

    /// INST, OBJ, NEWOBJ_EX, EXT1, EXT2, EXT4, PERSID, BINPERSID, the out-of-band buffers, and all others.
    @Test func everyOperationThatPlainDataDoesNotNeedIsRefused() {
        for byte in UInt8.min ... .max where PickleOperation(rawValue: byte) == nil {
            let arguments = Array("os\nsystem\n".utf8)
            let pickle = PickleWriter().text("a").op(.mark).text("b").raw([byte] + arguments).stop()
            #expect(cause(pickle) == .refusedOperation(byte))
        }
        for byte in Array("ioPQ".utf8) + [0x92, 0x82, 0x83, 0x84, 0x97, 0x98, 0x96, 0x32, 0x30, 0x31] {
            #expect(PickleOperation(rawValue: byte) == nil)
        }
    }

    @Test func aKnownNameIsNotUsedForAnythingElse() {
        let start = PickleWriter()
        let summary = start.name("kura.types.summarisation", "ConversationSummary")
        let object = summary.op(.emptyTuple, .newObject)
        let date = start.name("datetime", "datetime")
        let encode = start.name("_codecs", "encode")
        let pickles: [PickleWriter] = [
            summary.op(.emptyTuple, .reduce),
            summary.text("x").op(.tuple1, .newObject),
            summary.op(.emptyDictionary, .build),
            date.op(.emptyTuple, .newObject),
            date.text("now").op(.tuple1, .reduce),
            date.op(.emptyList, .reduce),
            date.op(.emptyDictionary, .build),
            date.op(.bytes1).raw([1, 0]).op(.emptyDictionary, .tuple2, .reduce),
            start.name("datetime", "timedelta").text("x").op(.tuple1, .reduce),
            start.name("datetime", "timezone").op(.null, .tuple1, .reduce),
            start.name("builtins", "set").text("x").op(.tuple1, .reduce),
            start.name("builtins", "bytes").op(.long4).raw([4, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F]).op(.tuple1, .reduce),
            encode.text("x").text("zlib").op(.tuple2, .reduce),
            encode.text("x").op(.tuple1, .reduce),
            start.text("os.system").op(.emptyTuple, .reduce),
            start.op(.emptyList, .emptyDictionary, .build),
            object.op(.emptyList, .build),
            object.op(.emptyDictionary, .build, .emptyDictionary, .build),
            object.op(.emptyTuple, .reduce),
        ]
        for pickle in pickles { #expect(cause(pickle.stop()) == .refusedUse, "\(pickle.bytes)") }
    }

    @Test func otherProtocolsAreRefused() {
        for version: UInt8 in [0, 1, 6, 255] {
            #expect(cause([0x80, version] + PickleWriter.summary().dropFirst(2)) == .unknownProtocol(version))
        }
        #expect(cause(Array("(dp0\n.".utf8)) == .malformed)
        #expect(cause([]) == .truncated)
    }

    @Test func takingWhatIsNotThereIsAnError() {
        let start = PickleWriter()
        let pickles: [PickleWriter] = [
            start, start.op(.append), start.op(.emptyList, .mark, .append), start.op(.appends), start.op(.tuple),
            start.op(.null, .tuple2), start.op(.null, .mark, .tuple1), start.op(.setItem), start.op(.memoize),
            start.op(.get1).raw([0]), start.op(.null, .memoize, .get4).raw([1, 0, 0, 0]), start.op(.reduce),
            start.op(.build), start.op(.newObject), start.op(.stackGlobal), start.op(.null, .null, .stackGlobal),
            start.op(.emptyDictionary, .mark, .null, .setItems), start.op(.null, .null, .append),
            start.op(.null, .mark, .addItems), start.op(.null, .mark), start.op(.null, .null), start.op(.frozenSet),
            start.op(.null).raw([0x80, 4]),
        ]
        for pickle in pickles { #expect(cause(pickle.stop()) == .malformed, "\(pickle.bytes)") }
    }

    @Test func textThatIsNoUnicodeIsAnError() {
        // Half a surrogate pair, as Python writes it; a form that is too long; a byte that is none.
        for bytes: [UInt8] in [[0xED, 0xA0, 0x80], [0xC0, 0x80], [0xFF]] {
            let pickle = PickleWriter().op(.text1).raw([UInt8(bytes.count)] + bytes).stop()
            #expect(cause(pickle) == .invalidText)
        }
    }

    // MARK: Taking everything

    @Test func aLengthBeyondTheEndAllocatesNothing() {
        let operations: [(PickleOperation, Int)] = [
            (.text4, 4), (.text8, 8), (.bytes4, 4), (.bytes8, 8), (.long4, 4), (.text1, 1), (.bytes1, 1), (.long1, 1),
        ]
        for (operation, count) in operations {
            for last: UInt8 in [0x7F, 0xFF] {
                let length = [UInt8](repeating: 0xFF, count: count - 1) + [last]
                let pickle = PickleWriter().op(operation).raw(length + [0, 0, 0]).bytes
                var found: PickleError.Cause?
                #expect(touchedBytes { found = cause(pickle) } < 1 << 20)
                #expect(found == .truncated)
            }
        }
    }

    static let floods: [[PickleOperation]] = [
        [.null], [.emptyList], [.emptyDictionary], [.emptyTuple], [.emptyTuple, .tuple1], [.emptySet], [.mark],
        [.null, .memoize], [.emptyList, .append], [.mark, .emptyList, .appends],
    ]

    @Test(arguments: floods)
    func memoryIsInProportionToTheBytes(flood: [PickleOperation]) {
        for count in [100_000, 1 << 21] {
            let body = (0..<(count / flood.count)).flatMap { _ in flood.map(\.rawValue) }
            let pickle = PickleWriter().op(.emptyList).raw(body).bytes
            let touched = touchedBytes { #expect(cause(pickle) != nil) }
            #expect(touched < 250 * count, "\(touched / count) bytes for each")
        }
    }

    @Test func memoNumbersTakeNoRoomOfTheirOwn() {
        var pickle = PickleWriter().op(.null)
        for number: [UInt8] in [[0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0x80]] {
            pickle = pickle.op(.put4).raw(number).op(.get4).raw(number)
        }
        let touched = touchedBytes { #expect(cause(pickle.stop()) == .malformed) }
        #expect(touched < 1 << 20)
    }

    @Test func listsWithinListsWithinListsAreNotUnfolded() throws {
        // Each holds the one before ten times: 10^40 in the end.
        var pickle = PickleWriter().text("languages").op(.emptyList, .memoize)
        for number: UInt8 in 0..<40 {
            pickle = pickle.op(.emptyList, .mark)
            for _ in 0..<10 { pickle = pickle.op(.get1).raw([number]) }
            pickle = pickle.op(.appends, .memoize)
        }
        let body = pickle.bytes.dropFirst(2)
        // What the lists were made of stays on the stack, and the summary's fields take it for keys and values.
        let summary = PickleWriter.summary { $0.raw(Array(body)).op(.null) }
        #expect(throws: (any Error).self) { try PickledSummary.content(of: summary) }
    }

    @Test func oneTextReferredToManyTimesIsNotMultipliedWithoutEnd() {
        let text = String(repeating: "x", count: 100_000)
        let pickle = PickleWriter.summary { start in
            var writer = start.text("languages").op(.emptyList, .mark).text(text).op(.memoize)
            for _ in 0..<10_000 { writer = writer.op(.get1).raw([0]) }
            return writer.op(.appends)
        }
        #expect(throws: NotASummary(field: "languages")) { try PickledSummary.content(of: pickle) }
    }

    @Test func aListThatHoldsItselfIsNoTrouble() {
        let pickle = PickleWriter.summary { start in
            start.text("languages").op(.emptyList, .memoize).op(.get1).raw([0]).op(.append)
        }
        #expect(throws: NotASummary(field: "languages")) { try PickledSummary.content(of: pickle) }
    }

    @Test func deepNestingNeitherRecursesNorEnds() {
        let tuples = PickleWriter().op(.emptyTuple)
            .raw([UInt8](repeating: PickleOperation.tuple1.rawValue, count: 900_000)).stop()
        #expect(throws: NotASummary()) { try PickledSummary.content(of: tuples) }
        let marks = PickleWriter().raw([UInt8](repeating: PickleOperation.mark.rawValue, count: 1_000)).stop()
        #expect(cause(marks) == .tooMuch)
        let many = PickleWriter().raw([UInt8](repeating: PickleOperation.null.rawValue, count: 1 << 21)).stop()
        #expect(cause(many) == .tooMuch)
    }

    /// Appending one by one to one list must not take time by the square.
    @Test func timeIsInProportionToTheBytes() {
        let appends = (0..<400_000).flatMap { _ in [PickleOperation.null.rawValue, PickleOperation.append.rawValue] }
        let pickle = PickleWriter().op(.emptyList).raw(appends).stop()
        // By the square it would be minutes, and the copies would touch gigabytes.
        let touched = touchedBytes { #expect(throws: NotASummary()) { try PickledSummary.content(of: pickle) } }
        #expect(touched < 400 << 20)
    }

    @Test func aMessageShowsNothingThatATerminalWouldObey() {
        let error = PickleError(cause: .refusedName("x"), offset: 7)
        #expect(error.description == "the pickle names x, which is refused, at byte 7")
        let pickle = PickleWriter().name("\u{1B}[2J", String(repeating: "n", count: 1_000)).stop()
        guard case .refusedName(let name) = cause(pickle) else {
            Issue.record("not refused")
            return
        }
        #expect(name.hasPrefix("?[2J.nnn") && name.count < 200)
    }

    /// Bytes of memory that this thread touched for the first time; what other tests do meanwhile is not in it.
    private func touchedBytes(_ body: () -> Void) -> Int {
        func faults() -> Int {
            var usage = rusage()
            // RUSAGE_THREAD, which Glibc's module lacks.
            getrusage(1, &usage)
            return usage.ru_minflt
        }
        let before = faults()
        body()
        return (faults() - before) * 4_096
    }
}
