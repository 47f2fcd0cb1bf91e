import Foundation
import GranarySummaries
import TestSupport
import Testing

@testable import GranaryKura

/// Pickles that Kura made, and what becomes of them.
@Suite(.inTurn) struct PickleReaderTests {
    static let plain = SummaryContent(
        summary: "A user's Grüße are \"translated\" 👋.",
        request: "The user's overall request for the assistant is to translate a greeting.",
        topic: "translation",
        languages: ["english", "german"],
        task: "The task is to translate.",
        concerningScore: 1,
        userFrustration: 2,
        assistantErrors: ["Responses were too long", "Responses were too long"]
    )

    @Test(arguments: 2...5)
    func readsASummaryInEveryProtocol(version: Int) throws {
        #expect(try PickledSummary.content(of: TestFiles.fixture("plain-\(version).pickle")) == Self.plain)
    }

    @Test(arguments: 2...5)
    func readsASummaryWithMetadataOfEveryKind(version: Int) throws {
        let content = try PickledSummary.content(of: TestFiles.fixture("extended-\(version).pickle"))
        #expect(content == SummaryContent(summary: "Extended."))
    }

    @Test func readsWhatIsInTheMetadata() throws {
        let (values, root) = try PickleMachine.read(TestFiles.fixture("extended-5.pickle"))
        guard case .summary(state: let state?) = values[root] else {
            Issue.record("no summary")
            return
        }
        let fields = try #require(values.member("__dict__", of: state))
        let metadata = try #require(values.member("metadata", of: fields))
        func value(_ name: String) throws -> PickleValue { values[try #require(values.member(name, of: metadata))] }
        #expect(try value("ratio") == .real(-1.5e300) && value("large") == .largeInteger)
        guard case .list(let references) = try value("negative") else {
            Issue.record("no list")
            return
        }
        #expect(references.map { values[$0] } == [-1, -(1 << 40), .max, .min, 300, 70_000].map { .integer($0) })
        for name in ["date", "time", "naive", "utc", "west", "span"] { #expect(try value(name) == .date, "\(name)") }
        for name in ["raw", "empty", "long"] { #expect(try value(name) == .bytes, "\(name)") }
        for name in ["labels", "fixed"] { #expect(try value(name) == .set, "\(name)") }
    }

    @Test(arguments: TestFiles.pickles)
    func cutOffAtAnyByteItIsAnErrorAndNeverASummary(name: String) throws {
        let pickle = try TestFiles.fixture(name)
        for length in 0..<pickle.count {
            #expect(throws: PickleError.self) { try PickledSummary.content(of: Array(pickle[..<length])) }
        }
        #expect(throws: PickleError.self) { try PickledSummary.content(of: pickle + [0]) }
    }

    @Test(arguments: TestFiles.pickles)
    func withAnyByteChangedItIsASummaryOrATypedError(name: String) throws {
        let pickle = try TestFiles.fixture(name)
        for place in pickle.indices {
            for change: UInt8 in [1, 0x20, 0x80, 0xFF] {
                var changed = pickle
                changed[place] ^= change
                do {
                    _ = try PickledSummary.content(of: changed)
                } catch {
                    #expect(error is PickleError || error is NotASummary)
                }
            }
        }
    }

    @Test(arguments: [
        ("summary", "5"), ("topic", "7"), ("languages", "'english'"), ("languages", "[1]"), ("concerning_score", "6"),
        ("concerning_score", "0"), ("concerning_score", "True"), ("user_frustration", "2.0"), ("summary", "None"),
        ("assistant_errors", "('a',)"),
    ])
    func aFieldOfAnotherKindIsNamed(field: String, value: String) throws {
        let pickle = PickleWriter.summary { $0.text(field).python(value) }
        #expect(throws: NotASummary(field: field)) { try PickledSummary.content(of: pickle) }
    }

    @Test func whatElseAPickleHoldsIsNoSummary() {
        for pickle in [PickleWriter().python("None"), PickleWriter().python("[1]"), PickleWriter().text("summary")] {
            #expect(throws: NotASummary()) { try PickledSummary.content(of: pickle.stop()) }
        }
    }

    @Test func theLaterOfTwoEqualKeysCounts() throws {
        let pickle = PickleWriter.summary { $0.text("topic").text("first").text("topic").text("second") }
        #expect(try PickledSummary.content(of: pickle).topic == "second")
    }
}
