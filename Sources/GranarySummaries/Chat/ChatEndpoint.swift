public import FoundationEssentials

/// Where chat completions are served, and the key for it.
public struct ChatEndpoint: Sendable {
    /// The base URL in the one form that all its spellings share: part of every key.
    public let baseURL: String
    let key: APIKey?

    /// An endpoint; `https://api.openai.com/v1` and `http://localhost:11434/v1` are base URLs.
    ///
    /// Scheme and host are taken in lower case, and a default port and a slash at the end are left out. Names, passwords
    /// and queries are refused: the base URL is stored with every answer, and secrets must not be.
    ///
    /// - Throws: `ChatSettingsError`.
    public init(baseURL: String, key: String? = nil) throws(ChatSettingsError) {
        self.baseURL = try Self.normalised(baseURL)
        let key = key.flatMap { $0.isEmpty ? nil : $0 }
        guard key?.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) ?? true else { throw .invalidKey }
        if key == nil && self.baseURL == Self.openAI { throw .missingKey }
        self.key = key.map(APIKey.init)
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

    private static func normalised(_ text: String) throws(ChatSettingsError) -> String {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.host?.lowercased(), !host.isEmpty
        else { throw .invalidBaseURL(reason: "is no URL with a host") }
        guard scheme == "http" || scheme == "https" else { throw .invalidBaseURL(reason: "is neither http nor https") }
        guard parts.user == nil, parts.password == nil else {
            throw .invalidBaseURL(reason: "holds a name or password")
        }
        guard parts.query == nil, parts.fragment == nil else {
            throw .invalidBaseURL(reason: "has a query or fragment")
        }
        var port = ""
        if let number = parts.port, number != (scheme == "https" ? 443 : 80) { port = ":\(number)" }
        var path = parts.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        return "\(scheme)://\(host)\(port)\(path)"
    }
}

/// A key: it can be sent, and nothing else. Printing, logging and dumping it shows none of it.
struct APIKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    init(_ text: String) { self.text = text }

    var authorization: String { "Bearer \(text)" }

    /// The text without the key, should a server send it back.
    func redacted(from text: String) -> String { text.replacing(self.text, with: "[key]") }

    var description: String { "[key]" }
    var debugDescription: String { "[key]" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
