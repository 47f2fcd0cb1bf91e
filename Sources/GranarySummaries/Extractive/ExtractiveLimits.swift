/// Every bound of the extractive baseline, each with its reason.
///
/// Lengths count Unicode scalars: that is what the engine stores, and a bound on scalars is a bound on characters and,
/// times four, on bytes. Cuts never fall inside a character (see ``Excerpt``).
enum ExtractiveLimits {
    /// About three lines of print: what a reader of a list of summaries takes in at a glance.
    static let summaryLength = 400

    /// Two or three sentences tell what was asked and what was answered; a fourth seldom fits the length.
    static let summarySentences = 3

    /// Half of the summary, so that an answer always has room beside a long question.
    static let requestLength = 200

    /// One column of a table.
    static let topicLength = 60

    /// Enough to recognise the passage, too little to repeat it.
    static let errorLength = 120

    /// The first few complaints show the pattern; a long quarrel would only repeat them.
    static let errorCount = 3

    /// Centrality compares every sentence with every other: 160 are at most 12,720 pairs and a matrix of 200 KB, which
    /// one core ranks in a few milliseconds. A typical conversation has 20 to 60 sentences, so few are ever left out.
    static let rankedSentences = 160

    /// A run of text without a sentence mark is cut here, as a "sentence" longer than the request could not be quoted.
    static let sentenceLength = 320

    /// Longer runs of letters are hashes, keys or encoded data, never words.
    static let wordLength = 40

    /// A longer message is a pasted document, known well enough by its beginning.
    static let messageLength = 250_000

    /// Bounds the whole work: about two megabytes of Latin text, well over any real conversation.
    static let conversationLength = 2_000_000
}
