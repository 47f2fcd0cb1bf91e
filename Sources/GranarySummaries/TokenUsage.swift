/// Tokens that calls of a model took.
public struct TokenUsage: Sendable, Hashable {
    /// Tokens of what the model was sent.
    public var promptTokens: Int
    /// Tokens of what it answered.
    public var completionTokens: Int

    /// None unless given.
    public init(promptTokens: Int = 0, completionTokens: Int = 0) {
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
    }

    /// Both together.
    public var totalTokens: Int { Self.sum(promptTokens, completionTokens) }

    /// The tokens of both usages; a server that counts beyond an `Int` gets the most there is.
    public static func + (left: TokenUsage, right: TokenUsage) -> TokenUsage {
        TokenUsage(
            promptTokens: sum(left.promptTokens, right.promptTokens),
            completionTokens: sum(left.completionTokens, right.completionTokens)
        )
    }

    private static func sum(_ left: Int, _ right: Int) -> Int {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("prompt_tokens", promptTokens)
        writer.member("completion_tokens", completionTokens)
        writer.endObject()
    }

    /// The usage as chat completions state it; nil where that is something else.
    init?(_ json: JSONValue?) {
        guard let json, let prompt = json["prompt_tokens"]?.count, let completion = json["completion_tokens"]?.count
        else {
            return nil
        }
        self.init(promptTokens: prompt, completionTokens: completion)
    }
}

extension JSONValue {
    /// The whole number, from 0 to 2⁶¹, that this is.
    fileprivate var count: Int? {
        guard case .number(let number) = self, let count = number.intValue ?? number.normalised.intValue,
            (0...1 << 61).contains(count)
        else { return nil }
        return count
    }
}
