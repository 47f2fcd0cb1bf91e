/// What tokens cost, from a file that its user keeps up to date.
///
///     {"openai/gpt-4o-mini": {"prompt": 0.15, "completion": 0.60}}
///
/// Dollars for a million tokens. A model that is not in it has no price.
public struct PriceList: Sendable, Hashable {
    private struct Price: Sendable, Hashable {
        var prompt: Double
        var completion: Double
    }

    private var prices: [ExactString: Price] = [:]

    /// The prices of a file.
    ///
    /// - Throws: `JSONError` for what is no JSON, `PriceListError` for what are no prices.
    public init(json bytes: [UInt8]) throws {
        guard case .object(let models) = try JSONValue(json: bytes) else {
            throw PriceListError(model: nil)
        }
        for member in models.members {
            guard case .number(let prompt)? = member.value["prompt"], let prompt = prompt.doubleValue, prompt >= 0,
                case .number(let completion)? = member.value["completion"], let completion = completion.doubleValue,
                completion >= 0
            else { throw PriceListError(model: member.name) }
            prices[ExactString(member.name)] = Price(prompt: prompt, completion: completion)
        }
    }

    /// What the tokens cost with the model, in dollars; nil where it has no price.
    public func dollars(for usage: TokenUsage, model: String) -> Double? {
        prices[ExactString(model)].map {
            (Double(usage.promptTokens) * $0.prompt + Double(usage.completionTokens) * $0.completion) / 1_000_000
        }
    }
}

/// Why a file is no price list.
public struct PriceListError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The model whose price cannot be read; nil where the file is no object.
    public var model: String?

    /// What is wrong, and how it should look.
    public var description: String {
        let subject = model.map { "the price of \($0)" } ?? "the file"
        return "\(subject) is not as in {\"openai/gpt-4o-mini\": {\"prompt\": 0.15, \"completion\": 0.60}}"
    }
}
