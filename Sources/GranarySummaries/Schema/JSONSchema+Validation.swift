/// Where an answer does not fit its schema, and what was expected there.
public struct SchemaMismatch: Error, Sendable, Hashable, CustomStringConvertible {
    /// The place, such as `tags[2]`; empty for the answer as a whole.
    public var path: String
    /// What the schema asks for.
    public var expected: String

    /// One line that names both.
    public var description: String { "\(path.isEmpty ? "the answer" : path) is not \(expected)" }
}

extension JSONSchema {
    /// Checks that the value fits.
    ///
    /// - Throws: `SchemaMismatch` for the first place that does not.
    public func validate(_ value: JSONValue) throws(SchemaMismatch) { try validate(value, at: "") }

    private func validate(_ value: JSONValue, at path: String) throws(SchemaMismatch) {
        if allowsNull, value == .null { return }
        switch (shape, value) {
        case (.string, .string), (.number, .number), (.boolean, .bool): return
        case (.choice(let choices), .string(let text)):
            if choices.contains(where: { ExactString($0) == ExactString(text) }) { return }
        case (.integer(let range), .number(let number)):
            // 3.0 is a whole number to JSON Schema.
            if let whole = number.normalised.intValue, range?.contains(whole) ?? true { return }
        case (.array(let element), .array(let values)):
            for (index, value) in values.enumerated() { try element.validate(value, at: "\(path)[\(index)]") }
            return
        case (.object(let properties), .object(let object)):
            for property in properties {
                let place = path.isEmpty ? property.name : "\(path).\(property.name)"
                guard let value = object[property.name] else {
                    throw SchemaMismatch(path: place, expected: "there, and the schema requires it")
                }
                try property.schema.validate(value, at: place)
            }
            let known = Set(properties.map { ExactString($0.name) })
            for member in object.members where !known.contains(ExactString(member.name)) {
                let place = path.isEmpty ? member.name : "\(path).\(member.name)"
                throw SchemaMismatch(path: place, expected: "a property of the schema")
            }
            return
        default: break
        }
        throw SchemaMismatch(path: path, expected: expectation + (allowsNull ? " or null" : ""))
    }

    private var expectation: String {
        switch shape {
        case .string: "a string"
        case .choice(let choices): "one of \(choices.map { "\"\($0)\"" }.joined(separator: ", "))"
        case .integer(let range?): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .integer(nil): "a whole number"
        case .number: "a number"
        case .boolean: "true or false"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
