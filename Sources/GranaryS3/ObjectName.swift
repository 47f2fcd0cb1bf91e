internal import Granary

/// The name of the object, behind the prefix, under which a key's entry is.
///
///     A-Z a-z 0-9 - _ .     themselves; a dot that comes first is escaped
///     any other byte        ! and two upper-case hexadecimal digits
///     too long for that     !sha256- and the SHA-256 of the key, 64 digits; the key is in the object's body
///
/// Each key has one name and each name one key. Names hold none of the characters that S3's documentation advises
/// against, and no slash: what lies deeper under the prefix belongs to others. The escaped form of a key's beginning is
/// the beginning of its escaped form, so S3 can list by it. A name has up to 255 bytes, which is what services that keep
/// objects in files take between two slashes; with the prefix it has up to the 1,024 of S3.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>.
enum ObjectName: Equatable {
    /// The key, escaped.
    case escaped(String)
    /// A digest of the key.
    case digest(String)

    /// Bytes of an object's name with the prefix.
    static let longestName = 1_024
    /// Bytes behind the prefix.
    static let longestPart = 255
    /// What names with a digest begin with; `!s` is no escape.
    static let digestMark = "!sha256-"

    init(key: String) {
        let escaped = Self.escape(key)
        self =
            escaped.utf8.count <= Self.longestPart
            ? .escaped(escaped) : .digest(Self.digestMark + SignatureVersion4.hash(key.utf8))
    }

    /// The name of an object; nil if no key has it.
    init?(name: String) {
        if name.hasPrefix(Self.digestMark) {
            let digits = name.utf8.dropFirst(Self.digestMark.utf8.count)
            guard digits.count == 64, digits.allSatisfy({ "0123456789abcdef".utf8.contains($0) }) else { return nil }
            self = .digest(name)
        } else {
            guard let key = Self.unescape(name), Self(key: key) == .escaped(name) else { return nil }
            self = .escaped(name)
        }
    }

    /// What stands behind the prefix.
    var text: String {
        switch self {
        case .escaped(let name), .digest(let name): name
        }
    }

    /// The key, where the name has it whole.
    var key: String? {
        switch self {
        case .escaped(let name): Self.unescape(name)
        case .digest: nil
        }
    }

    static func escape(_ key: String) -> String {
        var name: [UInt8] = []
        for byte in key.utf8 {
            if isPlain(byte), !(name.isEmpty && byte == UInt8(ascii: ".")) {
                name.append(byte)
            } else {
                name += [UInt8(ascii: "!"), Hexadecimal.upper(byte >> 4), Hexadecimal.upper(byte & 15)]
            }
        }
        return String(decoding: name, as: UTF8.self)
    }

    private static func unescape(_ name: String) -> String? {
        var key: [UInt8] = []
        var rest = Array(name.utf8)[...]
        while let byte = rest.popFirst() {
            if isPlain(byte) {
                key.append(byte)
                continue
            }
            guard byte == UInt8(ascii: "!"), let high = rest.popFirst().flatMap(Hexadecimal.value),
                let low = rest.popFirst().flatMap(Hexadecimal.value)
            else { return nil }
            key.append(high << 4 | low)
        }
        return key.isEmpty ? nil : String(validating: key, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
