public import FoundationEssentials

/// Where chat completions are served, and the key for it.
public struct ChatEndpoint: Sendable {
    /// The base URL in the one form that all its spellings share: part of every key.
    public let baseURL: String
    let key: APIKey?

    /// An endpoint; `https://api.openai.com/v1` and `http://localhost:11434/v1` are base URLs.
    ///
    /// Scheme and host are taken in lower case, and a default port and a slash at the end are left out. Names, passwords
    /// and queries are refused: the base URL is stored with every answer, and secrets must not be. A key is missed only
    /// when calls are to be made (`ChatSummaryModel.requireKey()`).
    ///
    /// - Throws: `ChatSettingsError`.
    public init(baseURL: String, key: String? = nil) throws(ChatSettingsError) {
        do throws(BaseURL.Fault) {
            self.baseURL = try BaseURL(baseURL).text
        } catch {
            throw .invalidBaseURL(reason: error.reason)
        }
        let key = key.flatMap { $0.isEmpty ? nil : $0 }
        self.key = key.flatMap(APIKey.init)
        if key != nil && self.key == nil { throw .invalidKey }
    }

    /// The endpoint of a provider: what is given, else what `OPENAI_BASE_URL` and `OPENAI_API_KEY` say, else, for
    /// `openai` alone, OpenAI's.
    ///
    /// - Throws: `ChatSettingsError`.
    public init(
        provider: String,
        baseURL: String? = nil,
        key: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ChatSettingsError) {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        guard let url = baseURL ?? variable("OPENAI_BASE_URL") ?? (provider == "openai" ? Self.openAI : nil) else {
            throw .missingBaseURL(provider: provider)
        }
        try self.init(baseURL: url, key: key ?? variable("OPENAI_API_KEY"))
    }

    private static let openAI = "https://api.openai.com/v1"

    /// Refuses calls without a key where none can succeed.
    func requireKey() throws(ChatSettingsError) {
        if key == nil && baseURL == Self.openAI { throw .missingKey }
    }
}

extension ChatSettingsError: SummaryModelError {
    /// No call works until somebody changes the settings.
    public var scope: SummaryFailureScope { .settings }
}
