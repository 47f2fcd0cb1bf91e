/// Where a cache is, as `--cache` and the verbs take it: a directory, or a URL of another kind.
///
///     ./dir   segment:./dir   sqlite:./file   memory:   redis://…   rediss://…   s3://…   tiered:./dir,redis://…
///
/// A password is in the URLs themselves and nowhere else: what describes a location leaves out whatever may be one.
enum CacheLocation: Sendable, Equatable {
    case directory(String)
    case database(String)
    case memory
    case redis(ServerURL)
    case s3(ServerURL)
    /// The nearest first; none of them is tiered itself.
    case tiered([CacheLocation])

    private static let syntax = """
        give a directory, segment:DIR, sqlite:FILE, memory:, redis://…, rediss://…, s3://…, or tiered: with several of \
        them behind it, separated by commas
        """

    /// The location that the text names.
    init(_ text: String) throws(CommandFailure) {
        let scheme = Self.scheme(of: text)
        let rest = String(text.dropFirst((scheme?.count ?? -1) + 1))
        switch scheme {
        case "segment": self = .directory(try Self.path(rest, scheme: "segment"))
        case "sqlite": self = .database(try Self.path(rest, scheme: "sqlite"))
        case "memory":
            if !rest.isEmpty { throw CommandFailure(.badUsage, "memory: takes nothing behind it; \(Self.syntax)") }
            self = .memory
        case "redis", "rediss": self = .redis(try ServerURL(text))
        case "s3": self = .s3(try ServerURL(text))
        case "tiered": self = .tiered(try Self.tiers(rest))
        default:
            // Who means such a directory can write ./ in front of it.
            guard !rest.hasPrefix("//") || scheme == nil else {
                throw CommandFailure(.badUsage, "\(scheme ?? ""):// names no kind of cache; \(Self.syntax)")
            }
            // A URL with a space before it would become a directory, password and all.
            guard !text.contains("://") || text.hasPrefix("./") || text.hasPrefix("/") else {
                throw CommandFailure(
                    .badUsage,
                    "a URL begins with its scheme, and a directory with :// in its name with ./; \(Self.syntax)"
                )
            }
            self = .directory(text)
        }
    }

    /// What stands before the first colon, if that can be a scheme (RFC 3986, section 3.1).
    private static func scheme(of text: String) -> String? {
        let scheme = text.prefix { $0 != ":" }
        guard scheme.endIndex != text.endIndex, let first = scheme.first, first.isASCII, first.isLetter,
            scheme.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) })
        else { return nil }
        return scheme.lowercased()
    }

    private static func path(_ path: String, scheme: String) throws(CommandFailure) -> String {
        if path.isEmpty { throw CommandFailure(.badUsage, "\(scheme): names no file; \(syntax)") }
        return path
    }

    private static func tiers(_ text: String) throws(CommandFailure) -> [CacheLocation] {
        var tiers: [CacheLocation] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            if part.isEmpty { throw CommandFailure(.badUsage, "tiered: has an empty tier; \(syntax)") }
            let tier = try CacheLocation(String(part))
            if case .tiered = tier { throw CommandFailure(.badUsage, "tiered: cannot hold another tiered:; \(syntax)") }
            if tiers.contains(tier) { throw CommandFailure(.badUsage, "tiered: names \(tier) twice") }
            tiers.append(tier)
        }
        return tiers
    }

    /// The directory of segments that the text names, for what works on these alone.
    static func directory(_ text: String, for doing: String) throws(CommandFailure) -> String {
        let location = try CacheLocation(text)
        guard case .directory(let path) = location else {
            throw CommandFailure(.badUsage, "\(location): \(doing) works on a directory of segments alone")
        }
        return path
    }
}

extension CacheLocation: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The location without anything that may be secret.
    var description: String {
        switch self {
        case .directory(let path): path
        case .database(let path): "sqlite:\(path)"
        case .memory: "memory:"
        case .redis(let url), .s3(let url): url.description
        case .tiered(let tiers): "tiered:" + tiers.map(\.description).joined(separator: ",")
        }
    }

    var debugDescription: String { description }

    var customMirror: Mirror { Mirror(self, children: []) }
}

/// The URL of a server, which may hold a password.
struct ServerURL: Sendable, Equatable {
    /// With everything that is secret.
    let secretText: String

    init(_ text: String) throws(CommandFailure) {
        secretText = text
        let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else {
            let scheme = text.prefix { $0 != ":" }
            throw CommandFailure(.badUsage, "\(scheme): is followed by // and the name of a server")
        }
        if text.contains(where: \.isWhitespace) {
            throw CommandFailure(.badUsage, "\(parts[0])://: a space in a URL is written %20")
        }
    }
}

extension ServerURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Parameters whose values are no secrets.
    private static let shownParameters: Swift.Set<String> = [
        "addressing", "endpoint", "expiry", "prefix", "profile", "region", "verify",
    ]

    /// The URL without user, password, and the values of parameters that are not known to be harmless.
    var description: String {
        let shown = Self.coveringWhatIsNoServer(secretText) ?? Self.redacted(secretText)
        let (address, query) = Self.split(shown, at: "?")
        guard let query else { return Self.split(address, at: "#").0 }
        let parameters = Self.split(query, at: "#").0.split(separator: "&").map { parameter in
            let name = String(parameter.prefix { $0 != "=" })
            return Self.shownParameters.contains(name) ? String(parameter) : "\(name)=***"
        }
        return "\(address)?\(parameters.joined(separator: "&"))"
    }

    var debugDescription: String { description }

    var customMirror: Mirror { Mirror(self, children: []) }

    private static func split(_ text: String, at mark: Character) -> (String, String?) {
        guard let place = text.firstIndex(of: mark) else { return (text, nil) }
        return (String(text[..<place]), String(text[text.index(after: place)...]))
    }

    /// The URL with stars in place of all that stands before its parameters, if that has no @ and no number for a port:
    /// whoever forgot the host has written a user and a password.
    private static func coveringWhatIsNoServer(_ text: String) -> String? {
        guard let scheme = text.firstRange(of: "://") else { return nil }
        let place = text[scheme.upperBound...].prefix { !"?#".contains($0) }
        let address = place.prefix { $0 != "/" }
        guard !text.contains("@"), let colon = address.lastIndex(of: ":"),
            !(address.hasPrefix("[") && address.hasSuffix("]"))
        else { return nil }
        let path = place[address.endIndex...].dropFirst()
        // Paths of Redis are numbers; a password may begin with one and a slash.
        let hasPort = UInt16(address[address.index(after: colon)...]) != nil
        guard !hasPort || text.hasPrefix("redis") && !path.isEmpty && UInt(path) == nil else { return nil }
        return text.replacingCharacters(from: place.startIndex, to: place.endIndex, with: "***")
    }

    /// The text with stars, in each line, in place of what stands between the scheme of the first URL of a server and the
    /// last @ behind it, which may be written %40. A password that should have been escaped, and holds a /, a ? or a
    /// space, is covered as well, and so is whatever else stands in between.
    static func redacted(_ text: String) -> String {
        guard text.contains("://") else { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { redacted(line: String($0)) }
            .joined(separator: "\n")
    }

    private static func redacted(line: String) -> String {
        guard let scheme = line.firstRange(of: "://"),
            let at = [line.ranges(of: "@"), line.ranges(of: "%40")].compactMap({ $0.last?.lowerBound }).max(),
            scheme.upperBound <= at
        else { return line }
        return line.replacingCharacters(from: scheme.upperBound, to: at, with: "***")
    }
}

extension String {
    fileprivate func replacingCharacters(from start: Index, to end: Index, with text: String) -> String {
        String(self[..<start]) + text + String(self[end...])
    }
}
