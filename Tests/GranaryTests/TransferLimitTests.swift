import Granary
import Testing

/// How long an answer may take.
@Suite struct TransferLimitTests {
    private static let second: Int64 = 1_000_000_000
    private static let mebibyte = 1 << 20

    @Test func whatDoesNotComeIsOverAfterTheTimeout() {
        let limit = TransferLimit(timeout: .seconds(5), at: 100)
        #expect(limit.deadline == 100 + 5 * Self.second)
    }

    @Test func whatComesFastEnoughMayTakeManyTimesTheTimeoutAndMayNotStop() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        for turn in Int64(1)...100 { limit.note(Self.mebibyte, at: turn * 4 * Self.second) }
        #expect(limit.deadline == 405 * Self.second)
    }

    @Test func whatComesByTheByteIsOverWhetherItStopsOrNot() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        for turn in Int64(1)...5 { limit.note(1, at: turn * Self.second) }
        #expect(limit.deadline < 5 * Self.second + Self.second / 1_000)
    }

    @Test func whatIsNoPartOfTheAnswerGivesItNoTime() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        for turn in Int64(1)...4 {
            limit.note(100 * Self.mebibyte, at: turn * Self.second)
            limit.discount()
        }
        #expect(limit.deadline == 5 * Self.second)
    }

    @Test func whatMayBeOnItsWayUnseenHasTimeToArrive() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        limit.note(8 * Self.mebibyte, at: Self.second)
        limit.allow(unseen: 4 * Self.mebibyte)
        #expect(limit.deadline == 70 * Self.second)
    }

    @Test func theNextAnswerHasItsOwnTime() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        limit.note(100 * Self.mebibyte, at: 4 * Self.second)
        limit.restart(at: 4 * Self.second)
        #expect(limit.deadline == 9 * Self.second)
    }

    @Test(arguments: [Duration.seconds(Int64.max), .seconds(1e15), .seconds(-3), .seconds(-0.5), .zero])
    func anyTimeoutIsAMoment(_ timeout: Duration) {
        let limit = TransferLimit(timeout: timeout, at: .max / 4)
        #expect(limit.deadline >= .max / 4)
    }
}
