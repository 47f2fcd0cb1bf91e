/// Chooses the sentences of the summary.
///
/// The user's request comes first, then the most central sentence of the assistant, then whatever says most that is new
/// (``RedundancyControl``), in the order of the conversation and within ``ExtractiveLimits/summaryLength``.
struct SentenceSelection {
    private let reading: ConversationReading
    private let cues: Cues
    /// The numbers of the sentences compared; the graph knows them by their places in this list.
    let candidates: [Int]
    private let stopWords: StopWords

    init(_ reading: ConversationReading, cues: Cues, stopWords: StopWords, request: RequestSentence?) {
        self.reading = reading
        self.cues = cues
        self.stopWords = stopWords
        candidates = Self.candidates(in: reading, request: request)
    }

    /// At most ``ExtractiveLimits/rankedSentences`` of the sentences with words: the first of every message, then the
    /// second of every message and so on, for messages say at their beginning what they are about.
    static func candidates(in reading: ConversationReading, request: RequestSentence?) -> [Int] {
        let worded = reading.sentences.indices.filter { !reading.sentences[$0].tokens.isEmpty }
        guard worded.count > ExtractiveLimits.rankedSentences else { return worded }
        let wanted = request.map { [$0.number, $0.context].compactMap(\.self) } ?? []
        var chosen = wanted
        let byOrdinal = worded.sorted { (reading.sentences[$0].ordinal, $0) < (reading.sentences[$1].ordinal, $1) }
        for number in byOrdinal where !wanted.contains(number) {
            guard chosen.count < ExtractiveLimits.rankedSentences else { break }
            chosen.append(number)
        }
        return chosen.sorted()
    }

    /// The numbers of the chosen sentences, in the order of the conversation.
    func choose(request: RequestSentence?, lengthOf length: (Int) -> Int) -> [Int] {
        guard !candidates.isEmpty else { return [] }
        let graph = SentenceGraph(bags: candidates.map(contentWords))
        let qualities = candidates.map { quality($0, request: request) }
        let relevance = Self.scaled(zip(graph.centrality(prior: qualities), qualities).map { $0 * $1 })
        var chosen: [Int] = []
        var room = ExtractiveLimits.summaryLength
        for wanted in [request?.number, request?.context] {
            guard let wanted, let place = candidates.firstIndex(of: wanted) else { continue }
            guard chosen.isEmpty || length(wanted) <= room / 2 else { continue }
            chosen.append(place)
            room -= length(wanted)
        }
        while chosen.count < ExtractiveLimits.summarySentences {
            let open = candidates.indices.filter { !chosen.contains($0) && length(candidates[$0]) <= room }
            // An answer before anything else, so that the summary tells of both sides.
            let answers = open.filter { reading.speaker(of: reading.sentences[candidates[$0]]) == .assistant }
            let isAnswered = chosen.contains { reading.speaker(of: reading.sentences[candidates[$0]]) == .assistant }
            let isAnswer = !isAnswered && !answers.isEmpty
            // An answer takes up the words of its question, and is not redundant for that.
            let choice = RedundancyControl.next(
                of: isAnswer ? answers : open,
                relevance: relevance,
                chosen: isAnswer ? [] : chosen,
                graph: graph
            )
            guard let choice, chosen.isEmpty || relevance[choice] >= Self.leastRelevance else { break }
            chosen.append(choice)
            room -= length(candidates[choice])
        }
        return chosen.sorted().map { candidates[$0] }
    }

    private static let leadWeights = [1.8, 1.5, 1.3]

    /// A sentence far less central than the best adds nothing to a summary that could be shorter.
    private static let leastRelevance = 0.08

    private static func scaled(_ values: [Double]) -> [Double] {
        let greatest = values.max() ?? 0
        return greatest > 0 ? values.map { $0 / greatest } : values
    }

    private func contentWords(_ number: Int) -> [Int] {
        reading.tokens[reading.sentences[number].tokens].map(\.word).filter { !stopWords[$0] }
    }

    /// How well a sentence would read in a summary, whatever it says: whole sentences well, and fragments, courtesies
    /// and openings of lists badly.
    private func quality(_ number: Int, request: RequestSentence?) -> Double {
        let sentence = reading.sentences[number]
        var quality = 1.0
        switch sentence.shape {
        case .plain: break
        case .item: quality *= 0.6
        case .heading: quality *= 0.2
        }
        if sentence.tokens.count < 4 { quality *= 0.2 } else if sentence.tokens.count < 7 { quality *= 0.6 }
        if sentence.isCut { quality *= 0.6 }
        if reading.text(of: sentence).last == ":" { quality *= 0.25 }
        // "Sure, I can help with that" says nothing; "Here is a function that sorts" does.
        if cues.contains(.opening, in: number) { quality *= sentence.tokens.count < 10 ? 0.2 : 0.6 }
        if cues.contains(.leaning, in: number) { quality *= 0.6 }
        if cues.contains(.greeting, in: number) { quality *= 0.3 }
        if cues.contains(.closing, in: number) { quality *= 0.15 }
        if reading.speaker(of: sentence) == .other { quality *= 0.2 }
        // The first sentences of a text are the strongest baseline of all, and answers begin with the answer.
        if sentence.ordinal < Self.leadWeights.count { quality *= Self.leadWeights[sentence.ordinal] }
        // What directly answers the request, rather than what came of it later.
        if let request, sentence.part == reading.sentences[request.number].part + 1 { quality *= 1.4 }
        return quality
    }
}
