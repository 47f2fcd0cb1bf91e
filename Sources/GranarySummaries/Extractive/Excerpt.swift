/// A quotation of bounded length, cut where a reader would cut it.
///
/// The cut falls at a space if there is one in the last third, else after a clause mark, else between two characters,
/// never inside one; an ellipsis shows that something is missing.
enum Excerpt {
    static func text(_ scalars: ArraySlice<Unicode.Scalar>, limit: Int) -> String {
        guard scalars.count > limit else { return string(scalars) }
        let room = max(limit - 1, 0)
        let end = scalars.startIndex + room
        let earliest = end - room / 3
        var cut = end
        while cut > earliest, scalars[cut].value != 0x20, !isClauseMark(scalars[cut]) { cut -= 1 }
        if cut == earliest { cut = characterBoundary(in: scalars, atOrBefore: end) }
        while cut > scalars.startIndex, isDangling(scalars[cut - 1]) { cut -= 1 }
        return string(scalars[scalars.startIndex..<cut]) + "…"
    }

    static func text(_ string: String, limit: Int) -> String {
        text(Array(string.unicodeScalars.prefix(limit + 1))[...], limit: limit)
    }

    static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// A character of many scalars may reach past `limit`, or be longer than all the room there is; only then, as
    /// nothing better is left, is it cut between scalars.
    private static func characterBoundary(in scalars: ArraySlice<Unicode.Scalar>, atOrBefore limit: Int) -> Int {
        // Enough beyond the limit for the longest emoji sequences in use.
        let seen = min(scalars.endIndex, limit + 16)
        var boundary = scalars.startIndex
        for character in string(scalars[scalars.startIndex..<seen]) {
            let next = boundary + character.unicodeScalars.count
            if next > limit { break }
            boundary = next
        }
        return boundary == scalars.startIndex ? limit : boundary
    }

    private static func isClauseMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x3001, 0xFF0C, 0xFF1B, 0xFF1A, 0x060C: true
        default: false
        }
    }

    /// Signs that promise more to come, of no use before an ellipsis.
    private static func isDangling(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20, 0x2C, 0x3A, 0x3B, 0x28, 0x2D, 0x2013, 0x2014, 0x3001, 0xFF0C, 0xFF1B, 0xFF1A, 0x060C: true
        default: false
        }
    }
}
