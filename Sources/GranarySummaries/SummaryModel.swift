/// Something that summarises conversations.
public protocol SummaryModel: Sendable {
    /// The model's name as `provider/model`; part of the cache key.
    var name: String { get }

    /// Everything else of the model that affects its answers, such as a version or settings; part of the cache key.
    var fingerprint: String { get }

    /// What the model says of the conversation. Only roles, contents and times of messages may affect it: two
    /// conversations that are equal in those share one answer.
    ///
    /// - Throws: where there is no answer; the message is shown to the user.
    func content(for conversation: Conversation) async throws -> SummaryContent
}

/// The embedded model `local/extractive`: sentences chosen from the conversation itself, offline and deterministic.
///
/// A baseline, not a language model: it quotes and never rephrases. Sentences are ranked by LexRank (Erkan and Radev,
/// "LexRank: Graph-based Lexical Centrality as Salience in Text Summarization", JAIR 22, 2004) and chosen by maximal
/// marginal relevance (Carbonell and Goldstein, SIGIR 1998); scores and task come from word lists.
public struct ExtractiveModel: SummaryModel {
    /// A model without settings.
    public init() {}

    /// `local/extractive`.
    public var name: String { "local/extractive" }

    /// Rises with every change to what the model answers, so that old answers are not taken for new ones.
    public var fingerprint: String { "1" }

    /// The extract; never throws.
    public func content(for conversation: Conversation) async throws -> SummaryContent {
        ExtractiveSummariser().content(for: conversation)
    }
}

/// The models that need nothing but this library.
public enum SummaryModels {
    /// Their names.
    public static var names: [String] { [ExtractiveModel().name] }

    /// The model of the name; nil if there is none.
    public static func model(named name: String) -> (any SummaryModel)? {
        name == ExtractiveModel().name ? ExtractiveModel() : nil
    }
}
