/// How a chat model is asked.
public struct ChatSettings: Sendable {
    /// How the answer is held to its schema.
    public var outputMode: ChatOutputMode
    /// The sampling temperature, from 0 to 2; nil: the server's own, and none is sent.
    public var temperature: Double?
    /// Further fields of the request, such as `max_tokens`, `seed` or `reasoning_effort`.
    public var extraFields: JSONObject
    /// The longest that one call may take, from connecting to the last byte.
    public var timeout: Duration
    /// When calls that failed are made again.
    public var retries: RetryPolicy
    /// How many requests are under way at once, over all runs that share the model.
    public var maxConcurrentRequests: Int
    /// The most bytes of one answer.
    public var maxAnswerBytes: Int

    /// The usual settings unless others are given.
    public init(
        outputMode: ChatOutputMode = .jsonSchema,
        temperature: Double? = nil,
        extraFields: JSONObject = JSONObject(),
        timeout: Duration = .seconds(120),
        retries: RetryPolicy = RetryPolicy(),
        maxConcurrentRequests: Int = 50,
        maxAnswerBytes: Int = 4 << 20
    ) {
        self.outputMode = outputMode
        self.temperature = temperature
        self.extraFields = extraFields
        self.timeout = timeout
        self.retries = retries
        self.maxConcurrentRequests = maxConcurrentRequests
        self.maxAnswerBytes = maxAnswerBytes
    }

    /// What the pipeline sets itself, or could not read the answer to.
    private static let reserved: Set = [
        "model", "messages", "response_format", "tools", "tool_choice", "functions", "function_call", "stream",
        "stream_options", "n",
    ]

    /// Fields that cannot change an answer, and so are in no key: who asks, how long and how often, and tracing.
    static let keyless: Set = [
        "user", "safety_identifier", "metadata", "store", "timeout", "max_retries", "trace_id", "extra_headers",
    ]

    func check() throws(ChatSettingsError) {
        if let temperature, !(0...2).contains(temperature) {
            throw .invalidSetting("a temperature of \(temperature); it is from 0 to 2")
        }
        guard timeout > .zero, timeout <= .seconds(86_400) else {
            throw .invalidSetting("a timeout outside what makes sense; it is above 0 and a day at most")
        }
        guard (1...10_000).contains(maxConcurrentRequests) else {
            throw .invalidSetting("\(maxConcurrentRequests) requests at once; it is from 1 to 10,000")
        }
        guard (0...100).contains(retries.maxRetries) else {
            throw .invalidSetting("\(retries.maxRetries) retries; it is from 0 to 100")
        }
        guard maxAnswerBytes > 0 else { throw .invalidSetting("an answer of \(maxAnswerBytes) bytes") }
        for member in extraFields.members {
            if Self.reserved.contains(member.name) { throw .reservedField(member.name) }
            if member.name == "temperature" && temperature != nil { throw .reservedField(member.name) }
        }
    }

    /// Temperature and extra fields, as they are sent.
    var fields: JSONObject {
        var fields = JSONObject()
        if let temperature, let number = JSONNumber(temperature) { fields.set(.number(number), for: "temperature") }
        for member in extraFields.members { fields.set(member.value, for: member.name) }
        return fields
    }

    /// Those of them that may change an answer.
    var keyFields: JSONObject {
        var fields = JSONObject()
        for member in self.fields.members where !Self.keyless.contains(member.name) {
            fields.set(member.value, for: member.name)
        }
        return fields
    }
}

/// How an answer is held to its schema.
public enum ChatOutputMode: String, Sendable, Hashable, CaseIterable {
    /// Structured output: `response_format` with the schema.
    case jsonSchema = "json-schema"
    /// A call of a function whose parameters are the schema, for servers without structured output.
    case functionCall = "function"

    /// What the request says of it.
    func members(_ document: SchemaDocument) -> JSONObject {
        let name = JSONValue.string(document.name)
        switch self {
        case .jsonSchema:
            return [
                "response_format": [
                    "type": "json_schema",
                    "json_schema": ["name": name, "strict": true, "schema": document.schema.json],
                ]
            ]
        case .functionCall:
            return [
                "tools": [
                    [
                        "type": "function",
                        "function": [
                            "name": name, "description": "Records the summary of the conversation.",
                            "parameters": document.schema.json,
                        ],
                    ]
                ],
                "tool_choice": ["type": "function", "function": ["name": name]],
            ]
        }
    }
}
