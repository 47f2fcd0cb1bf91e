import Foundation
import TestSupport
import Testing

@testable import GranarySummaries

@Suite(.inTurn) struct RetryPolicyTests {
    private func policy(random: Double) -> RetryPolicy {
        RetryPolicy(
            maxRetries: 9,
            firstWait: .seconds(1),
            longestWait: .seconds(20),
            longestRetryAfter: .seconds(60),
            random: { random },
            now: { Date(timeIntervalSince1970: 784_111_770) }
        )
    }

    @Test func backsOffExponentiallyUpToALimitWithFullJitter() {
        let failure = ChatModelError.server(status: 500, message: "")
        let most = (0..<10).map { policy(random: 1).wait(beforeRetry: $0, after: failure) }
        #expect(most == [1, 2, 4, 8, 16, 20, 20, 20, 20].map { .seconds($0) } + [nil])
        #expect(policy(random: 0).wait(beforeRetry: 5, after: failure) == .zero)
        #expect(policy(random: 0.25).wait(beforeRetry: 2, after: failure) == .seconds(1))
    }

    @Test func waitsAtLeastAsLongAsTheServerAsks() {
        let asked = ChatModelError.rateLimited(retryAfter: .seconds(30), message: "")
        #expect(policy(random: 0).wait(beforeRetry: 0, after: asked) == .seconds(30))
        #expect(policy(random: 0.5).wait(beforeRetry: 0, after: asked) == .milliseconds(30_500))
        let tooLong = ChatModelError.rateLimited(retryAfter: .seconds(61), message: "")
        #expect(policy(random: 0).wait(beforeRetry: 0, after: tooLong) == nil)
    }

    @Test(
        arguments: [
            ("0", 0), ("7", 7), ("99999999999999999999999", 1 << 32), ("Sun, 06 Nov 1994 08:49:37 GMT", 7),
            ("Sun, 06 Nov 1994 08:49:00 GMT", 0), ("", nil), ("soon", nil), ("-1", nil), ("1.5", nil), ("7 ", nil),
        ] as [(String, Int?)]
    )
    func readsRetryAfter(header: String, seconds: Int?) {
        #expect(policy(random: 0).retryAfter(header) == seconds.map { .seconds($0) })
    }
}
