/// The writing system of a letter, told by its Unicode block.
enum Script: UInt8, Sendable {
    case latin, greek, cyrillic, armenian, hebrew, arabic, devanagari, bengali, gurmukhi, gujarati, tamil, telugu
    case kannada, malayalam, sinhala, thai, lao, myanmar, georgian, ethiopic, khmer, kana, han, hangul, other

    /// True where words are told by reading rather than by spaces, so that tokens must be pairs of letters.
    ///
    /// Korean has spaces, but glues particles to its nouns; pairs match the noun whatever follows it.
    var isReadInPairs: Bool {
        switch self {
        case .thai, .lao, .myanmar, .khmer, .kana, .han, .hangul: true
        default: false
        }
    }
}

extension Script {
    /// How many Latin letters say as much as one of this script, so that the parts of a mixed text compare.
    var lettersWorth: Int {
        switch self {
        case .han: 3
        case .kana, .hangul: 2
        default: 1
        }
    }
}

/// What a scalar means to the division of text into words.
enum ScalarClass: Sendable, Equatable {
    case letter(Script)
    case digit
    /// A combining sign, or a joiner, that belongs to the word it stands in and begins none.
    case mark
    case other

    @inline(__always)
    init(_ scalar: Unicode.Scalar) {
        let value = scalar.value
        if value < 0x80 {
            if (value | 0x20) &- 0x61 < 26 {
                self = .letter(.latin)
            } else {
                self = value &- 0x30 < 10 ? .digit : .other
            }
        } else {
            self = Self.beyondASCII(scalar)
        }
    }

    private static func beyondASCII(_ scalar: Unicode.Scalar) -> ScalarClass {
        let value = scalar.value
        switch value {
        case 0x4E00...0x9FFF: return .letter(.han)
        case 0x0410...0x044F: return .letter(.cyrillic)
        case 0xAC00...0xD7A3: return .letter(.hangul)
        case 0x80...0x24F: return value < 0xC0 || value == 0xD7 || value == 0xF7 ? latinSign(value) : .letter(.latin)
        case 0x0300...0x036F, 0x200C...0x200D, 0xFE00...0xFE0F: return .mark
        default: break
        }
        var low = 0
        var high = blocks.count
        while low < high {
            let middle = (low + high) / 2
            let block = blocks[middle]
            if value < block.first {
                high = middle
            } else if value > block.last {
                low = middle + 1
            } else {
                return block.meaning
            }
        }
        return scalar.properties.isAlphabetic ? .letter(.other) : .other
    }

    private static func latinSign(_ value: UInt32) -> ScalarClass {
        value == 0xAA || value == 0xB5 || value == 0xBA ? .letter(.latin) : .other
    }

    private struct Block: Sendable {
        let first: UInt32
        let last: UInt32
        let meaning: ScalarClass
    }

    /// Sorted, without overlaps. Vowel signs of Indic scripts count as letters: they never stand alone.
    private static let blocks: [Block] = {
        let table: [(UInt32, UInt32, ScalarClass)] = [
            (0x0250, 0x02AF, .letter(.latin)), (0x0370, 0x037D, .letter(.greek)), (0x037E, 0x037E, .other),
            (0x037F, 0x0386, .letter(.greek)), (0x0387, 0x0387, .other), (0x0388, 0x03FF, .letter(.greek)),
            (0x0400, 0x052F, .letter(.cyrillic)), (0x0531, 0x0556, .letter(.armenian)),
            (0x0561, 0x0587, .letter(.armenian)), (0x0591, 0x05C7, .mark), (0x05D0, 0x05EA, .letter(.hebrew)),
            (0x0600, 0x061F, .other), (0x0620, 0x063F, .letter(.arabic)), (0x0640, 0x0640, .mark),
            (0x0641, 0x064A, .letter(.arabic)), (0x064B, 0x065F, .mark), (0x0660, 0x0669, .digit),
            (0x066A, 0x066D, .other), (0x066E, 0x066F, .letter(.arabic)), (0x0670, 0x0670, .mark),
            (0x0671, 0x06D3, .letter(.arabic)), (0x06D4, 0x06D4, .other), (0x06D5, 0x06EF, .letter(.arabic)),
            (0x06F0, 0x06F9, .digit), (0x06FA, 0x077F, .letter(.arabic)), (0x0900, 0x0963, .letter(.devanagari)),
            (0x0964, 0x0965, .other), (0x0966, 0x096F, .digit), (0x0970, 0x097F, .letter(.devanagari)),
            (0x0980, 0x09FF, .letter(.bengali)), (0x0A00, 0x0A7F, .letter(.gurmukhi)),
            (0x0A80, 0x0AFF, .letter(.gujarati)), (0x0B80, 0x0BFF, .letter(.tamil)),
            (0x0C00, 0x0C7F, .letter(.telugu)), (0x0C80, 0x0CFF, .letter(.kannada)),
            (0x0D00, 0x0D7F, .letter(.malayalam)), (0x0D80, 0x0DFF, .letter(.sinhala)),
            (0x0E01, 0x0E3A, .letter(.thai)), (0x0E40, 0x0E4E, .letter(.thai)), (0x0E50, 0x0E59, .digit),
            (0x0E81, 0x0ECF, .letter(.lao)), (0x1000, 0x1049, .letter(.myanmar)), (0x104A, 0x104F, .other),
            (0x1050, 0x109F, .letter(.myanmar)), (0x10A0, 0x10FF, .letter(.georgian)),
            (0x1100, 0x11FF, .letter(.hangul)), (0x1200, 0x135A, .letter(.ethiopic)),
            (0x1780, 0x17D3, .letter(.khmer)), (0x1C90, 0x1CBF, .letter(.georgian)),
            (0x1E00, 0x1EFF, .letter(.latin)), (0x1F00, 0x1FFF, .letter(.greek)), (0x3005, 0x3005, .letter(.han)),
            (0x3041, 0x3096, .letter(.kana)), (0x309D, 0x309F, .letter(.kana)), (0x30A1, 0x30FA, .letter(.kana)),
            (0x30FC, 0x30FF, .letter(.kana)), (0x3130, 0x318F, .letter(.hangul)), (0x31F0, 0x31FF, .letter(.kana)),
            (0x3400, 0x4DBF, .letter(.han)), (0xF900, 0xFAFF, .letter(.han)), (0xFF10, 0xFF19, .digit),
            (0xFF21, 0xFF3A, .letter(.latin)), (0xFF41, 0xFF5A, .letter(.latin)), (0xFF66, 0xFF9D, .letter(.kana)),
            (0x20000, 0x3134F, .letter(.han)),
        ]
        return table.map { Block(first: $0.0, last: $0.1, meaning: $0.2) }
    }()
}
