public import GranarySummaries

/// Finds summaries that `KuraImport` brought over: the keys under which they lie in a cache.
///
/// ```swift
/// let keys = KuraKeys()
/// let key = keys.key(for: conversation, model: "openai/gpt-4o-mini", temperature: 0.2)
/// let content = try await Cache<SummaryContent>(over: cache).value(forKey: key)
/// ```
///
/// Only summaries in Kura's own schema, `GeneratedSummary`, are found: one in an extended schema lacks the fields that
/// were added, which Kura keeps among the conversation's metadata.
public struct KuraKeys: Sendable, Hashable {
    /// What the keys begin with; Kura's own follows.
    public static let prefix = "kura/"

    /// The MD5 of the prompt that the summaries were made with, in hexadecimal.
    public let promptMD5: String
    /// The Unicode version of the Python that Kura ran on.
    public let unicodeVersion: UnicodeVersion

    /// The keys of what Kura's default prompt was answered.
    public init(unicodeVersion: UnicodeVersion = .python3_11) {
        promptMD5 = KuraKey.usualPromptMD5
        self.unicodeVersion = unicodeVersion
    }

    /// The keys of what another prompt was answered; nil unless `promptMD5` is an MD5 in hexadecimal.
    public init?(promptMD5: String, unicodeVersion: UnicodeVersion = .python3_11) {
        let promptMD5 = promptMD5.lowercased()
        guard Self.isMD5(promptMD5) else { return nil }
        self.promptMD5 = promptMD5
        self.unicodeVersion = unicodeVersion
    }

    /// The key of the conversation's summary by the model.
    public func key(for conversation: Conversation, model: String, temperature: KuraTemperature) -> String {
        Self.prefix
            + KuraKey.key(
                for: conversation,
                promptMD5: promptMD5,
                temperature: temperature,
                model: model,
                unicodeVersion: unicodeVersion
            )
    }

    /// Whether the text is one that Kura could have as a key: 32 lower-case hexadecimal digits.
    static func isMD5(_ text: String) -> Bool {
        text.utf8.count == 32
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}
