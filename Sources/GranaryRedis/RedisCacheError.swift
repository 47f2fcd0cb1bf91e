public import Granary

/// Why a call on a cache in Redis failed.
///
/// Nothing in it, and nothing that is logged, has the password: an answer that repeats it is made to lack it.
public struct RedisCacheError: Error, Sendable, Hashable {
    /// What a caller can act on.
    public enum Code: Sendable, Hashable {
        /// The URL or an option cannot be used.
        case invalidOptions
        /// Nobody answers at the host and port.
        case unreachable
        /// TLS could not be agreed on, or the certificate cannot be trusted.
        case tlsFailed
        /// The server knows no such user and password, or wants one where none is given.
        case wrongPassword
        /// The user may not use a command or a key.
        case notPermitted
        /// The server took the connection or the command, and said nothing for longer than it may.
        case timedOut
        /// The connection broke before the answer came, at the second try as well where there was one.
        case connectionLost
        /// The server is loading its data, runs a long script, or has lost its primary: it may answer soon.
        case busy
        /// The server's memory is full, and it evicts nothing.
        case full
        /// The server is a replica, or cannot save, and takes no writes.
        case readOnly
        /// The server refused for another reason, which `reply` has.
        case refused
        /// What came is not what Redis says.
        case protocolViolation
        /// The cache is closed.
        case closed
        /// A key is empty or longer than 65,535 bytes.
        case invalidKey
        /// A value is larger than Redis stores.
        case valueTooLarge
    }

    /// What a caller can act on.
    public var code: Code
    /// The server, as `host:port`; empty where it is not known.
    public var server: String
    /// What the server said, where it said why.
    public var reply: String?
    /// What happened, and what to do about it.
    public var detail: String

    init(_ code: Code, server: String, reply: String? = nil, detail: String) {
        self.code = code
        self.server = server
        self.reply = reply
        self.detail = detail
    }
}

extension RedisCacheError: CustomStringConvertible {
    /// The server and the cause, in a line.
    public var description: String { server.isEmpty ? detail : "\(server): \(detail)" }
}

extension RedisCacheError {
    /// The error that a server's error reply means. The reply begins with a word in capitals, by which clients are meant to
    /// tell errors apart: <https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors>
    init(reply: [UInt8], from server: RedisServer) {
        // Read before a password is covered, which may be part of it.
        let word = String(decoding: reply.prefix { $0 != UInt8(ascii: " ") }.prefix(32), as: UTF8.self)
        let text = Self.printable(reply, without: server.credentials?.password)
        var (code, remedy) = Self.meanings[word] ?? Self.unknown
        if word == "ERR", text.contains("unknown command") {
            (code, remedy) = (.refused, "use Redis 6 or later, or Valkey, and rename none of its commands")
        }
        self.init(code, server: server.address, reply: text, detail: "the server says \"\(text)\"; \(remedy)")
    }

    /// The text in one line, without the password and without arguments of commands, of which it could be one.
    private static func printable(_ reply: [UInt8], without password: String?) -> String {
        // Far more than is shown.
        var text = String(decoding: reply.prefix(1 << 16), as: UTF8.self)
        for marker in [", with args beginning with", " with args beginning with"] {
            if let arguments = text.utf8.firstRange(of: marker.utf8) { text = String(text[..<arguments.lowerBound]) }
        }
        // What errors begin with is known to all, and with stars in it would show what the password is.
        let word = text.prefix { $0 != " " }
        let start = Self.meanings[String(word)] == nil ? text.startIndex : word.endIndex
        if let password { text = text[..<start] + covering(password, in: String(text[start...]), with: "***") }
        // Only now: a password that stands where the text is cut could not be told any more.
        return plainLine(text, atMost: 500)
    }

    private static let unknown = (Code.refused, "see the server's documentation and log")

    /// The words that errors of servers begin with, and what they mean.
    private static let meanings: [String: (Code, remedy: String)] = {
        let cluster = (Code.refused, "the server is part of a cluster; give one that is not, or a proxy")
        let busy = (Code.busy, "try again")
        let readOnly = (Code.readOnly, "see the server's log")
        return [
            "WRONGPASS": (.wrongPassword, "check the user and the password"),
            "NOAUTH": (.wrongPassword, "the server wants a password; give one"),
            "NOPERM": (.notPermitted, "allow the user the command and the prefix of the cache (ACL SETUSER)"),
            "LOADING": busy, "BUSY": busy, "MASTERDOWN": busy, "TRYAGAIN": busy, "CLUSTERDOWN": busy,
            "OOM": (.full, "raise maxmemory, or let the server evict (maxmemory-policy allkeys-lru)"),
            "READONLY": (.readOnly, "give the address of the primary"),
            "MISCONF": readOnly, "NOREPLICAS": readOnly,
            "MOVED": cluster, "ASK": cluster, "CROSSSLOT": cluster,
            "NOPROTO": (.refused, "RESP3 is needed; use Redis 6 or later, or Valkey"),
            "ERR": unknown, "WRONGTYPE": unknown,
        ]
    }()
}

extension RedisCacheError: CacheRefusal {
    /// True for keys that no cache takes, and values that are too large for Redis.
    public var isRefusal: Bool { code == .invalidKey || code == .valueTooLarge }
}
