/// Tells in which languages a conversation is held, the most used first.
///
/// The script of the letters leaves few candidates (and often one); among those sharing a script the function words and
/// letters of ``LanguageEvidence`` decide. The language with the most evidence in a script is taken for all its text,
/// except for sentences that speak clearly for another: single sentences are too short to be trusted alone.
struct LanguageIdentifier {
    /// A language named in passing, in a quotation or a foreign term, is not one the conversation is held in.
    private static let leastShare = 0.06

    /// What one sentence must say for its own language beyond what it says for the prevailing one.
    private static let clearMargin = 1.5

    /// Evidence below which a script with few letters says nothing: product names and units are Latin everywhere.
    private static let leastEvidence = 1.0

    /// A letter or a widely shared word alone does not outweigh the likeliest language of a script.
    private static let leastVote = 0.4

    private static let mostNames = 4

    private let reading: ConversationReading
    private let votes: [[LanguageEvidence.Vote]]

    init(_ reading: ConversationReading) {
        self.reading = reading
        votes = reading.vocabulary.words.map { LanguageEvidence.shared.votes(for: $0) }
    }

    /// A sentence as the identifier sees it.
    private struct Line {
        /// Letters by script, in the worth of Latin ones, indexed by the script's raw value.
        var letters: [Int]
        var scores: [Double]
        /// The part of the scores that function words make up.
        var wordScores: [Double]
    }

    /// Numbers in ``Language/all``.
    func languages() -> [Int] {
        let lines = reading.sentences.map(line(of:))
        var totals = [Double](repeating: 0, count: Language.all.count)
        var wordTotals = totals
        var scriptLetters = [Int](repeating: 0, count: Self.scriptCount)
        for line in lines {
            for language in totals.indices {
                totals[language] += line.scores[language]
                wordTotals[language] += line.wordScores[language]
            }
            for script in scriptLetters.indices { scriptLetters[script] += line.letters[script] }
        }
        let prevailing = (0..<Self.scriptCount).map { Self.prevailing(in: $0, totals: totals) }
        var used = [Int](repeating: 0, count: Language.all.count)
        let isJapanese = scriptLetters[Self.kana] * Self.kanaShare > scriptLetters[Self.han]
        for line in lines { count(line, prevailing: prevailing, isJapanese: isJapanese, into: &used) }
        return Self.named(used, wordTotals: wordTotals, scriptLetters: scriptLetters)
    }

    private static let scriptCount = Int(Script.other.rawValue) + 1
    private static let kana = Int(Script.kana.rawValue)
    private static let han = Int(Script.han.rawValue)

    /// Kana make up half of Japanese prose; one in six is left in the densest, and Chinese has hardly any.
    private static let kanaShare = 6
    private static let bareHeading = 20 * Script.han.lettersWorth

    private static let japanese = Language.all.firstIndex { $0.script == .kana } ?? 0
    private static let chinese = Language.all.firstIndex { $0.script == .han } ?? 0

    private static let languagesOfScript: [[Int]] = (0..<scriptCount).map { script in
        Language.all.indices.filter { Int(Language.all[$0].script.rawValue) == script }
    }

    private func line(of sentence: ConversationReading.Sentence) -> Line {
        var line = Line(
            letters: [Int](repeating: 0, count: Self.scriptCount),
            scores: [Double](repeating: 0, count: Language.all.count),
            wordScores: [Double](repeating: 0, count: Language.all.count)
        )
        for scalar in reading.text(of: sentence) {
            if case .letter(let script) = ScalarClass(scalar) {
                line.letters[Int(script.rawValue)] += script.lettersWorth
            }
        }
        for token in reading.tokens[sentence.tokens] {
            for vote in votes[token.word] {
                line.scores[vote.language] += vote.weight
                if vote.isWord { line.wordScores[vote.language] += vote.weight }
            }
        }
        return line
    }

    /// The best supported language of a script; the first of its list if nothing speaks for any.
    private static func prevailing(in script: Int, totals: [Double]) -> Int? {
        let candidates = languagesOfScript[script]
        guard var best = candidates.first else { return nil }
        for candidate in candidates where totals[candidate] > max(totals[best], leastVote) { best = candidate }
        return best
    }

    private func count(_ line: Line, prevailing: [Int?], isJapanese: Bool, into used: inout [Int]) {
        for script in 0..<Self.scriptCount where line.letters[script] > 0 {
            guard var language = prevailing[script] else { continue }
            for candidate in Self.languagesOfScript[script]
            where line.scores[candidate] > line.scores[language] + Self.clearMargin
                || (line.scores[candidate] > line.scores[language] && language != prevailing[script])
            {
                language = candidate
            }
            used[language] += line.letters[script]
        }
        // Japanese writes its nouns in Han characters; it is the kana between them that tell it from Chinese. A heading
        // may have none.
        let han = line.letters[Self.han]
        if line.letters[Self.kana] * Self.kanaShare > han || (isJapanese && han < Self.bareHeading) {
            used[Self.japanese] += han
            used[Self.chinese] -= han
        }
    }

    private static func named(_ used: [Int], wordTotals: [Double], scriptLetters: [Int]) -> [Int] {
        let letters = scriptLetters.reduce(0, +)
        let mostLetters = scriptLetters.max() ?? 0
        let found = Language.all.indices.filter { language in
            guard used[language] > 0, Double(used[language]) >= leastShare * Double(letters) else { return false }
            let script = Int(Language.all[language].script.rawValue)
            return languagesOfScript[script].count == 1 || wordTotals[language] >= leastEvidence
                || scriptLetters[script] == mostLetters
        }
        return Array(found.sorted { (used[$0], $1) > (used[$1], $0) }.prefix(mostNames))
    }
}
