/// What a model is asked about a conversation: everything that may affect its answer.
///
/// The cache key is made of the request, and a model answers the request, not the conversation: what is in no request
/// affects no answer, and what affects an answer is in the key.
public struct SummaryRequest: Sendable, Hashable {
    /// Who is asked: the kind of interface, and where it is.
    public var endpoint: Endpoint
    /// The model's name.
    public var model: String
    /// The texts that the model gets, byte for byte.
    public var messages: [Message]
    /// The schema that the answer must fit, with its name; nil where the model needs none.
    public var schema: CanonicalJSON?
    /// How the model is held to the schema; nil where there is none.
    public var outputMode: String?
    /// Whatever else the model is sent: a JSON object.
    public var fields: CanonicalJSON

    /// A request.
    public init(
        endpoint: Endpoint,
        model: String,
        messages: [Message],
        schema: CanonicalJSON? = nil,
        outputMode: String? = nil,
        fields: CanonicalJSON = CanonicalJSON(.object(JSONObject()))
    ) {
        self.endpoint = endpoint
        self.model = model
        self.messages = messages
        self.schema = schema
        self.outputMode = outputMode
        self.fields = fields
    }

    /// Who is asked.
    public struct Endpoint: Sendable, Hashable {
        /// The kind of interface, such as `openai-chat`.
        public var kind: String
        /// Where it is; nil: in this process.
        public var baseURL: String?

        /// An endpoint.
        public init(kind: String, baseURL: String?) {
            self.kind = kind
            self.baseURL = baseURL
        }

        /// Models that run in this process.
        public static let local = Endpoint(kind: "local", baseURL: nil)
    }

    /// A text and who says it.
    public struct Message: Sendable, Hashable {
        /// Who speaks.
        public var role: String
        /// What is said.
        public var content: String

        /// A message.
        public init(role: String, content: String) {
            self.role = role
            self.content = content
        }

        /// Compares both by their UTF-8 bytes.
        public static func == (left: Message, right: Message) -> Bool {
            ExactString(left.role) == ExactString(right.role) && ExactString(left.content) == ExactString(right.content)
        }

        /// Hashes what `==` compares.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(ExactString(role))
            hasher.combine(ExactString(content))
        }
    }
}
