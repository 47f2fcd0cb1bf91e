/// The part of JSON Schema that language models can be held to: strict by construction, so that every object requires
/// all its properties and allows no others, as OpenAI's structured outputs demand.
///
/// ```swift
/// let schema = JSONSchema.object([
///     ("summary", .string("What happened, in a sentence")),
///     ("priority", .integer("How urgent it is", in: 1...3)),
///     ("product", .string("The product, null if none is named").orNull),
/// ])
/// ```
public struct JSONSchema: Sendable, Hashable {
    indirect enum Shape: Sendable, Hashable {
        case string
        case choice([String])
        case integer(ClosedRange<Int>?)
        case number
        case boolean
        case array(JSONSchema)
        case object([Property])
    }

    struct Property: Sendable, Hashable {
        let name: String
        let schema: JSONSchema
    }

    let shape: Shape
    let description: String?
    var allowsNull = false

    private init(_ shape: Shape, _ description: String?) {
        self.shape = shape
        self.description = description
    }

    /// A text.
    public static func string(_ description: String? = nil) -> JSONSchema { JSONSchema(.string, description) }

    /// One of the texts.
    public static func choice(_ description: String? = nil, of choices: [String]) -> JSONSchema {
        JSONSchema(.choice(choices), description)
    }

    /// A whole number, of the range if there is one.
    public static func integer(_ description: String? = nil, in range: ClosedRange<Int>? = nil) -> JSONSchema {
        JSONSchema(.integer(range), description)
    }

    /// A number.
    public static func number(_ description: String? = nil) -> JSONSchema { JSONSchema(.number, description) }

    /// True or false.
    public static func boolean(_ description: String? = nil) -> JSONSchema { JSONSchema(.boolean, description) }

    /// Any number of elements.
    public static func array(_ description: String? = nil, of element: JSONSchema) -> JSONSchema {
        JSONSchema(.array(element), description)
    }

    /// An object with exactly these properties; of a name given twice the last one counts, in the first one's place.
    public static func object(_ properties: [(String, JSONSchema)], _ description: String? = nil) -> JSONSchema {
        var unique: [Property] = []
        for (name, schema) in properties {
            let property = Property(name: name, schema: schema)
            if let place = unique.firstIndex(where: { ExactString($0.name) == ExactString(name) }) {
                unique[place] = property
            } else {
                unique.append(property)
            }
        }
        return JSONSchema(.object(unique), description)
    }

    /// The same, or null: how a property is optional where all are required.
    public var orNull: JSONSchema {
        var schema = self
        schema.allowsNull = true
        return schema
    }

    /// The schema as JSON.
    public var json: JSONValue {
        var object = JSONObject()
        object.set(allowsNull ? .array([.string(type), "null"]) : .string(type), for: "type")
        if let description { object.set(.string(description), for: "description") }
        switch shape {
        case .string, .number, .boolean: break
        case .choice(let choices):
            object.set(.array(choices.map(JSONValue.string) + (allowsNull ? [.null] : [])), for: "enum")
        case .integer(let range):
            guard let range else { break }
            object.set(.number(JSONNumber(range.lowerBound)), for: "minimum")
            object.set(.number(JSONNumber(range.upperBound)), for: "maximum")
        case .array(let element): object.set(element.json, for: "items")
        case .object(let properties):
            var members = JSONObject()
            for property in properties { members.set(property.schema.json, for: property.name) }
            object.set(.object(members), for: "properties")
            object.set(.array(members.members.map { .string($0.name) }), for: "required")
            object.set(false, for: "additionalProperties")
        }
        return .object(object)
    }

    private var type: String {
        switch shape {
        case .string, .choice: "string"
        case .integer: "integer"
        case .number: "number"
        case .boolean: "boolean"
        case .array: "array"
        case .object: "object"
        }
    }
}
