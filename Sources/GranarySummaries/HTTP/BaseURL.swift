internal import FoundationEssentials

/// Where an API is, in the one form that all spellings of that URL share.
///
/// Scheme and host are in lower case, and a default port and slashes at the end are left out. Names, passwords and queries
/// are refused: a base URL is shown and may be stored, and secrets must not be.
struct BaseURL: Sendable, Hashable {
    let text: String

    /// What keeps a text from being one: a clause that "the base URL" begins.
    struct Fault: Error {
        let reason: String
    }

    init(_ text: String) throws(Fault) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.host?.lowercased(), !host.isEmpty
        else { throw Fault(reason: "is no URL with a host") }
        guard scheme == "http" || scheme == "https" else { throw Fault(reason: "is neither http nor https") }
        guard parts.user == nil, parts.password == nil else { throw Fault(reason: "holds a name or password") }
        guard parts.query == nil, parts.fragment == nil else { throw Fault(reason: "has a query or fragment") }
        var port = ""
        if let number = parts.port, number != (scheme == "https" ? 443 : 80) { port = ":\(number)" }
        var path = parts.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        self.text = "\(scheme)://\(host)\(port)\(path)"
    }
}
