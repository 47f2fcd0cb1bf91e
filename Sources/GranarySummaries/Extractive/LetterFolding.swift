/// Small letters for capitals, so that words compare without regard to case.
///
/// The scripts with case that the tables of this engine name are mapped by arithmetic: the standard library's
/// `properties.lowercaseMapping` makes a `String` for every scalar. A capital not covered stays as it is, which costs a
/// missed match and nothing else.
enum LetterFolding {
    @inline(__always)
    static func small(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        let value = scalar.value
        if value < 0x80 {
            return value &- 0x41 < 26 ? Unicode.Scalar(UInt8(truncatingIfNeeded: value) | 0x20) : scalar
        }
        guard value < 0x2000 || value >= 0xFF21 else { return scalar }
        return Unicode.Scalar(mapped(value)) ?? scalar
    }

    private static func mapped(_ value: UInt32) -> UInt32 {
        switch value {
        case 0xC0...0xDE where value != 0xD7: value + 0x20
        case 0x130: 0x69  // The Turkish dotted capital; its dotless partner is an ordinary "I" in all other languages.
        case 0x178: 0xFF
        case 0x100...0x137, 0x14A...0x177, 0x1DE...0x1EF, 0x1F8...0x21F, 0x222...0x233: value | 1
        case 0x139...0x148, 0x179...0x17E: value + (value & 1)
        case 0x1A0, 0x1A2, 0x1A4, 0x1AF: value + 1
        case 0x386: 0x3AC
        case 0x388...0x38A: value + 0x25
        case 0x38C: 0x3CC
        case 0x38E, 0x38F: value + 0x3F
        case 0x391...0x3AB where value != 0x3A2: value + 0x20
        case 0x3C2: 0x3C3  // The final sigma is the same letter.
        case 0x400...0x40F: value + 0x50
        case 0x410...0x42F: value + 0x20
        case 0x460...0x481, 0x48A...0x4BF, 0x4D0...0x52F: value | 1
        case 0x531...0x556: value + 0x30
        case 0x1E00...0x1E95, 0x1EA0...0x1EFF: value | 1
        case 0x649, 0x6CC: 0x64A  // Arabic and Persian keyboards differ in yeh and kaf only.
        case 0x6A9: 0x643
        case 0xFF21...0xFF3A: value - 0xFF21 + 0x61
        case 0xFF41...0xFF5A: value - 0xFF41 + 0x61
        default: value
        }
    }
}
