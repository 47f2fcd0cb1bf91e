/// Describes a conversation in its own words, without a model: the engine behind `local/extractive`.
///
/// ```swift
/// let content = ExtractiveSummariser().content(for: conversation)
/// content.summary    // "User: How do I sort a list? Assistant: Use the sort() method of the list."
/// content.languages  // ["English"]
/// ```
///
/// It is a baseline: offline, free, and the same to the byte for the same conversation on every machine. Sentences are
/// chosen by LexRank (``SentenceGraph``) and maximal marginal relevance (``RedundancyControl``), the topic by RAKE
/// (``KeyPhrases``), languages by script and function words (``LanguageIdentifier``); the task and the scores come from
/// word lists (``TaskClass``, ``ConcernScore``, ``UserFrustration``, ``AssistantErrors``) and are rough guides.
///
/// The work is linear in the length of the conversation up to ``ExtractiveLimits/conversationLength``, but for the
/// comparison of sentences, which ``ExtractiveLimits/rankedSentences`` bounds.
struct ExtractiveSummariser: Sendable {
    /// What is said of conversations in which nothing can be quoted.
    static let emptySummary = "Empty conversation."
    static let codeSummary = "Code without any prose."

    func content(for conversation: Conversation) -> SummaryContent {
        let reading = ConversationReading(conversation)
        let cues = Cues(reading)
        let languages = LanguageIdentifier(reading).languages()
        let stopWords = StopWords(vocabulary: reading.vocabulary, languages: languages)
        let request = RequestSentence(reading, cues: cues, stopWords: stopWords)
        let selection = SentenceSelection(reading, cues: cues, stopWords: stopWords, request: request)
        let phrases = KeyPhrases(reading, sentences: selection.candidates, stopWords: stopWords)
        let names = languages.map { Language.all[$0].name }
        return SummaryContent(
            summary: SummaryText(reading).text(selection, request: request),
            request: request?.quotation(reading),
            topic: phrases.topic(),
            languages: names.isEmpty ? nil : names,
            task: TaskClass(reading, cues: cues).rawValue,
            concerningScore: ConcernScore.score(reading, cues: cues),
            userFrustration: UserFrustration.score(reading, cues: cues),
            assistantErrors: AssistantErrors.quotations(reading, cues: cues)
        )
    }
}
