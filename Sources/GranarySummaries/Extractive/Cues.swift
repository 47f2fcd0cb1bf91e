/// What a phrase in a conversation is a sign of.
enum CueKind: Sendable, Hashable {
    case task(TaskClass)
    /// Somebody asks for something; the second only as the first word of a sentence.
    case request, command
    case greeting
    /// Words around the answer: "Sure, here is", and "I hope this helps".
    case opening, closing
    case leaning
    case frustration
    case concern
    case apology, correction, refusal

    /// True for signs that count only where a sentence begins.
    var opensSentence: Bool {
        self == .command || self == .opening || self == .greeting || self == .leaning
    }
}

/// Phrases of one kind and weight, separated by commas; small tables of the engine's own making.
struct CueList: Sendable {
    let kind: CueKind
    let weight: Int
    let phrases: String

    init(_ kind: CueKind, _ weight: Int, _ phrases: String) {
        self.kind = kind
        self.weight = weight
        self.phrases = phrases
    }
}

/// All phrases, by their first word.
///
/// Phrases are divided by the same tokenizer as text, so that punctuation and case never matter and scripts read in
/// pairs need nothing of their own.
struct CueIndex: Sendable {
    struct Entry: Sendable {
        var kind: CueKind
        var weight: Int
        /// The words after the first.
        var rest: [String]
    }

    private let entries: [String: [Entry]]

    static let shared = CueIndex(
        TaskClass.cues + RequestSentence.cues + Courtesies.cues + UserFrustration.cues + ConcernScore.cues
            + AssistantErrors.cues
    )

    init(_ lists: [CueList]) {
        var entries: [String: [Entry]] = [:]
        for list in lists {
            for phrase in list.phrases.split(separator: ",") {
                let scalars = Array(phrase.unicodeScalars)
                var words: [String] = []
                Tokenizer.forEachToken(of: scalars, in: scalars.indices) { word, _ in words.append(word) }
                guard let first = words.first else { continue }
                entries[first, default: []].append(
                    Entry(kind: list.kind, weight: list.weight, rest: Array(words.dropFirst()))
                )
            }
        }
        // The longest first, so that "still doesn't work" is not read as "still".
        self.entries = entries.mapValues { list in
            list.enumerated()
                .sorted { ($1.element.rest.count, $0.offset) < ($0.element.rest.count, $1.offset) }
                .map(\.element)
        }
    }

    func entries(beginningWith word: String) -> [Entry] {
        entries[word] ?? []
    }
}

/// The phrases found in one conversation.
struct Cues: Sendable {
    struct Hit: Sendable {
        var kind: CueKind
        var weight: Int
    }

    /// The hits of every sentence, in the order of the text.
    private(set) var hits: [[Hit]] = []

    init(_ reading: ConversationReading) {
        let entries = reading.vocabulary.words.map { CueIndex.shared.entries(beginningWith: $0) }
        hits = reading.sentences.map { Self.hits(in: $0, of: reading, entries: entries) }
    }

    func weight(of kind: CueKind, in sentence: Int) -> Int {
        hits[sentence].reduce(0) { $1.kind == kind ? $0 + $1.weight : $0 }
    }

    func contains(_ kind: CueKind, in sentence: Int) -> Bool {
        hits[sentence].contains { $0.kind == kind }
    }

    private static func hits(
        in sentence: ConversationReading.Sentence,
        of reading: ConversationReading,
        entries: [[CueIndex.Entry]]
    ) -> [Hit] {
        var hits: [Hit] = []
        // Where the last phrase of each kind ended: of two that overlap only the first counts.
        var ends: [CueKind: Int] = [:]
        for place in sentence.tokens {
            for entry in entries[reading.tokens[place].word] {
                guard place == sentence.tokens.lowerBound || !entry.kind.opensSentence else { continue }
                let end = place + 1 + entry.rest.count
                guard end <= sentence.tokens.upperBound, place >= ends[entry.kind] ?? 0 else { continue }
                let matches = entry.rest.enumerated().allSatisfy { offset, word in
                    reading.vocabulary.words[reading.tokens[place + 1 + offset].word] == word
                }
                guard matches else { continue }
                ends[entry.kind] = end
                hits.append(Hit(kind: entry.kind, weight: entry.weight))
            }
        }
        return hits
    }
}
