// Whole values. Both walks keep the open arrays and objects in an array of their own: nesting costs no call stack,
// whatever thread they run on.
extension JSONReader {
    /// Skips one value of any kind, and checks all of it.
    package mutating func skipValue() throws(JSONError) {
        var openIsObject: [Bool] = []
        repeat {
            switch try nextKind() {
            case .object:
                try beginObject()
                openIsObject.append(true)
            case .array:
                try beginArray()
                openIsObject.append(false)
            case .string:
                _ = try scanString()
            case .number:
                _ = try scanNumber()
            case .bool:
                _ = try readBool()
            case .null:
                try readNull()
            }
            // Go to the next value, leaving all that ends before it.
            while let isObject = openIsObject.last {
                if try isObject ? skipToNextMember() : nextElement() { break }
                openIsObject.removeLast()
            }
        } while !openIsObject.isEmpty
    }

    /// Reads one value of any kind.
    package mutating func readValue() throws(JSONError) -> JSONValue {
        var open: [OpenContainer] = []
        while true {
            var whole = try readScalarOrOpen(&open)
            // Hand whole values outward until one has a successor, which the outer loop then reads.
            while let innermost = open.indices.last {
                if let value = whole { open[innermost].add(value) }
                whole = nil
                if try advance(in: &open[innermost]) { break }
                whole = open.removeLast().value
            }
            if let whole { return whole }
        }
    }

    /// Reads a value without parts, or enters an array or object, adds it to those open, and gives nil.
    private mutating func readScalarOrOpen(_ open: inout [OpenContainer]) throws(JSONError) -> JSONValue? {
        switch try nextKind() {
        case .object:
            try beginObject()
            open.append(OpenContainer(isObject: true))
        case .array:
            try beginArray()
            open.append(OpenContainer(isObject: false))
        case .string:
            return .string(try readString())
        case .number:
            return .number(try readNumber())
        case .bool:
            return .bool(try readBool())
        case .null:
            try readNull()
            return .null
        }
        return nil
    }

    private mutating func advance(in container: inout OpenContainer) throws(JSONError) -> Bool {
        guard container.isObject else { return try nextElement() }
        guard let name = try nextMember() else { return false }
        container.name = name
        return true
    }
}

/// An array or object of which a part has been read.
///
/// A struct with room for both, not an enum: what lies in an enum's case cannot grow in place.
private struct OpenContainer {
    let isObject: Bool
    /// The name of the member whose value is being read.
    var name = ""
    private var object = JSONObject()
    private var elements: [JSONValue] = []

    init(isObject: Bool) {
        self.isObject = isObject
    }

    var value: JSONValue {
        isObject ? .object(object) : .array(elements)
    }

    mutating func add(_ value: JSONValue) {
        if isObject {
            object.set(value, for: name)
        } else {
            elements.append(value)
        }
    }
}
