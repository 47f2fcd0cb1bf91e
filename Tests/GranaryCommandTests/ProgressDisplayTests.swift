import TestSupport
import Testing

@testable import GranaryCommand

@Suite(.inTurnOnOwnThread) struct ProgressDisplayTests {
    @Test(arguments: [
        (50, 100, 2.0, 15, "50 of 100 rows, 25 a second, 0:02 left"),
        (1, 1_000, 10.0, 0, "1 of 1,000 rows, 0 a second, 166:30 left"),
        (100, 3, 1.0, 30, "100 of 3 rows, 100 a second, 0:00 left"),
        (1, Int.max, 1.0, 0, "1 of 9,223,372,036,854,775,807 rows, 1 a second, 5999:59 left"),
        (
            Int.max, Int.max, 1.0, 30,
            "9,223,372,036,854,775,807 of 9,223,372,036,854,775,807 rows, 1,000,000,000,000,000 a second, 0:00 left"
        ),
    ])
    func showsAnyCounts(done: Int, total: Int, seconds: Double, filled: Int, text: String) {
        #expect(ProgressDisplay.text(done, of: total, "rows", after: seconds) == text)
        let bar = ProgressDisplay.bar(done, of: total)
        #expect(bar == String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled))
    }
}
