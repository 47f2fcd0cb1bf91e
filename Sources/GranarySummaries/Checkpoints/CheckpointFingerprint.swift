internal import Crypto

/// What a checkpoint was made of: a stage's output is used again only for the same inputs, asked in the same way.
public struct CheckpointFingerprint: Sendable, Hashable {
    /// The parts by name, each as it is or by its digest.
    let parts: [(name: String, value: String)]

    /// The fingerprint of a run: of its conversations, whole and in their order, and of the model, its prompt, its schema
    /// and its other settings.
    ///
    /// `alternativeKey` is that of the run's options: summaries that were brought over from elsewhere are nobody's who did
    /// not ask for them. Of two such functions those count as the same that give an empty conversation the same key.
    public init(
        of conversations: [Conversation],
        model: any SummaryModel,
        key: SummaryKey.Options = SummaryKey.Options(),
        alternativeKey: (@Sendable (Conversation) -> String?)? = nil
    ) {
        // Of a conversation that says nothing only the model's own part is left, and that of the imports' keys.
        let nothing = Conversation(chatID: "", messages: [])
        let request = model.request(for: nothing)
        let imports = alternativeKey.map { "key \($0(nothing) ?? "none")" }
        var inputs = SHA256()
        for conversation in conversations { inputs.update(data: ConversationFile.json([conversation])) }
        parts = [
            ("inputs", hexadecimal(inputs.finalize())),
            ("model", model.name),
            ("endpoint", [request.endpoint.kind, request.endpoint.baseURL].compactMap(\.self).joined(separator: " ")),
            ("prompt", Self.digest(model.prompt)),
            ("schema", Self.digest(request.schema?.text ?? "")),
            ("output mode", request.outputMode ?? ""),
            ("fields", request.fields.text),
            ("sample", String(key.sample)),
            ("extra", key.extra ?? ""),
            ("imports", imports ?? ""),
        ]
    }

    private static func digest(_ text: String) -> String { hexadecimal(SHA256.hash(data: Array(text.utf8))) }

    var json: JSONObject {
        var object = JSONObject()
        for part in parts { object.set(.string(part.value), for: part.name) }
        return object
    }

    /// The names of the parts in which a stored fingerprint differs. One from before there was a part has it empty.
    func differences(from stored: JSONObject) -> [String] {
        parts.filter { (stored[$0.name] ?? .string("")) != .string($0.value) }.map(\.name)
    }

    /// Compares all parts.
    public static func == (left: CheckpointFingerprint, right: CheckpointFingerprint) -> Bool {
        left.json == right.json
    }

    /// Hashes what `==` compares.
    public func hash(into hasher: inout Hasher) { hasher.combine(json) }
}
