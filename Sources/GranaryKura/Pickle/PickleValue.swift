/// A value of a pickle. What it holds is named by reference: a value may be held in many places, and even in itself.
enum PickleValue: Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    /// A whole number beyond 64 bits, of which nobody asks how large it is.
    case largeInteger
    case real(Double)
    case text(String)
    /// Bytes, of which nobody asks what they are.
    case bytes
    case list([PickleReference])
    case tuple([PickleReference])
    /// In the order of insertion; of two equal keys the later one counts.
    case dictionary([PickleMember])
    /// A set, of which nobody asks what is in it.
    case set
    /// A moment, time span or time zone, of which nobody asks which.
    case date
    case name(PickleName)
    /// A summary, and what it was given as its state.
    case summary(state: PickleReference?)
}

/// A key of a dictionary and its value.
struct PickleMember: Equatable {
    var key: PickleReference
    var value: PickleReference
}

/// The place of a value in its `PickleValues`.
struct PickleReference: Equatable {
    fileprivate let place: Int32
}

/// All values of a pickle, one after another: memory as flat as the pickle, whatever nests in whatever.
struct PickleValues {
    private var values: [PickleValue] = []

    subscript(reference: PickleReference) -> PickleValue { values[Int(reference.place)] }

    mutating func add(_ value: PickleValue) -> PickleReference {
        values.append(value)
        // `PickleMachine` makes fewer than its limit of operations, which is far below 2^31.
        return PickleReference(place: Int32(values.count - 1))
    }

    mutating func replace(_ reference: PickleReference, by value: PickleValue) {
        values[Int(reference.place)] = value
    }

    /// Appends to a list in place; false if it is none.
    mutating func append(_ items: some Sequence<PickleReference>, to reference: PickleReference) -> Bool {
        guard case .list(var list) = self[reference] else { return false }
        // Otherwise the list would be copied, and many appends would take time by their square.
        replace(reference, by: .null)
        list.append(contentsOf: items)
        replace(reference, by: .list(list))
        return true
    }

    /// Appends to a dictionary in place; false if it is none.
    mutating func append(_ items: some Sequence<PickleMember>, to reference: PickleReference) -> Bool {
        guard case .dictionary(var members) = self[reference] else { return false }
        replace(reference, by: .null)
        members.append(contentsOf: items)
        replace(reference, by: .dictionary(members))
        return true
    }

    /// The value of a key that is a text; nil if it is not there, or if this is no dictionary.
    func member(_ name: String, of reference: PickleReference) -> PickleReference? {
        guard case .dictionary(let members) = self[reference] else { return nil }
        return members.last { member in
            guard case .text(let key) = self[member.key] else { return false }
            return key.utf8.elementsEqual(name.utf8)
        }?.value
    }
}
