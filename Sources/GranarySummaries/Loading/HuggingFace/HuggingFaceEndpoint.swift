public import FoundationEssentials

/// Where the dataset viewer is, and the token for it.
public struct HuggingFaceEndpoint: Sendable {
    /// The base URL of Hugging Face's own viewer.
    public static let standardURL = "https://datasets-server.huggingface.co"

    /// The base URL in the one form that all its spellings share.
    public let baseURL: String
    let token: APIKey?

    /// An endpoint: what is given, else what `GRANARY_HF_ENDPOINT` and `HF_TOKEN` say, else Hugging Face's own without a
    /// token.
    ///
    /// The token goes to that host alone; it is neither stored nor logged.
    ///
    /// - Throws: `HuggingFaceError` for a base URL or token that cannot be used.
    public init(
        baseURL: String? = nil,
        token: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(HuggingFaceError) {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        do throws(BaseURL.Fault) {
            self.baseURL = try BaseURL(baseURL ?? variable("GRANARY_HF_ENDPOINT") ?? Self.standardURL).text
        } catch {
            throw .invalidBaseURL(reason: error.reason)
        }
        let token = token.flatMap { $0.isEmpty ? nil : $0 } ?? variable("HF_TOKEN")
        self.token = token.flatMap(APIKey.init)
        if token != nil && self.token == nil { throw .invalidToken }
    }
}
