/// Something that summarises conversations.
///
/// What is asked is stated in full by a request, of which the cache key is made; only then is it answered, from the
/// request alone. So no answer depends on anything that is not in its key.
public protocol SummaryModel: Sendable {
    /// The model's name as `provider/model`; the tag of its entries in the cache.
    var name: String { get }

    /// The template that requests are rendered from; its digest begins the keys. Empty for a model without a prompt.
    var prompt: String { get }

    /// How many requests it takes at once.
    var maxConcurrentRequests: Int { get }

    /// What the model is to be asked about the conversation; the same for the same conversation, always.
    func request(for conversation: Conversation) -> SummaryRequest

    /// The answer to a request of this model. Every call and its tokens are counted by the meter, failed ones too.
    ///
    /// - Throws: where there is no answer; the message is shown to the user. A `SummaryModelError` also says whether
    ///   others would fail as well.
    func answer(to request: SummaryRequest, meter: SummaryMeter) async throws -> SummaryAnswer
}

extension SummaryModel {
    /// No prompt.
    public var prompt: String { "" }

    /// Eight.
    public var maxConcurrentRequests: Int { 8 }
}

/// What a model says, and what that cost.
public struct SummaryAnswer: Sendable, Hashable {
    /// What it says.
    public var content: SummaryContent
    /// What the call that brought the answer took.
    public var usage: TokenUsage

    /// An answer.
    public init(_ content: SummaryContent, usage: TokenUsage = TokenUsage()) {
        self.content = content
        self.usage = usage
    }
}

/// A failure of a model that says whom it concerns.
public protocol SummaryModelError: Error {
    /// Whether other conversations would fail in the same way.
    var scope: SummaryFailureScope { get }
}

/// Whom a failure concerns.
public enum SummaryFailureScope: Sendable, Hashable {
    /// The one conversation; the service works.
    case conversation
    /// The service for a while, or every call alike; that it has answered before says that it is neither.
    case service
    /// Every call, until somebody changes the settings.
    case settings
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
    private static let fields = CanonicalJSON(["version": 1])

    /// Roles and contents of the conversation.
    public func request(for conversation: Conversation) -> SummaryRequest {
        SummaryRequest(
            endpoint: .local,
            model: name,
            messages: conversation.messages.map { SummaryRequest.Message(role: $0.role, content: $0.content) },
            fields: Self.fields
        )
    }

    /// The extract; never throws.
    public func answer(to request: SummaryRequest, meter: SummaryMeter) async throws -> SummaryAnswer {
        meter.countCall()
        let messages = request.messages.map { Message(role: $0.role, content: $0.content) }
        return SummaryAnswer(ExtractiveSummariser().content(for: Conversation(chatID: "", messages: messages)))
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
