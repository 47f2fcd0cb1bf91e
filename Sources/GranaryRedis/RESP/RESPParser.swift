/// Reads replies of a Redis server from bytes that come in pieces of any size.
///
/// Whatever the pieces, the replies are the same, and so is the error if there is one; nothing is read after an error. No
/// memory is taken for what was announced and has not come: what is kept is what arrived, in arrays that double.
///
/// Specification: <https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md>
struct RESPParser {
    /// The longest line; Redis itself keeps to this in what it reads.
    static let longestLine = 1 << 16
    /// The longest string of bytes, Redis's `proto-max-bulk-len`.
    static let longestBytes = 512 << 20
    /// The most elements of an aggregate, keys and values of a map counted as one.
    static let mostElements = 1 << 20
    /// How deep aggregates may lie in each other.
    static let deepest = 16

    /// The beginning of a line, or of the bytes that `body` announced.
    private var partial: [UInt8] = []
    /// What is being read unless it is a line.
    private var body: Body?
    /// Aggregates that lack elements, the outermost first.
    private var open: [Aggregate] = []
    private var failure: RESPError?

    init() {}

    /// Takes the next bytes, and adds each reply that they complete.
    ///
    /// - Throws: `RESPError` where the bytes are no RESP3, now and ever after; replies before that are added.
    mutating func parse(_ bytes: Span<UInt8>, into replies: inout [RESPValue]) throws(RESPError) {
        if let failure { throw failure }
        do throws(RESPError) {
            var position = 0
            while position < bytes.count {
                if let body {
                    position = try read(body, bytes, from: position, &replies)
                } else {
                    position = try readLine(bytes, from: position, &replies)
                }
            }
        } catch {
            failure = error
            (partial, body, open) = ([], nil, [])
            throw error
        }
    }

    // MARK: Lines

    /// Reads up to the end of the line, or of the bytes; returns where that is.
    private mutating func readLine(
        _ bytes: Span<UInt8>,
        from start: Int,
        _ replies: inout [RESPValue]
    ) throws(RESPError) -> Int {
        var end = start
        while end < bytes.count, bytes[end] != .newline { end += 1 }
        // The line and its `\r`.
        guard partial.count + end - start <= Self.longestLine + 1 else { throw .lineTooLong }
        let piece = bytes.extracting(start..<end)
        guard end < bytes.count else {
            partial.append(contentsOf: piece)
            return end
        }
        if partial.isEmpty {
            try interpret(line: piece, &replies)
        } else {
            var line = partial
            partial = []
            line.append(contentsOf: piece)
            try interpret(line: line.span, &replies)
        }
        return end + 1
    }

    /// A whole line without its `\n`.
    private mutating func interpret(line: Span<UInt8>, _ replies: inout [RESPValue]) throws(RESPError) {
        guard line.count >= 2, line[line.count - 1] == .carriageReturn else { throw .malformedLine }
        let rest = line.extracting(1..<line.count - 1)
        for index in rest.indices where rest[index] == .carriageReturn { throw .malformedLine }
        switch line[0] {
        case UInt8(ascii: "+"): add(.text(rest.array), &replies)
        case UInt8(ascii: "-"): add(.error(rest.array), &replies)
        case UInt8(ascii: ":"): add(.integer(try RESPScalar.integer(rest)), &replies)
        case UInt8(ascii: ","): add(.double(try RESPScalar.double(rest)), &replies)
        case UInt8(ascii: "("): add(.bigNumber(try RESPScalar.bigNumber(rest)), &replies)
        case UInt8(ascii: "#"): add(.boolean(try RESPScalar.boolean(rest)), &replies)
        case UInt8(ascii: "_"):
            guard rest.isEmpty else { throw .malformedScalar }
            add(.null, &replies)
        case UInt8(ascii: "$"): try begin(.bytes, rest, &replies)
        case UInt8(ascii: "!"): try begin(.error, rest, &replies)
        case UInt8(ascii: "="): try begin(.verbatim, rest, &replies)
        case UInt8(ascii: "*"): try open(.array, rest, &replies)
        case UInt8(ascii: "~"): try open(.set, rest, &replies)
        case UInt8(ascii: "%"): try open(.map, rest, &replies)
        case UInt8(ascii: "|"): try open(.attribute, rest, &replies)
        case UInt8(ascii: ">"):
            guard open.isEmpty else { throw .misplacedPush }
            try open(.push, rest, &replies)
        default: throw .unknownType(line[0])
        }
    }

    // MARK: Strings of bytes

    private struct Body {
        enum Kind { case bytes, error, verbatim }
        let kind: Kind
        let length: Int
    }

    private mutating func begin(
        _ kind: Body.Kind,
        _ length: Span<UInt8>,
        _ replies: inout [RESPValue]
    ) throws(RESPError) {
        guard let length = try RESPScalar.length(length, most: Self.longestBytes) else {
            guard kind == .bytes else { throw .malformedScalar }
            return add(.null, &replies)
        }
        body = Body(kind: kind, length: length)
    }

    /// Reads up to the `\r\n` behind the bytes, or to the end of what there is; returns where that is.
    private mutating func read(
        _ body: Body,
        _ bytes: Span<UInt8>,
        from start: Int,
        _ replies: inout [RESPValue]
    ) throws(RESPError) -> Int {
        let end = start + min(body.length + 2 - partial.count, bytes.count - start)
        let isWhole = partial.isEmpty && end - start == body.length + 2
        let content: [UInt8]
        if isWhole {
            // Most bodies lie whole in the bytes, and are copied from there.
            guard bytes[end - 2] == .carriageReturn, bytes[end - 1] == .newline else { throw .malformedBytes }
            content = bytes.extracting(start..<end - 2).array
        } else {
            partial.append(contentsOf: bytes.extracting(start..<end))
            guard partial.count == body.length + 2 else { return end }
            let lineEnd: [UInt8] = [.carriageReturn, .newline]
            guard partial.suffix(2) == lineEnd[...] else { throw .malformedBytes }
            partial.removeLast(2)
            content = partial
            partial = []
        }
        self.body = nil
        switch body.kind {
        case .bytes: add(.bytes(content), &replies)
        case .error: add(.error(content), &replies)
        case .verbatim:
            guard content.count >= 4, content[3] == UInt8(ascii: ":") else { throw .malformedBytes }
            add(.verbatim(content), &replies)
        }
        return end
    }

    // MARK: Aggregates

    private struct Aggregate {
        enum Kind { case array, set, map, push, attribute }
        let kind: Kind
        var missing: Int
        var elements: [RESPValue] = []

        /// The reply that the elements make; nil for an attribute, which says something of the reply behind it that no one
        /// here asks for.
        var value: RESPValue? {
            switch kind {
            case .array: .array(elements)
            case .set: .set(elements)
            case .map: .map(elements)
            case .push: .push(elements)
            case .attribute: nil
            }
        }
    }

    private mutating func open(
        _ kind: Aggregate.Kind,
        _ length: Span<UInt8>,
        _ replies: inout [RESPValue]
    ) throws(RESPError) {
        guard let count = try RESPScalar.length(length, most: Self.mostElements) else {
            guard kind == .array else { throw .malformedScalar }
            return add(.null, &replies)
        }
        guard open.count < Self.deepest else { throw .tooDeep }
        let aggregate = Aggregate(kind: kind, missing: kind == .map || kind == .attribute ? 2 * count : count)
        if count > 0 {
            open.append(aggregate)
        } else if let value = aggregate.value {
            add(value, &replies)
        }
    }

    /// Puts the value where it belongs: into the innermost aggregate, which it may complete, or out.
    ///
    /// Moved, never copied: a value that nobody else holds can be changed in place.
    private mutating func add(_ value: consuming RESPValue, _ replies: inout [RESPValue]) {
        while let innermost = open.indices.last {
            open[innermost].elements.append(consume value)
            open[innermost].missing -= 1
            guard open[innermost].missing == 0, let whole = open.removeLast().value else { return }
            value = whole
        }
        replies.append(consume value)
    }
}

extension Span<UInt8> {
    /// A copy of the bytes.
    var array: [UInt8] { withUnsafeBufferPointer { Array($0) } }
}

extension [UInt8] {
    fileprivate mutating func append(contentsOf bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append(contentsOf: $0) }
    }
}

extension UInt8 {
    static let carriageReturn = UInt8(ascii: "\r")
    static let newline = UInt8(ascii: "\n")
}
