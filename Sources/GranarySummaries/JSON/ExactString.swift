/// A string compared and hashed by its UTF-8 bytes.
///
/// Swift's `String` counts a composed and a decomposed "é" as one and the same; a cache that did so would give the
/// summary of one text for another. Whatever must tell them apart compares this instead.
struct ExactString: Sendable, Hashable {
    let text: String

    init(_ text: String) {
        self.text = text
    }

    static func == (left: ExactString, right: ExactString) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
        for byte in text.utf8 {
            hasher.combine(byte)
        }
        // A byte that UTF-8 never contains keeps ("ab", "c") and ("a", "bc") apart.
        hasher.combine(0xFF as UInt8)
    }
}
