/// What a URL says of a server and of the cache in it:
///
///     redis[s]://[[user]:password@]host[:port][/database][?option=value&…]
///
/// Everything but the scheme and the numbers may be percent-encoded; `rediss` is TLS. Options: `prefix`; `expiry`, in
/// seconds or `none`; with TLS `verify` (`full`, `host-off` or `none`), `ca`, `cert` and `key`, paths of PEM files.
///
/// Scheme: <https://www.iana.org/assignments/uri-schemes/prov/redis>
struct RedisURL {
    private(set) var server: RedisServer
    private(set) var prefix: String?
    /// What it says of the default expiry: nothing, none, or so much.
    private(set) var expiry: Duration??
    private var certificate: String?
    private var key: String?

    init(_ url: String) throws(RedisCacheError) {
        let lowercase = url.utf8.prefix(9).map { $0 | 0x20 }
        let isSecure = lowercase.starts(with: "rediss://".utf8)
        guard isSecure || lowercase.starts(with: "redis://".utf8) else {
            throw Self.invalid("a URL begins with redis:// or rediss://")
        }
        let rest = url.utf8.dropFirst(isSecure ? 9 : 8)
        let (location, query) = Self.split(rest, at: "?")
        let (authority, path) = Self.split(location, at: "/")
        server = RedisServer(host: "127.0.0.1", tls: isSecure ? RedisTLS() : nil)
        // The last one: passwords that nobody encoded may have others.
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            try read(credentials: authority[..<at])
            try read(address: authority[authority.index(after: at)...])
        } else {
            try read(address: authority)
        }
        if let path, !path.isEmpty {
            guard let database = Self.number(path), database <= Int32.max else {
                throw Self.invalid("the database behind the / has to be a number")
            }
            server.database = database
        }
        for option in query?.split(separator: UInt8(ascii: "&")) ?? [] { try read(option: option) }
        // One file may have both.
        if let chain = certificate ?? key { server.tls?.clientCertificate = (chain, key ?? chain) }
    }

    private mutating func read(credentials: Substring.UTF8View) throws(RedisCacheError) {
        let (user, password) = Self.split(credentials, at: ":")
        guard let password else { throw Self.invalid("a password stands behind a colon: redis://:password@host") }
        let name = try Self.decoded(user, "the user")
        server.credentials = RedisCredentials(
            user: name.isEmpty ? "default" : name,
            password: try Self.decoded(password, "the password")
        )
    }

    private mutating func read(address: Substring.UTF8View) throws(RedisCacheError) {
        var host = address
        var port: Substring.UTF8View?
        if address.first == UInt8(ascii: "["), let end = address.firstIndex(of: UInt8(ascii: "]")) {
            host = address[address.index(after: address.startIndex)..<end]
            let behind = address[address.index(after: end)...]
            guard behind.isEmpty || behind.first == UInt8(ascii: ":") else {
                throw Self.invalid("a port stands behind a colon")
            }
            port = behind.isEmpty ? nil : behind.dropFirst()
        } else {
            (host, port) = Self.split(address, at: ":")
        }
        if !host.isEmpty { server.host = try Self.decoded(host, "the host") }
        if let port, !port.isEmpty {
            guard let number = Self.number(port), (1...65_535).contains(number) else {
                throw Self.invalid("the port has to be a number from 1 to 65,535")
            }
            server.port = number
        }
    }

    private mutating func read(option: Substring.UTF8View) throws(RedisCacheError) {
        let (name, text) = Self.split(option, at: "=")
        let optionName = try Self.decoded(name, "an option")
        let value = try Self.decoded(text ?? option.prefix(0), "an option")
        switch optionName {
        case "prefix": prefix = value
        case "expiry" where value == "none": expiry = .some(nil)
        case "expiry":
            guard let seconds = Self.number(value[...].utf8), seconds > 0 else {
                throw Self.invalid("expiry has to be a number of seconds, or none")
            }
            expiry = .seconds(seconds)
        case "verify":
            switch value {
            case "full": server.tls?.verification = .full
            case "host-off": server.tls?.verification = .withoutHostname
            case "none": server.tls?.verification = .none
            default: throw Self.invalid("verify has to be full, host-off or none")
            }
        case "ca": server.tls?.trustedCertificatesFile = value
        case "cert": certificate = value
        case "key": key = value
        // Not repeated: it may be the rest of a password with a question mark in it.
        default: throw Self.invalid("there is no such option; use prefix, expiry, verify, ca, cert or key")
        }
        if server.tls == nil, ["verify", "ca", "cert", "key"].contains(optionName) {
            throw Self.invalid("\(optionName) is for TLS; use rediss://")
        }
    }

    // MARK: Parts

    private static func split(
        _ text: Substring.UTF8View,
        at mark: Unicode.Scalar
    ) -> (Substring.UTF8View, Substring.UTF8View?) {
        guard let index = text.firstIndex(of: UInt8(ascii: mark)) else { return (text, nil) }
        return (text[..<index], text[text.index(after: index)...])
    }

    private static func number(_ text: Substring.UTF8View) -> Int? {
        guard text.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int(Substring(text))
    }

    /// The part without percent-encoding (RFC 3986, 2.1).
    private static func decoded(_ text: Substring.UTF8View, _ what: String) throws(RedisCacheError) -> String {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, Substring(digits).allSatisfy(\.isHexDigit),
                let value = UInt8(Substring(digits), radix: 16)
            else { throw invalid("\(what) has a % without two hexadecimal digits behind it; write %25 for a % itself") }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw invalid("\(what) is not UTF-8") }
        return text
    }

    /// Never with the URL, which may have a password.
    private static func invalid(_ detail: String) -> RedisCacheError {
        RedisCacheError(.invalidOptions, server: "", detail: "the Redis URL is wrong: \(detail)")
    }
}
