/// Tells when going on is of no use: when call after call fails for a reason that is no conversation's own.
struct FailureStreak {
    /// A run begins with so many conversations at once and gives up once so many in a row have failed: a wrong key must
    /// not cost a thousand calls.
    static let limit = 4
    /// So few conversations are all tried: stopping saves little, and may leave out those that would work.
    private static let few = 2 * limit

    private let count: Int

    /// Whether the service has ever answered, be it to refuse one conversation.
    private(set) var hasAnswered = false
    private var length = 0

    /// No failures yet, in a run that has so many conversations to ask about.
    init(conversations count: Int) { self.count = count }

    /// How many calls may be under way at once; nil: as many as one likes. Of a service that has not answered yet no more
    /// are made than are needed to give up.
    var room: Int? { hasAnswered ? nil : Self.limit - length }

    /// The list in the order in which it is tried: the first come from all over it, the last one among them, for those that
    /// failed the last time stand together, and must not keep from being tried what was added behind them.
    static func spread(_ list: [Int]) -> [Int] {
        var list = list
        for place in 0..<min(limit, list.count) { list.swapAt(place, place * (list.count - 1) / (limit - 1)) }
        return list
    }

    /// Takes note of an answer, or of a failure that is one conversation's own.
    mutating func noteAnswer() {
        hasAnswered = true
        length = 0
    }

    /// Takes note of a failure; true once it is time to stop.
    ///
    /// A service that has answered before may stumble, or refuse what one conversation holds; then only failures of the
    /// settings count, such as a key that was withdrawn.
    mutating func note(_ scope: SummaryFailureScope) -> Bool {
        switch scope {
        case .conversation: noteAnswer()
        case .settings: length += 1
        case .service: if !hasAnswered && count > Self.few { length += 1 }
        }
        return length >= Self.limit
    }
}
