import GranarySummaries
import Synchronization

/// How far a run is, on standard error: a bar that is redrawn on a terminal, a line now and then elsewhere.
///
/// A run of less than a second shows nothing.
final class ProgressDisplay: Sendable {
    private struct State: Sendable {
        var next: ContinuousClock.Instant
        var hasBar = false
    }

    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private let state: Mutex<State>
    private let isTerminal = Output.errorsGoToTerminal
    private let costs: Costs?

    /// A display; of what calls cost it says as much as the costs tell.
    init(costs: Costs? = nil) {
        self.costs = costs
        let now = ContinuousClock().now
        start = now
        state = Mutex(State(next: now + .seconds(1)))
    }

    func show(_ progress: SummaryProgress) {
        show(progress.done, of: progress.total, "conversations", spending: spending(progress))
    }

    /// Shows that so many of so many are done; the noun says of what.
    func show(_ done: Int, of total: Int, _ noun: String, spending: String = "") {
        let now = clock.now
        let isDue = state.withLock { state in
            guard now >= state.next else { return false }
            state.next = now + (isTerminal ? .milliseconds(100) : .seconds(5))
            state.hasBar = isTerminal
            return true
        }
        guard isDue, done > 0, total > 0 else { return }
        let seconds = (now - start) / .seconds(1)
        let text = Self.text(done, of: total, noun, after: seconds) + spending
        guard isTerminal else { return Output.message(text) }
        Output.raw("\r\u{1B}[K\(Self.bar(done, of: total)) \(text)")
    }

    /// Any counts above 0 are shown, whatever a server says that there is.
    static func text(_ done: Int, of total: Int, _ noun: String, after seconds: Double) -> String {
        let rate = Double(done) / seconds
        let left = Int(min((Double(max(0, total - done)) / rate).rounded(.up), 359_999))
        return "\(grouped(done)) of \(grouped(total)) \(noun), \(grouped(Int(min(rate, 1e15)))) a second, "
            + "\(left / 60):\(left % 60 < 10 ? "0" : "")\(left % 60) left"
    }

    static func bar(_ done: Int, of total: Int) -> String {
        let width = 30
        let filled = Int(Double(width) * min(1, Double(done) / Double(total)))
        return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    }

    private func spending(_ progress: SummaryProgress) -> String {
        guard progress.usage.totalTokens > 0 else { return "" }
        return ", \(grouped(progress.usage.totalTokens)) tokens\(costs?.text(progress.usage).map { " (\($0))" } ?? "")"
    }

    /// Takes the bar away.
    func end() {
        if state.withLock({ $0.hasBar }) { Output.raw("\r\u{1B}[K") }
    }
}
