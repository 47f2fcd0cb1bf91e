/// What a model's answer must look like: a type that states its JSON Schema.
///
/// ```swift
/// enum TicketSummary: SummarySchema {
///     static let name = "TicketSummary"
///     static let properties = StandardSummary.properties + [("priority", .integer("How urgent it is", in: 1...3))]
/// }
/// let model = try ChatSummaryModel("openai/gpt-4o-mini", schema: TicketSummary.self)
/// ```
///
/// Properties with the names and kinds of `SummaryContent`'s parts become those; all others land in the summary's
/// metadata. One must be `summary`, a string. Of a name given twice the last one counts, in the first one's place.
public protocol SummarySchema {
    /// The schema's name, which the model is told: letters, digits, `_` and `-`, 64 at most.
    static var name: String { get }

    /// The properties of an answer, all of them required, in the order in which the model is to write them.
    static var properties: [(String, JSONSchema)] { get }
}

/// The parts that every summary has.
public enum StandardSummary: SummarySchema {
    /// `ConversationSummary`.
    public static let name = "ConversationSummary"

    /// One property for each part of `SummaryContent`.
    public static let properties: [(String, JSONSchema)] = [
        ("summary", .string("What the conversation is about and what came of it, in one to three sentences")),
        ("request", .string("What the user wants, as one sentence that begins with a verb; null if nothing").orNull),
        ("topic", .string("The subject, in at most five words; null if there is none").orNull),
        ("languages", .array("Natural languages used, by their English names, most used first", of: .string())),
        ("task", .string("The kind of task, in at most four words, such as \"debugging code\"; null if none").orNull),
        ("concerning_score", .integer("How harmful what the user wants could be: 1 not at all, 5 gravely", in: 1...5)),
        ("user_frustration", .integer("How frustrated the user is: 1 not at all, 5 extremely", in: 1...5)),
        ("assistant_errors", .array("Mistakes that the assistant made, one a string; empty if none", of: .string())),
    ]
}

/// A schema as the model is sent it, checked and rendered once.
struct SchemaDocument: Sendable {
    let name: String
    let schema: JSONSchema
    /// Name and schema, as they enter the key.
    let canonical: CanonicalJSON

    init(_ type: any SummarySchema.Type) throws(ChatSettingsError) {
        name = type.name
        schema = JSONSchema.object(type.properties)
        let allowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard allowed, (1...64).contains(name.utf8.count) else { throw .invalidSchema("its name is \"\(name)\"") }
        guard case .object(let properties) = schema.shape,
            properties.contains(where: { $0.name == "summary" && $0.schema.shape == .string && !$0.schema.allowsNull })
        else { throw .invalidSchema("it has no string \"summary\"") }
        canonical = CanonicalJSON(["name": .string(name), "schema": schema.json])
    }
}
