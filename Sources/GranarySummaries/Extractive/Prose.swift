/// What is left of a message once code, addresses and markup are taken away: paragraphs of plain text.
///
/// A sentence that a summary quotes must read well on its own, and code would drown the vocabulary that tells what a
/// conversation is about, so both go before any sentence is looked at.
struct Prose: Sendable {
    enum Shape: Sendable {
        case plain, heading, item
    }

    struct Paragraph: Sendable {
        var range: Range<Int>
        var shape: Shape
    }

    /// White space is single spaces, and no paragraph begins or ends with one.
    private(set) var scalars: [Unicode.Scalar] = []
    private(set) var paragraphs: [Paragraph] = []
    /// True if a fenced block of code was taken away.
    private(set) var holdsFencedCode = false
    /// True if several lines of what looks like code were taken away; formulas look so too.
    var holdsBareCode: Bool { bareCodeLines >= 2 }

    /// Long enough that its line end is more likely the edge of a window than the end of a thought.
    private static let wrappedLineLength = 50

    private var isFenced = false
    private var bareCodeLines = 0
    private var mayContinue = false

    init(_ content: String, limit: Int = ExtractiveLimits.messageLength) {
        let source = Array(content.unicodeScalars.prefix(limit))
        scalars.reserveCapacity(source.count)
        var start = 0
        for index in source.indices where Self.isLineEnd(source[index]) {
            read(source[start..<index])
            start = index + 1
        }
        read(source[start...])
    }

    /// Three backticks open or close a block wherever they stand, as chat models put them in the middle of lines too.
    private mutating func read(_ line: ArraySlice<Unicode.Scalar>) {
        if isTildeFence(line) {
            isFenced.toggle()
            holdsFencedCode = true
            return
        }
        var rest = line
        while let fence = Self.firstFence(in: rest) {
            if !isFenced { add(rest[rest.startIndex..<fence]) }
            isFenced.toggle()
            holdsFencedCode = true
            mayContinue = false
            rest = rest[fence...].drop { $0 == "`" }
        }
        if !isFenced { add(rest) }
    }

    private func isTildeFence(_ line: ArraySlice<Unicode.Scalar>) -> Bool {
        line.drop { $0 == " " }.starts(with: ["~", "~", "~"])
    }

    private static func firstFence(in line: ArraySlice<Unicode.Scalar>) -> Int? {
        guard line.count >= 3 else { return nil }
        var index = line.startIndex
        while index + 2 < line.endIndex {
            // Only a third sign that is a backtick can end a fence, so two of three scalars are never looked at.
            if line[index + 2] != "`" {
                index += 3
            } else if line[index + 1] != "`" {
                index += 2
            } else if line[index] != "`" {
                index += 1
            } else {
                return index
            }
        }
        return nil
    }

    private mutating func add(_ line: ArraySlice<Unicode.Scalar>) {
        var (body, shape) = Markup.body(of: line)
        guard !body.isEmpty else {
            mayContinue = false
            return
        }
        if CodeLine.isLikely(body) {
            bareCodeLines += 1
            mayContinue = false
            // "Remove the dead code from this: int main() {"
            guard paragraphs.isEmpty, let request = CodeLine.prose(before: body) else { return }
            body = request
        }
        let start = scalars.count
        if mayContinue, shape == .plain, let last = paragraphs.last, Self.beginsSmall(body) {
            scalars[start - 1] = " "
            Markup.appendPlain(body, to: &scalars, from: last.range.lowerBound)
            paragraphs[paragraphs.count - 1].range = last.range.lowerBound..<scalars.count
        } else {
            Markup.appendPlain(body, to: &scalars, from: start)
            guard scalars.count > start else { return }
            paragraphs.append(Paragraph(range: start..<scalars.count, shape: shape))
        }
        mayContinue = shape != .heading && body.count >= Self.wrappedLineLength && !Self.endsSentence(scalars.last)
        // A sentence must never run from one paragraph into the next.
        scalars.append("\n")
    }

    private static func beginsSmall(_ body: ArraySlice<Unicode.Scalar>) -> Bool {
        guard let first = body.first else { return false }
        return first.value &- 0x61 < 26 || (first.value >= 0x80 && first.properties.isLowercase)
    }

    private static func endsSentence(_ scalar: Unicode.Scalar?) -> Bool {
        guard let scalar else { return true }
        return scalar == ":" || SentenceMark(scalar) != nil
    }

    private static func isLineEnd(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0A, 0x0D, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}
