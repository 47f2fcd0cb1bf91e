/// A word in the text of a message, or a pair of letters in scripts written without spaces.
struct Token: Sendable {
    /// Its number in the ``Vocabulary``.
    var word: Int
    /// Its place in the scalars of its part.
    var range: Range<Int>
}

/// Numbers for the words of one conversation, in order of first appearance.
struct Vocabulary: Sendable {
    private(set) var words: [String] = []
    private var numbers: [String: Int] = [:]

    mutating func number(of word: String) -> Int {
        if let known = numbers[word] { return known }
        let number = words.count
        numbers[word] = number
        words.append(word)
        return number
    }
}

/// Divides text into tokens.
///
/// Words are runs of letters and digits in small letters. What belongs together to a reader stays together: `don't`,
/// `node.js`, `snake_case`, `c++`; a French or Italian article before an apostrophe is a word of its own. Scripts
/// without spaces give overlapping pairs of letters, the usual stand-in for words in Chinese and Japanese retrieval
/// (Nie, Gao, Zhang and Zhou, "On the use of words and n-grams for Chinese information retrieval", IRAL 2000).
struct Tokenizer {
    private let scalars: [Unicode.Scalar]
    private let end: Int
    private var index: Int

    /// Calls `body` with the text and the place of every token of `range`, in order.
    static func forEachToken(
        of scalars: [Unicode.Scalar],
        in range: Range<Int>,
        _ body: (String, Range<Int>) -> Void
    ) {
        var tokenizer = Tokenizer(scalars: scalars, end: range.upperBound, index: range.lowerBound)
        tokenizer.run(body)
    }

    private mutating func run(_ body: (String, Range<Int>) -> Void) {
        while index < end {
            switch ScalarClass(scalars[index]) {
            case .letter(let script) where script.isReadInPairs: readPairs(body)
            case .letter, .digit: readWord(body)
            case .mark, .other: index += 1
            }
        }
    }

    private mutating func readPairs(_ body: (String, Range<Int>) -> Void) {
        let start = index
        while index < end {
            switch ScalarClass(scalars[index]) {
            case .letter(let script) where script.isReadInPairs: break
            case .mark: break
            default:
                emitPairs(start..<index, body)
                return
            }
            index += 1
        }
        emitPairs(start..<index, body)
    }

    private func emitPairs(_ run: Range<Int>, _ body: (String, Range<Int>) -> Void) {
        guard run.count > 1 else {
            body(Excerpt.string(scalars[run]), run)
            return
        }
        for first in run.lowerBound..<(run.upperBound - 1) {
            let pair = first..<(first + 2)
            body(Excerpt.string(scalars[pair]), pair)
        }
    }

    private mutating func readWord(_ body: (String, Range<Int>) -> Void) {
        let start = index
        var text = String.UnicodeScalarView()
        while index < end {
            let scalar = scalars[index]
            switch ScalarClass(scalar) {
            case .letter(let script):
                guard !script.isReadInPairs else { return finish(text, start, body) }
                text.append(LetterFolding.small(scalar))
            case .digit:
                text.append(scalar)
            case .mark:
                // Vowel points and tatweel are written or left out at will; accents tell words apart.
                if scalar.value < 0x370 { text.append(scalar) }
            case .other:
                switch joint(scalar) {
                case .kept:
                    text.append(scalar == "’" ? "'" : scalar)
                case .ending:
                    text.append(scalar)
                case .elision:
                    text.append("'")
                    index += 1
                    return finish(text, start, body)
                case .none:
                    return finish(text, start, body)
                }
            }
            index += 1
        }
        finish(text, start, body)
    }

    private enum Joint {
        case kept, ending, elision, none
    }

    private func joint(_ scalar: Unicode.Scalar) -> Joint {
        switch scalar {
        case "_":
            return .kept
        case "+", "#":
            // `c++` and `c#`, but neither `a+b` nor `#tag`.
            let next = index + 1 < end ? scalars[index + 1] : " "
            let isLetter = ScalarClass(next) != .other
            return isLetter || (scalar == "+" && next != "+" && scalars[index - 1] != "+") ? .none : .ending
        case ".", "'", "’":
            guard index + 1 < end, ScalarClass(scalars[index + 1]) != .other else { return .none }
            if scalar == "." { return scalars[index + 1].value < 0x80 ? .kept : .none }
            return isElided() ? .elision : .kept
        default:
            return .none
        }
    }

    /// True for the apostrophe of `l'eau`, `qu'il`, `dell'arte`: a short word before it that only those languages have.
    private func isElided() -> Bool {
        var begin = index
        while begin > 0, case .letter = ScalarClass(scalars[begin - 1]), index - begin < 5 { begin -= 1 }
        guard index - begin < 5 else { return false }
        return Self.elidedWords.contains(Excerpt.string(scalars[begin..<index].map(LetterFolding.small)[...]))
    }

    private static let elidedWords: Set<String> = [
        "l", "d", "j", "n", "s", "c", "m", "t", "qu", "un", "all", "dell", "nell", "sull", "dall",
    ]

    private func finish(_ text: String.UnicodeScalarView, _ start: Int, _ body: (String, Range<Int>) -> Void) {
        guard index - start <= ExtractiveLimits.wordLength else { return }
        var word = String(text)
        // The English genitive is the same word.
        if word.utf8.count > 3, word.hasSuffix("'s") { word.removeLast(2) }
        body(word, start..<index)
    }
}
