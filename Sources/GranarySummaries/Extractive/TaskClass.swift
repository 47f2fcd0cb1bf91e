/// What kind of help the user asks for, coarsely.
///
/// A heuristic: cue words in the user's messages vote for classes, those of the first message twice, and code in the
/// conversation votes for coding. It knows the usual words in a dozen languages and nothing of what they mean together.
enum TaskClass: String, Sendable, Hashable, CaseIterable {
    // In the order that decides between equals: the class that is told by rarer words first.
    case translation
    case summarising
    case customerSupport = "customer support"
    case dataAnalysis = "data analysis"
    case coding = "coding help"
    case maths
    case planning
    case writing
    case answering = "question answering"
    case conversation

    init(_ reading: ConversationReading, cues: Cues) {
        var votes = [Int](repeating: 0, count: Self.allCases.count)
        var userParts = 0
        // Formulas without a fence look like code, so bare code counts only where the user shows it.
        if reading.parts.contains(where: { $0.speaker == .user && ($0.holdsFencedCode || $0.holdsBareCode) }) {
            votes[Self.coding.place] += Self.userCodeVote
        }
        if reading.parts.contains(where: { $0.speaker == .assistant && $0.holdsFencedCode }) {
            votes[Self.coding.place] += Self.assistantCodeVote
        }
        for part in reading.parts {
            guard part.speaker == .user, !part.text.isEmpty else { continue }
            let factor = userParts == 0 ? 2 : 1
            userParts += 1
            for number in part.sentences {
                // A pasted document speaks of its own matters; the request stands at its beginning or its end.
                let fromEnd = part.sentences.upperBound - 1 - number
                guard number - part.sentences.lowerBound < Self.sentencesRead || fromEnd < Self.sentencesRead else {
                    continue
                }
                Self.count(cues.hits[number], reading.sentences[number], factor: factor, into: &votes)
            }
        }
        var best = Self.conversation
        var most = 0
        for task in Self.allCases where votes[task.place] > most {
            best = task
            most = votes[task.place]
        }
        self = best
    }

    private static let userCodeVote = 4
    private static let assistantCodeVote = 3
    private static let sentencesRead = 6

    private var place: Int {
        Self.allCases.firstIndex(of: self) ?? 0
    }

    private static func count(
        _ hits: [Cues.Hit],
        _ sentence: ConversationReading.Sentence,
        factor: Int,
        into votes: inout [Int]
    ) {
        for hit in hits {
            guard case .task(let task) = hit.kind else { continue }
            votes[task.place] += hit.weight * factor
        }
        let isAsked =
            sentence.isQuestion && !sentence.tokens.isEmpty
            || hits.contains { $0.kind == .command || $0.kind == .request }
        if isAsked { votes[Self.answering.place] += factor }
    }
}
