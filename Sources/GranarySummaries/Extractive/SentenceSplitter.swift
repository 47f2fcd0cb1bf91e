/// A sign that ends a sentence.
enum SentenceMark: Sendable {
    /// Ends one only before white space: the signs that also stand in numbers, file names and calls.
    case beforeSpace
    /// Ends one wherever it stands, as in scripts that put no space after it.
    case always

    @inline(__always)
    init?(_ scalar: Unicode.Scalar) {
        let value = scalar.value
        guard value == 0x2E || value == 0x21 || value == 0x3F || value >= 0x37E else { return nil }
        switch value {
        case 0x2E, 0x21, 0x3F, 0x2026, 0x203C, 0x2047...0x2049: self = .beforeSpace
        // The Greek question mark, the Armenian stop, and those of Arabic, Urdu, Devanagari, Burmese, Ethiopic, Khmer.
        case 0x37E, 0x589, 0x61F, 0x6D4, 0x964, 0x965, 0x104A, 0x104B, 0x1362, 0x1367, 0x17D4, 0x17D5: self = .always
        case 0x3002, 0xFF01, 0xFF0E, 0xFF1F, 0xFF61: self = .always
        default: return nil
        }
    }

    static func isQuestion(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x3F, 0x37E, 0x61F, 0xFF1F, 0x1367, 0x2047, 0x2048, 0x2049: true
        default: false
        }
    }
}

/// Divides a paragraph into sentences.
///
/// Latin, Greek and Cyrillic text ends a sentence with a mark before white space, unless the mark is a full stop that
/// belongs to an abbreviation, an initial or a number; East Asian, Indic and Arabic marks end it by themselves. A run
/// without any mark is cut at a clause mark or a space, so that no "sentence" is longer than
/// ``ExtractiveLimits/sentenceLength``.
struct SentenceSplitter {
    struct Piece: Sendable {
        var range: Range<Int>
        /// True for a piece that ends at the length bound and not where its writer ended it.
        var isCut: Bool
    }

    static func pieces(of scalars: [Unicode.Scalar], in paragraph: Range<Int>) -> [Piece] {
        var pieces: [Piece] = []
        var start = paragraph.lowerBound
        var index = start
        while index < paragraph.upperBound {
            if let stop = stop(scalars, at: index, from: start, within: paragraph) {
                index = stop.end
                if stop.endsSentence {
                    append(start..<index, isCut: false, of: scalars, to: &pieces)
                    start = index
                }
            } else {
                index += 1
            }
            if index - start >= ExtractiveLimits.sentenceLength, index < paragraph.upperBound {
                let cut = cutPlace(scalars, from: start, to: index)
                append(start..<cut, isCut: true, of: scalars, to: &pieces)
                start = cut
            }
        }
        append(start..<paragraph.upperBound, isCut: false, of: scalars, to: &pieces)
        return pieces
    }

    private static func append(
        _ range: Range<Int>,
        isCut: Bool,
        of scalars: [Unicode.Scalar],
        to pieces: inout [Piece]
    ) {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, scalars[lower] == " " { lower += 1 }
        while upper > lower, scalars[upper - 1] == " " { upper -= 1 }
        if lower < upper { pieces.append(Piece(range: lower..<upper, isCut: isCut)) }
    }

    /// A mark with all marks and closing signs that follow it, looked at once however many they are.
    private struct Stop {
        var end: Int
        var endsSentence: Bool
    }

    private static func stop(
        _ scalars: [Unicode.Scalar],
        at index: Int,
        from start: Int,
        within paragraph: Range<Int>
    ) -> Stop? {
        guard let mark = mark(scalars, at: index, from: start) else { return nil }
        var end = index + 1
        var isAlways = mark == .always
        while end < paragraph.upperBound {
            if let another = SentenceMark(scalars[end]) {
                if another == .always { isAlways = true }
            } else if !isCloser(scalars[end]) {
                break
            }
            end += 1
        }
        if end == paragraph.upperBound { return Stop(end: end, endsSentence: true) }
        if isAlways { return Stop(end: end, endsSentence: !quotes(scalars, endingAt: end)) }
        guard scalars[end] == " " else {
            // Chinese and Japanese typed with ASCII marks: no space follows those either.
            return Stop(end: end, endsSentence: scalars[index] != "." && isUnspaced(scalars[end]))
        }
        if end == index + 1, scalars[index] == "." {
            return Stop(end: end, endsSentence: !Abbreviation.ends(scalars, at: index, from: start))
        }
        let isPause = scalars[end - 1] == "." || scalars[index].value == 0x2026
        return Stop(end: end, endsSentence: !isPause || startsAnew(scalars, after: end, within: paragraph))
    }

    /// The semicolon is the question mark of Greek, and only of Greek.
    private static func mark(_ scalars: [Unicode.Scalar], at index: Int, from start: Int) -> SentenceMark? {
        guard scalars[index] == ";" else {
            // "[…]" stands for what was left out and ends nothing.
            let isOmission = scalars[index].value == 0x2026 && index > start && scalars[index - 1] == "["
            return isOmission ? nil : SentenceMark(scalars[index])
        }
        return index > start && ScalarClass(scalars[index - 1]) == .letter(.greek) ? .beforeSpace : nil
    }

    /// A Japanese quotation goes on with a particle: the sentence around it does too.
    private static func quotes(_ scalars: [Unicode.Scalar], endingAt end: Int) -> Bool {
        let closer = scalars[end - 1].value
        return (closer == 0x300D || closer == 0x300F) && ScalarClass(scalars[end]) == .letter(.kana)
    }

    /// Three dots within a sentence are a pause; a capital after them is a new sentence.
    private static func startsAnew(
        _ scalars: [Unicode.Scalar],
        after index: Int,
        within paragraph: Range<Int>
    ) -> Bool {
        guard index + 1 < paragraph.upperBound else { return true }
        let next = scalars[index + 1]
        return LetterFolding.small(next) != next || ScalarClass(next) != .letter(.latin)
    }

    private static func isUnspaced(_ scalar: Unicode.Scalar) -> Bool {
        switch ScalarClass(scalar) {
        case .letter(.han), .letter(.kana), .letter(.hangul), .letter(.thai): true
        default: false
        }
    }

    private static func isCloser(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x22, 0x27, 0x29, 0x5D, 0xBB, 0x2019, 0x201D, 0x300D, 0x300F, 0x3011, 0x300B, 0x3009, 0xFF09: true
        default: false
        }
    }

    /// A clause mark or a space in the latter half, else a place between two letters where no sign joins them.
    private static func cutPlace(_ scalars: [Unicode.Scalar], from start: Int, to end: Int) -> Int {
        let earliest = start + (end - start) / 2
        var cut = end
        while cut > earliest {
            switch scalars[cut - 1].value {
            case 0x20, 0x3001, 0xFF0C, 0xFF1B, 0x060C: return cut
            default: cut -= 1
            }
        }
        cut = end
        while cut > earliest, joins(scalars[cut]) || scalars[cut - 1].value == 0x200D { cut -= 1 }
        return cut > earliest ? cut : end
    }

    private static func joins(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value >= 0x300 && scalar.properties.isGraphemeExtend
    }
}

/// Full stops that end a word and no sentence.
enum Abbreviation {
    private static let words: Set<String> = [
        "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc", "approx", "fig", "figs", "eq", "no", "nos",
        "vol",
        "pp", "ed", "eds", "dept", "inc", "ltd", "corp", "co", "est", "min", "max", "cf", "al", "resp", "ca", "bzw",
        "usw",
        "evtl", "ggf", "vgl", "nr", "str", "bspw", "inkl", "exkl", "zzgl", "mme", "mlle", "env", "sra", "srta", "sres",
        "ud",
        "uds", "pág", "ej", "av", "exmo", "sig", "dott", "ecc", "pag", "dhr", "mevr", "bijv", "enz", "np", "tzn", "tzw",
        "itd", "itp", "ul", "tj", "tzv", "napr", "т", "г", "гг", "др", "пр", "ул", "стр", "им", "тыс", "млн", "млрд",
        "руб",
    ]

    private static let longest = 6

    static func ends(_ scalars: [Unicode.Scalar], at stop: Int, from start: Int) -> Bool {
        var begin = stop
        var digits = 0
        var innerStops = 0
        while begin > start, stop - begin <= 2 * longest {
            let scalar = scalars[begin - 1]
            switch ScalarClass(scalar) {
            case .letter, .mark: break
            case .digit: digits += 1
            case .other where scalar == ".": innerStops += 1
            case .other: return decides(scalars, begin..<stop, digits, innerStops, false)
            }
            begin -= 1
        }
        return decides(scalars, begin..<stop, digits, innerStops, begin == start)
    }

    private static func decides(
        _ scalars: [Unicode.Scalar],
        _ word: Range<Int>,
        _ digits: Int,
        _ innerStops: Int,
        _ opensSentence: Bool
    ) -> Bool {
        if word.isEmpty { return false }
        // "1." at the beginning numbers what follows.
        if digits == word.count { return opensSentence && digits <= 3 }
        // "e.g.", "z.B.", "U.S.": as many single letters as stops.
        if innerStops > 0, word.count == 2 * innerStops + 1, digits == 0 { return true }
        let small = scalars[word].map(LetterFolding.small)
        // An initial, unlike the pronoun "I", a final "x" and the unit of "24 °C".
        if word.count == 1, digits == 0 {
            let isAlone = opensSentence || scalars[word.lowerBound - 1] == " "
            return isAlone && small[0] != scalars[word.lowerBound] && small[0] != "i"
        }
        return word.count <= longest && words.contains(Excerpt.string(small[...]))
    }
}
