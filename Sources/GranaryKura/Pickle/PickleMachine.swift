/// Reads a pickle that holds plain data, and executes nothing.
///
/// A pickle is a program for a machine with a stack, a memo and marks on the stack. This one has the operations of
/// `PickleOperation` alone. Names are compared with those of `PickleName` and never looked up; "calling" one checks that
/// the arguments are those of a value that is known, and makes that value.
///
/// An operation makes one value at most, of a size that its own bytes pay for, and puts one on the stack; values are
/// never copied, and nothing here recurses. So memory and time grow with the pickle's bytes, and the two limits end what
/// is far beyond any summary.
struct PickleMachine {
    /// Operations of a pickle at most; an embedding of 4,096 numbers takes about as many.
    static let operationLimit = 1 << 20
    /// Marks within marks at most: each is a collection that is being filled.
    static let markLimit = 64

    private var input: PickleInput
    private var values = PickleValues()
    private var stack: [PickleReference] = []
    /// Where the stack stood at each mark.
    private var marks: [Int] = []
    private var memo: [UInt32: PickleReference] = [:]

    /// The values of the pickle, and the one that it is.
    static func read(_ bytes: [UInt8]) throws(PickleError) -> (values: PickleValues, root: PickleReference) {
        var machine = PickleMachine(input: PickleInput(bytes))
        let root = try machine.run()
        return (machine.values, root)
    }

    private init(input: PickleInput) { self.input = input }

    private mutating func run() throws(PickleError) -> PickleReference {
        guard try input.byte() == PickleOperation.version.rawValue else { throw input.error(.malformed, back: 1) }
        let version = try input.byte()
        guard (2...5).contains(version) else { throw input.error(.unknownProtocol(version), back: 1) }
        for _ in 0..<Self.operationLimit {
            let byte = try input.byte()
            guard let operation = PickleOperation(rawValue: byte) else {
                throw input.error(.refusedOperation(byte), back: 1)
            }
            if operation == .stop { return try finish() }
            try perform(operation)
        }
        throw input.error(.tooMuch)
    }

    private mutating func finish() throws(PickleError) -> PickleReference {
        let root = try pop()
        guard stack.isEmpty, marks.isEmpty, input.isAtEnd else { throw input.error(.malformed) }
        return root
    }

    private mutating func perform(_ operation: PickleOperation) throws(PickleError) {
        switch operation {
        case .stop, .version: throw input.error(.malformed, back: 1)
        case .frame:
            // A frame only says how much may be read at once.
            _ = try input.number(bytes: 8)
        case .mark:
            guard marks.count < Self.markLimit else { throw input.error(.tooMuch, back: 1) }
            marks.append(stack.count)

        case .null: push(.null)
        case .newTrue: push(.bool(true))
        case .newFalse: push(.bool(false))
        case .integer1: push(.integer(Int(try input.byte())))
        case .integer2: push(.integer(Int(try input.number(bytes: 2))))
        case .integer4: push(.integer(Int(Int32(truncatingIfNeeded: try input.number(bytes: 4)))))
        case .long1: push(try input.long(lengthBytes: 1).map(PickleValue.integer) ?? .largeInteger)
        case .long4: push(try input.long(lengthBytes: 4).map(PickleValue.integer) ?? .largeInteger)
        case .real: push(.real(try input.real()))
        case .text1: push(.text(try input.text(lengthBytes: 1)))
        case .text4: push(.text(try input.text(lengthBytes: 4)))
        case .text8: push(.text(try input.text(lengthBytes: 8)))
        case .bytes1: try pushBytes(lengthBytes: 1)
        case .bytes4: try pushBytes(lengthBytes: 4)
        case .bytes8: try pushBytes(lengthBytes: 8)

        case .emptyList: push(.list([]))
        case .append: try append([pop()])
        case .appends: try append(popToMark())
        case .emptyTuple: push(.tuple([]))
        case .tuple: push(.tuple(try popToMark()))
        case .tuple1: push(.tuple(try pop(1)))
        case .tuple2: push(.tuple(try pop(2)))
        case .tuple3: push(.tuple(try pop(3)))
        case .emptyDictionary: push(.dictionary([]))
        case .setItem: try setItems(pop(2))
        case .setItems: try setItems(popToMark())
        case .emptySet: push(.set)
        case .addItems:
            _ = try popToMark()
            guard case .set = values[try top()] else { throw input.error(.malformed, back: 1) }
        case .frozenSet:
            _ = try popToMark()
            push(.set)

        case .get1: try recall(UInt32(try input.byte()))
        case .get4: try recall(UInt32(try input.number(bytes: 4)))
        case .put1: try remember(UInt32(try input.byte()))
        case .put4: try remember(UInt32(try input.number(bytes: 4)))
        case .memoize: try remember(UInt32(memo.count))

        case .global: try pushName(module: input.line(), name: input.line())
        case .stackGlobal:
            let parts = try pop(2)
            guard case .text(let module) = values[parts[0]], case .text(let name) = values[parts[1]] else {
                throw input.error(.malformed, back: 1)
            }
            try pushName(module: module, name: name)
        case .newObject: try makeSummary(pop(2))
        case .reduce: try reduce(pop(2))
        case .build: try build(pop())
        }
    }

    // MARK: The stack

    private mutating func push(_ value: PickleValue) { stack.append(values.add(value)) }

    /// The operation that takes too much is the last byte read.
    private func top() throws(PickleError) -> PickleReference {
        guard stack.count > marks.last ?? 0, let top = stack.last else { throw input.error(.malformed, back: 1) }
        return top
    }

    private mutating func pop() throws(PickleError) -> PickleReference {
        let top = try top()
        stack.removeLast()
        return top
    }

    private mutating func pop(_ count: Int) throws(PickleError) -> [PickleReference] {
        guard stack.count - (marks.last ?? 0) >= count else { throw input.error(.malformed, back: 1) }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws(PickleError) -> [PickleReference] {
        guard let mark = marks.popLast() else { throw input.error(.malformed, back: 1) }
        defer { stack.removeLast(stack.count - mark) }
        return Array(stack[mark...])
    }

    private mutating func remember(_ number: UInt32) throws(PickleError) { memo[number] = try top() }

    private mutating func recall(_ number: UInt32) throws(PickleError) {
        guard let reference = memo[number] else { throw input.error(.malformed) }
        stack.append(reference)
    }

    // MARK: Collections

    private mutating func pushBytes(lengthBytes: Int) throws(PickleError) {
        _ = try input.counted(lengthBytes: lengthBytes)
        push(.bytes)
    }

    private mutating func append(_ items: [PickleReference]) throws(PickleError) {
        guard values.append(items, to: try top()) else { throw input.error(.malformed, back: 1) }
    }

    private mutating func setItems(_ items: [PickleReference]) throws(PickleError) {
        guard items.count.isMultiple(of: 2) else { throw input.error(.malformed, back: 1) }
        let members = stride(from: 0, to: items.count, by: 2).map { place in
            PickleMember(key: items[place], value: items[place + 1])
        }
        guard values.append(members, to: try top()) else { throw input.error(.malformed, back: 1) }
    }

    // MARK: Names

    private mutating func pushName(module: String, name: String) throws(PickleError) {
        guard let known = PickleName(module: module, name: name) else {
            throw input.error(.refusedName(Self.printable(module) + "." + Self.printable(name)), back: 1)
        }
        push(.name(known))
    }

    /// Short and harmless to a terminal.
    private static func printable(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(60).map { (" "..."~").contains($0) ? Character($0) : "?" }
        return String(shown) + (text.unicodeScalars.count > 60 ? "…" : "")
    }

    private mutating func makeSummary(_ parts: [PickleReference]) throws(PickleError) {
        guard case .name(.summary) = values[parts[0]], case .tuple([]) = values[parts[1]] else {
            throw input.error(.refusedUse, back: 1)
        }
        push(.summary(state: nil))
    }

    /// What stands for a call: the arguments say which value it would make.
    private mutating func reduce(_ parts: [PickleReference]) throws(PickleError) {
        guard case .name(let name) = values[parts[0]], case .tuple(let references) = values[parts[1]],
            references.count <= 7
        else { throw input.error(.refusedUse, back: 1) }
        let arguments = references.map { values[$0] }
        switch (name, arguments.first, arguments.count) {
        case (.moment, .bytes, 1), (.timeZone, .date, 1): push(.date)
        case (.moment, .bytes, 2) where arguments[1] == .date: push(.date)
        case (.timeZone, .date, 2): push(.date)
        case (.timeSpan, .integer, _), (.pydanticTimeZone, .integer, _): push(.date)
        case (.set, .list, 1), (.set, nil, _): push(.set)
        case (.bytes, nil, _): push(.bytes)
        case (.encode, .text, 2) where isLatin1(arguments[1]): push(.bytes)
        default: throw input.error(.refusedUse, back: 1)
        }
    }

    private func isLatin1(_ value: PickleValue) -> Bool {
        guard case .text(let text) = value else { return false }
        return text.utf8.elementsEqual("latin1".utf8)
    }

    private mutating func build(_ state: PickleReference) throws(PickleError) {
        let target = try top()
        guard case .summary(state: nil) = values[target], case .dictionary = values[state] else {
            throw input.error(.refusedUse, back: 1)
        }
        values.replace(target, by: .summary(state: state))
    }
}
