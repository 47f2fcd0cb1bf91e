/// The phrases that name what a conversation is about.
///
/// RAKE: S. Rose, D. Engel, N. Cramer and W. Cowley, "Automatic Keyword Extraction from Individual Documents", in Text
/// Mining: Applications and Theory, 2010. Candidates are the runs of words between stop words and punctuation. Of the
/// paper's word scores the degree is taken rather than the degree over the frequency: it favours words that are both
/// frequent and in long phrases, and in a text as short as a chat the ratio only favours phrases said once.
///
/// In scripts read in pairs of letters the "words" of a phrase are its pairs, which works the same.
struct KeyPhrases {
    /// A longer run of words is a sentence in which the stop words are missing.
    private static let mostWords = 3
    /// Eight characters.
    private static let mostPairs = 7
    private static let mostPhrases = 3

    /// What the user names is the subject more likely than what the answer brings up.
    private static let userWeight = 2.0

    private let reading: ConversationReading
    private let stopWords: StopWords
    private var candidates: [Candidate] = []
    private var degrees: [Int: Double] = [:]

    private struct Candidate {
        var words: [Int]
        var part: Int
        var range: Range<Int>
        var weight: Double
    }

    /// - Parameter sentences: the numbers of the sentences to read, as in the graph of sentences.
    init(_ reading: ConversationReading, sentences: [Int], stopWords: StopWords) {
        self.reading = reading
        self.stopWords = stopWords
        for number in sentences { collect(reading.sentences[number]) }
        for candidate in candidates {
            let degree = Double(min(candidate.words.count, Self.mostWords)) * candidate.weight
            for word in candidate.words { degrees[word, default: 0] += degree }
        }
    }

    /// The best phrases as their writers spelt them, within the length bound; `nil` if there are none.
    func topic() -> String? {
        var topic = ""
        var used: [Int] = []
        var count = 0
        for candidate in ranked() {
            guard count < Self.mostPhrases else { break }
            guard !candidate.words.contains(where: { word in used.contains { isVariant(word, $0) } }) else { continue }
            let surface = Excerpt.text(
                reading.parts[candidate.part].text[candidate.range],
                limit: ExtractiveLimits.topicLength
            )
            let longer = topic.isEmpty ? surface : topic + ", " + surface
            guard longer.unicodeScalars.count <= ExtractiveLimits.topicLength else { continue }
            topic = longer
            used += candidate.words
            count += 1
        }
        return topic.isEmpty ? nil : topic
    }

    /// The same word, or the plural of the other: a topic that names both says nothing more.
    private func isVariant(_ first: Int, _ second: Int) -> Bool {
        guard first != second else { return true }
        let one = reading.vocabulary.words[first]
        let other = reading.vocabulary.words[second]
        return abs(one.utf8.count - other.utf8.count) <= 2 && min(one.utf8.count, other.utf8.count) >= 3
            && (one.hasPrefix(other) || other.hasPrefix(one))
    }

    /// One candidate for every distinct phrase, the best first; equals in order of first appearance.
    private func ranked() -> [Candidate] {
        var places: [[Int]: Int] = [:]
        var distinct: [(candidate: Candidate, count: Double)] = []
        for candidate in candidates {
            if let place = places[candidate.words] {
                distinct[place].count += candidate.weight
            } else {
                places[candidate.words] = distinct.count
                distinct.append((candidate, candidate.weight))
            }
        }
        let scored = distinct.enumerated().map { place, entry in
            (place: place, score: score(entry.candidate, count: entry.count))
        }
        return scored.sorted { ($1.score, $0.place) < ($0.score, $1.place) }.map { distinct[$0.place].candidate }
    }

    /// The mean degree of the words, so that a phrase is no better for a weak word more; longer ones still win, as
    /// their words have a greater degree.
    private func score(_ candidate: Candidate, count: Double) -> Double {
        var sum = 0.0
        for word in candidate.words { sum += degrees[word] ?? 0 }
        return sum / Double(candidate.words.count) * (1 + Logarithm.base2(1 + count))
    }

    private mutating func collect(_ sentence: ConversationReading.Sentence) {
        let part = reading.parts[sentence.part]
        let weight = part.speaker == .user ? Self.userWeight : 1
        var run: [Token] = []
        for token in reading.tokens[sentence.tokens] {
            if let last = run.last, !isJoined(last, token, part.text) { finish(&run, sentence.part, weight) }
            if stopWords[token.word] || !names(token, part.text) {
                finish(&run, sentence.part, weight)
            } else {
                run.append(token)
            }
        }
        finish(&run, sentence.part, weight)
    }

    private mutating func finish(_ run: inout [Token], _ part: Int, _ weight: Double) {
        defer { run.removeAll(keepingCapacity: true) }
        guard let first = run.first else { return }
        let text = reading.parts[part].text
        let isPairs = Self.isPair(text[first.range.lowerBound])
        if isPairs { KoreanParticle.drop(from: &run, text) }
        guard let last = run.last, run.count <= (isPairs ? Self.mostPairs : Self.mostWords) else { return }
        candidates.append(
            Candidate(
                words: run.map(\.word),
                part: part,
                range: first.range.lowerBound..<last.range.upperBound,
                weight: weight
            )
        )
    }

    /// Words with a single space or hyphen between them, or overlapping pairs.
    private func isJoined(_ first: Token, _ second: Token, _ text: [Unicode.Scalar]) -> Bool {
        let firstIsPair = Self.isPair(text[first.range.lowerBound])
        guard firstIsPair == Self.isPair(text[second.range.lowerBound]) else { return false }
        if firstIsPair { return second.range.lowerBound < first.range.upperBound }
        guard second.range.lowerBound == first.range.upperBound + 1 else { return false }
        return text[first.range.upperBound] == " " || text[first.range.upperBound] == "-"
    }

    private static func isPair(_ scalar: Unicode.Scalar) -> Bool {
        guard case .letter(let script) = ScalarClass(scalar) else { return false }
        return script.isReadInPairs
    }

    /// A number, or a single letter other than the names of languages, says nothing by itself.
    private func names(_ token: Token, _ text: [Unicode.Scalar]) -> Bool {
        let letters = text[token.range].prefix(4).contains { $0.value > 0x39 && $0 != "_" && $0 != "." }
        return letters && (token.range.count > 1 || ["C", "R"].contains(text[token.range.lowerBound]))
    }
}

/// Korean glues its particles to the noun; a phrase reads better without the last one.
private enum KoreanParticle {
    private static let particles = Set("은는이가을를에의로와과도".unicodeScalars)

    static func drop(from run: inout [Token], _ text: [Unicode.Scalar]) {
        guard run.count >= 2, let last = run.last, particles.contains(text[last.range.upperBound - 1]) else { return }
        guard ScalarClass(text[last.range.lowerBound]) == .letter(.hangul) else { return }
        run.removeLast()
    }
}
