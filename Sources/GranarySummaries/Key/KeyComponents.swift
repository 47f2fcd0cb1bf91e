internal import Crypto

/// What a key was made of, in words that can be shown and compared; long texts by their length and digest.
///
/// Stored with every answer, so that a miss can be explained from the cache alone.
public struct KeyComponents: Sendable, Hashable {
    /// One component.
    public struct Component: Sendable, Hashable {
        /// Its name, such as `model` or `message 1`.
        public var name: String
        /// Its value, or the length and digest of a long one.
        public var value: String
    }

    /// The components in the order of the recipe.
    public private(set) var all: [Component] = []
    /// Digests of the conversation's own messages; no part of the key, they tell which conversation is the nearest.
    public private(set) var conversation: [String] = []

    /// The components of the request's key.
    public init(
        of request: SummaryRequest,
        for conversation: Conversation,
        prompt: String,
        options: SummaryKey.Options = SummaryKey.Options()
    ) {
        add("recipe", String(SummaryKey.recipe))
        add("namespace", options.namespace)
        add("prompt", SummaryKey.promptDigits(prompt))
        add("endpoint", [request.endpoint.kind, request.endpoint.baseURL].compactMap(\.self).joined(separator: " "))
        add("model", request.model)
        for (number, message) in request.messages.enumerated() {
            add("message \(number + 1)", "\(message.role), \(Self.outline(message.content))")
        }
        if let schema = request.schema { add("schema", Self.outline(schema.text)) }
        if let mode = request.outputMode { add("output mode", mode) }
        if let fields = try? JSONValue(json: Array(request.fields.text.utf8)), case .object(let object) = fields {
            for member in object.members { add("field \(member.name)", member.value.description) }
        }
        add("sample", String(options.sample))
        if let extra = options.extra { add("extra", extra) }
        self.conversation = conversation.messages.map(Self.digits)
    }

    private mutating func add(_ name: String, _ value: String) { all.append(Component(name: name, value: value)) }

    private static func outline(_ text: String) -> String {
        "\(text.utf8.count) bytes, SHA-256 \(hexadecimal(SHA256.hash(data: Array(text.utf8)).prefix(8)))"
    }

    private static func digits(of message: Message) -> String {
        var fields = DigestedFields()
        fields.add(message.role)
        fields.add(message.content)
        fields.add(message.createdAt)
        return hexadecimal(fields.digest().prefix(4))
    }

    // MARK: Comparing

    /// A component that differs, and both its values; nil where one side has no such component.
    public struct Difference: Sendable, Hashable {
        /// The component's name.
        public var name: String
        /// What is asked for.
        public var asked: String?
        /// What the cache has.
        public var stored: String?
    }

    /// How these, which are asked for, differ from those of an entry.
    public func differences(from stored: KeyComponents) -> [Difference] {
        var found: [Difference] = []
        for component in all {
            let other = stored[component.name]
            if other.map(ExactString.init) != ExactString(component.value) {
                found.append(Difference(name: component.name, asked: component.value, stored: other))
            }
        }
        for component in stored.all where self[component.name] == nil {
            found.append(Difference(name: component.name, asked: nil, stored: component.value))
        }
        return found
    }

    private subscript(name: String) -> String? { all.first { $0.name == name }?.value }

    // MARK: Storing

    func write(to writer: inout JSONWriter) {
        writer.name("key")
        writer.beginObject()
        for component in all { writer.member(component.name, component.value) }
        writer.endObject()
        writer.name("conversation")
        writer.beginArray()
        for digits in conversation { writer.write(digits) }
        writer.endArray()
    }

    init?(key: JSONValue?, conversation: JSONValue?) {
        guard case .object(let object)? = key, case .array(let elements)? = conversation else { return nil }
        for member in object.members {
            guard case .string(let value) = member.value else { return nil }
            add(member.name, value)
        }
        for element in elements {
            guard case .string(let digits) = element else { return nil }
            self.conversation.append(digits)
        }
    }
}
