/// Tells when going on is of no use: when call after call fails for a reason that is no conversation's own.
struct FailureStreak {
    /// A run begins with so many conversations at once and gives up once so many in a row have failed: a wrong key must
    /// not cost a thousand calls.
    static let limit = 4

    /// Whether the service has ever answered, be it to refuse one conversation.
    private(set) var hasAnswered = false
    private var length = 0

    /// How many calls may be under way at once; nil: as many as one likes. Of a service that has not answered yet no more
    /// are made than are needed to give up.
    var room: Int? { hasAnswered ? nil : Self.limit - length }

    /// Takes note of an answer, or of a failure that is one conversation's own.
    mutating func noteAnswer() {
        hasAnswered = true
        length = 0
    }

    /// Takes note of a failure; true once it is time to stop.
    ///
    /// A service that has answered before may stumble; then only failures of the settings count, such as a key that was
    /// withdrawn.
    mutating func note(_ scope: SummaryFailureScope) -> Bool {
        switch scope {
        case .conversation: noteAnswer()
        case .settings: length += 1
        case .service: if !hasAnswered { length += 1 }
        }
        return length >= Self.limit
    }
}
