import Granary
import TestSupport
import Testing

/// How long an answer may take.
@Suite(.inTurn) struct TransferLimitTests {
    private static let second: Int64 = 1_000_000_000
    private static let mebibyte = 1 << 20

    @Test func whatDoesNotComeIsOverAfterTheTimeout() {
        let limit = TransferLimit(timeout: .seconds(5), at: 100)
        #expect(limit.deadline == 100 + 5 * Self.second)
    }

    @Test func whatComesFastEnoughMayTakeManyTimesTheTimeoutAndMayNotStop() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        for turn in Int64(1)...100 { limit.note(received: Self.mebibyte, at: turn * 4 * Self.second) }
        #expect(limit.deadline == 405 * Self.second)
    }

    @Test func whatComesByTheByteIsOverWhetherItStopsOrNot() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        for turn in Int64(1)...5 { limit.note(received: 1, at: turn * Self.second) }
        #expect(limit.deadline < 5 * Self.second + Self.second / 1_000)
    }

    @Test func whatIsNoPartOfTheAnswerGivesItNoTime() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        for turn in Int64(1)...4 {
            limit.note(received: 100 * Self.mebibyte, at: turn * Self.second)
            limit.discountReceived()
        }
        #expect(limit.deadline == 5 * Self.second)
    }

    @Test func whatIsNoPartOfTheAnswerTakesNoTimeThatSendingHas() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        limit.note(sent: 16 * Self.mebibyte, at: 100 * Self.second)
        let deadline = limit.deadline
        limit.note(received: 20, at: 101 * Self.second)
        limit.discountReceived()
        #expect(limit.deadline == deadline)
    }

    @Test func whatMayBeOnItsWayUnseenHasTimeToArrive() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        for turn in Int64(1)...128 { limit.note(sent: Self.mebibyte / 8, at: turn * Self.second) }
        // 4 MiB at 64 KiB a second, and the timeout.
        #expect(limit.deadline == (128 + 64 + 5) * Self.second)
        // Once an answer begins nothing is on its way.
        limit.note(received: 1, at: 130 * Self.second)
        #expect(limit.deadline == 135 * Self.second)
    }

    @Test func aLineThatWasFastIsNotWaitedForAsASlowOne() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        for turn in Int64(1)...8 { limit.note(sent: Self.mebibyte, at: turn * Self.second / 8) }
        #expect(limit.deadline == (1 + (1 + 5) + 5) * Self.second)
    }

    @Test func whatBuffersTakeAtOnceHasTheTimeoutTwice() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        limit.note(sent: Self.mebibyte, at: 0)
        #expect(limit.deadline == 10 * Self.second)
        limit.restart(at: Self.second)
        limit.note(sent: Self.mebibyte / 16, at: Self.second)
        #expect(limit.deadline == 7 * Self.second)
    }

    @Test func theNextAnswerHasItsOwnTime() {
        var limit = TransferLimit(timeout: .seconds(5), at: 0)
        limit.note(received: 100 * Self.mebibyte, at: 4 * Self.second)
        limit.restart(at: 4 * Self.second)
        #expect(limit.deadline == 9 * Self.second)
    }

    @Test(arguments: [Duration.seconds(Int64.max), .seconds(1e15), .seconds(-3), .seconds(-0.5), .zero])
    func anyTimeoutIsAMoment(_ timeout: Duration) {
        let limit = TransferLimit(timeout: timeout, at: .max / 4)
        #expect(limit.deadline >= .max / 4)
    }
}
