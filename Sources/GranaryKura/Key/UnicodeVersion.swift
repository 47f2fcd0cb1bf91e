/// A version of Unicode, which decides what Python's `repr` shows and what it escapes.
public struct UnicodeVersion: Sendable, Hashable, Comparable {
    /// The first number.
    public var major: Int
    /// The second number.
    public var minor: Int

    /// A version of the two numbers.
    public init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// The version of a text such as `14.0` or `15.1.0`, as Python's `unicodedata.unidata_version` writes it.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in
            part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(part) : nil
        }
        guard (2...3).contains(parts.count), numbers.count == parts.count else { return nil }
        self.init(numbers[0], numbers[1])
    }

    /// That of Python 3.9 and 3.10.
    public static let python3_10 = UnicodeVersion(13, 0)
    /// That of Python 3.11.
    public static let python3_11 = UnicodeVersion(14, 0)
    /// That of Python 3.12.
    public static let python3_12 = UnicodeVersion(15, 0)
    /// That of Python 3.13.
    public static let python3_13 = UnicodeVersion(15, 1)

    /// Orders by the first number, then by the second.
    public static func < (left: UnicodeVersion, right: UnicodeVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}
