/// Why a chat model gave no summary.
public enum ChatModelError: SummaryModelError, RetriableError, Sendable, Hashable, CustomStringConvertible {
    // Nothing will work until somebody changes something.
    /// The key is missing, wrong, or not allowed to do this (401, 403).
    case unauthorised(status: Int, message: String)
    /// There is no such address or model (404, 405, 410).
    case notFound(status: Int, message: String)
    /// The account has no credit left.
    case quotaExhausted(message: String)
    /// The server sends elsewhere; the key goes to the configured host only, so that is not followed.
    case redirected(status: Int, location: String)
    /// The server does not take the request as it is (another 4xx), for its form or for what this conversation holds.
    case badRequest(status: Int, message: String)

    // The service works; this conversation does not.
    /// The conversation does not fit into the model's context.
    case conversationTooLong(message: String)
    /// The model, or a filter before it, refuses.
    case refused(reason: String)
    /// The answer reached the limit of its length and is cut (`finish_reason` length).
    case cutShort
    /// The answer does not fit the schema.
    case schemaMismatch(SchemaMismatch)

    // Worth another try.
    /// Too many requests (429); the server may say how long to wait.
    case rateLimited(retryAfter: Duration?, message: String)
    /// The server fails (5xx, 408, 409); it may say how long to wait.
    case server(status: Int, retryAfter: Duration? = nil, message: String)
    /// No whole answer within the time.
    case timedOut(after: Duration)
    /// The connection could not be made, or broke.
    case connection(String)
    /// What came is no chat completion.
    case malformed(String)
    /// The answer is longer than any summary could be.
    case tooLarge(limit: Int)

    /// Whether the same request may well succeed when it is sent again.
    public var isTransient: Bool {
        switch self {
        case .rateLimited, .server, .timedOut, .connection, .malformed, .schemaMismatch, .tooLarge: true
        case .unauthorised, .notFound, .quotaExhausted, .redirected, .badRequest, .conversationTooLong, .refused,
            .cutShort:
            false
        }
    }

    var retryAfter: Duration? {
        switch self {
        case .rateLimited(let wait, _), .server(_, let wait, _): wait
        default: nil
        }
    }

    /// Whom it concerns.
    public var scope: SummaryFailureScope {
        switch self {
        case .unauthorised, .notFound, .quotaExhausted, .redirected: .settings
        case .badRequest, .rateLimited, .server, .timedOut, .connection, .malformed, .tooLarge: .service
        case .conversationTooLong, .refused, .cutShort, .schemaMismatch: .conversation
        }
    }

    /// One line that says what happened, and what to do about it where something can be done.
    public var description: String {
        switch self {
        case .unauthorised(let status, let message):
            "the server refuses the key (\(status)\(Self.quoted(message))); check OPENAI_API_KEY"
        case .notFound(let status, let message):
            "the server knows no such address or model (\(status)\(Self.quoted(message))); check base URL and model"
        case .quotaExhausted(let message): "the account's quota is used up\(Self.quoted(message))"
        case .redirected(let status, let location):
            "the server sends elsewhere (\(status)), which is not followed; the base URL may have to be \(location)"
        case .badRequest(let status, let message): "the server refuses the request (\(status)\(Self.quoted(message)))"
        case .conversationTooLong(let message):
            "the conversation is too long for the model\(Self.quoted(message))"
        case .refused(let reason): "the model refuses\(Self.quoted(reason))"
        case .cutShort: "the answer was cut at its greatest length (finish_reason length); allow more with max_tokens"
        case .schemaMismatch(let mismatch): "the answer does not fit the schema: \(mismatch)"
        case .rateLimited(let wait?, let message):
            "too many requests (429\(Self.quoted(message))); the server asks to wait \(wait.inSeconds)"
        case .rateLimited(nil, let message): "too many requests (429\(Self.quoted(message)))"
        case .server(let status, let wait?, let message):
            "the server fails (\(status)\(Self.quoted(message))); it asks to wait \(wait.inSeconds)"
        case .server(let status, nil, let message): "the server fails (\(status)\(Self.quoted(message)))"
        case .timedOut(let limit): "no whole answer within \(limit.inSeconds)"
        case .connection(let message): "the connection failed: \(message)"
        case .malformed(let message): "what the server sent is no chat completion: \(message)"
        case .tooLarge(let limit): "the server's answer is longer than \(limit) bytes"
        }
    }

    private static func quoted(_ message: String) -> String { message.isEmpty ? "" : ": \(message)" }
}

/// Why a chat model cannot be made of the settings.
public enum ChatSettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The model's name is not `provider/model`.
    case invalidName(String)
    /// The base URL cannot be used.
    case invalidBaseURL(reason: String)
    /// Nobody says where the provider is.
    case missingBaseURL(provider: String)
    /// OpenAI's own endpoint takes no calls without a key.
    case missingKey
    /// The key holds characters that no header can.
    case invalidKey
    /// A request field that the model sets itself.
    case reservedField(String)
    /// A temperature, limit or time outside what makes sense.
    case invalidSetting(String)
    /// The schema cannot be used.
    case invalidSchema(String)

    /// One line that says what is wrong and what would be right.
    public var description: String {
        switch self {
        case .invalidName(let name): "\(name) names no model; it must be provider/model, such as openai/gpt-4o-mini"
        case .invalidBaseURL(let reason): "the base URL \(reason); it must be like https://api.openai.com/v1"
        case .missingBaseURL(let provider):
            "where is \(provider)? give its base URL, or set OPENAI_BASE_URL, such as http://localhost:11434/v1"
        case .missingKey: "api.openai.com needs a key; set OPENAI_API_KEY"
        case .invalidKey: "the key holds characters that no key has, such as a line end"
        case .reservedField(let name): "the request field \(name) is set by the pipeline itself"
        case .invalidSetting(let reason): reason
        case .invalidSchema(let reason): "the schema cannot be used: \(reason)"
        }
    }
}
