/// A language the engine can name, and the small words by which it is known.
struct Language: Sendable {
    /// Its English name.
    let name: String
    let script: Script
    /// Its commonest function words, in small letters, separated by spaces; empty where the script alone decides.
    let functionWords: String
    /// Letters that few other languages of the script use.
    let letters: String
    /// Endings of its longer words, of two to four letters.
    let endings: String

    init(_ name: String, _ script: Script, letters: String = "", endings: String = "", _ functionWords: String = "") {
        self.name = name
        self.script = script
        self.functionWords = functionWords
        self.letters = letters
        self.endings = endings
    }
}

/// Evidence for languages in single words, looked up once for every word of a conversation.
///
/// Function words tell languages apart well even in one sentence: G. Grefenstette, "Comparing two language
/// identification schemes", JADT 1995, after N. C. Ingle, "A Language Identification Table", The Incorporated Linguist
/// 15, 1976. A word that several languages share counts for each of them by its share. Letters of few languages, and
/// endings, count in the same way at half the weight, as names and borrowed words carry them abroad; endings are the
/// n-grams that stand foremost, after the function words, in the profiles of W. B. Cavnar and J. M. Trenkle,
/// "N-Gram-Based Text Categorization", SDAIR 1994.
struct LanguageEvidence: Sendable {
    struct Vote: Sendable, Equatable {
        /// Its number in ``Language/all``.
        var language: Int
        var weight: Double
        /// True for the vote of a whole function word, which no name or borrowed word casts.
        var isWord = false
    }

    private let words: [String: [Vote]]
    private let letters: [Unicode.Scalar: [Vote]]
    private let endings: [String: [Vote]]

    static let shared = LanguageEvidence(Language.all)

    private static let lesserWeight = 0.5

    private static let endingLengths = 2...4

    init(_ languages: [Language]) {
        var words: [String: [Vote]] = [:]
        var letters: [Unicode.Scalar: [Vote]] = [:]
        var endings: [String: [Vote]] = [:]
        for (number, language) in languages.enumerated() {
            for word in language.functionWords.split(whereSeparator: \.isWhitespace) {
                let folded = Self.folded(word)
                var known = words[folded, default: []]
                if known.last?.language != number { known.append(Vote(language: number, weight: 1, isWord: true)) }
                words[folded] = known
            }
            for ending in language.endings.split(separator: " ") {
                endings[String(ending), default: []].append(Vote(language: number, weight: Self.lesserWeight))
            }
            for letter in language.letters.unicodeScalars where letter != " " {
                letters[letter, default: []].append(Vote(language: number, weight: Self.lesserWeight))
            }
        }
        self.words = words.mapValues(Self.shared(_:))
        self.letters = letters.mapValues(Self.shared(_:))
        self.endings = endings.mapValues(Self.shared(_:))
    }

    /// The form in which the tokenizer finds the word in a text. An article with its apostrophe is one there only
    /// before a noun.
    private static func folded(_ word: Substring) -> String {
        guard !word.hasSuffix("'") else { return String(word) }
        let scalars = Array(word.unicodeScalars)
        var first: String?
        Tokenizer.forEachToken(of: scalars, in: scalars.indices) { text, _ in first = first ?? text }
        return first ?? String(word)
    }

    private static func shared(_ votes: [Vote]) -> [Vote] {
        votes.map {
            Vote(language: $0.language, weight: $0.weight / Double(votes.count), isWord: $0.isWord)
        }
    }

    /// The votes of the word itself, of its letters, each letter once, and of its longest known ending.
    func votes(for word: String) -> [Vote] {
        var votes = words[word] ?? []
        let scalars = word.unicodeScalars
        var seen: [Unicode.Scalar] = []
        for letter in scalars where letter.value >= 0x80 && !seen.contains(letter) {
            seen.append(letter)
            votes += letters[letter] ?? []
        }
        for length in Self.endingLengths.reversed() where votes.isEmpty || !seen.isEmpty {
            // An ending needs a word before it.
            guard scalars.count >= length + 2 else { continue }
            guard let found = endings[String(scalars.suffix(length))] else { continue }
            return votes + found
        }
        return votes
    }

    /// The languages of which `word` is a function word.
    func languages(ofFunctionWord word: String) -> [Vote] {
        words[word] ?? []
    }
}
