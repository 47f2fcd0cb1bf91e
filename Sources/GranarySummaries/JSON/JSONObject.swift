/// A JSON object: members in the order in which they were written, each name once.
///
/// A name given twice keeps its first place and its last value. Names are told apart by their UTF-8 bytes, so that a
/// composed and a decomposed "é" are two names. Two objects are equal when they hold equal members in the same order.
public struct JSONObject: Sendable, Hashable {
    /// One name and its value.
    public struct Member: Sendable, Hashable {
        /// The member's name, unescaped.
        public let name: String
        /// The member's value.
        public fileprivate(set) var value: JSONValue

        /// Compares names by their UTF-8 bytes, and values.
        public static func == (left: Member, right: Member) -> Bool {
            ExactString(left.name) == ExactString(right.name) && left.value == right.value
        }

        /// Hashes what `==` compares.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(ExactString(name))
            hasher.combine(value)
        }
    }

    /// Up to this many members a search along the array beats a dictionary; above it, it would make reading an
    /// object of many names quadratic.
    private static let searchedMemberCount = 16

    /// The members, in order.
    public private(set) var members: [Member] = []

    /// Where each name stands; kept only for more than `searchedMemberCount` members.
    private var places: [ExactString: Int] = [:]

    /// An object without members.
    public init() {}

    /// The value of a name, or nil where the object has no such member. A member that is `null` gives `.null`.
    public subscript(name: String) -> JSONValue? {
        place(of: name).map { members[$0].value }
    }

    /// Gives a name a value: in its place where the name is there already, otherwise behind the last member.
    public mutating func set(_ value: JSONValue, for name: String) {
        if let place = place(of: name) {
            members[place].value = value
            return
        }
        members.append(Member(name: name, value: value))
        if members.count == Self.searchedMemberCount + 1 {
            for (place, member) in members.enumerated() {
                places[ExactString(member.name)] = place
            }
        } else if members.count > Self.searchedMemberCount {
            places[ExactString(name)] = members.count - 1
        }
    }

    /// Whether both hold equal members in the same order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members == right.members
    }

    /// Hashes the members in order.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(members)
    }

    private func place(of name: String) -> Int? {
        let exact = ExactString(name)
        guard members.count > Self.searchedMemberCount else {
            return members.firstIndex { ExactString($0.name) == exact }
        }
        return places[exact]
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// An object of these members, in this order; a name given twice keeps its first place and its last value.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        for (name, value) in elements {
            set(value, for: name)
        }
    }
}
