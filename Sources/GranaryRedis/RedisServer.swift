/// Where a Redis or Valkey server is, and how it wants to be spoken to.
public struct RedisServer: Sendable {
    /// The name or address.
    public var host: String
    /// The port.
    public var port: Int
    /// The number of the database.
    public var database: Int
    /// Who calls; nil: the default user, without a password.
    public var credentials: RedisCredentials?
    /// How TLS is spoken; nil: not at all.
    public var tls: RedisTLS?

    /// A server on the usual port, without a password and without TLS, unless said otherwise.
    public init(
        host: String,
        port: Int = 6_379,
        database: Int = 0,
        credentials: RedisCredentials? = nil,
        tls: RedisTLS? = nil
    ) {
        self.host = host
        self.port = port
        self.database = database
        self.credentials = credentials
        self.tls = tls
    }

    /// `host:port`.
    var address: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// A user and a password. Printing or dumping it shows no password.
public struct RedisCredentials: Sendable, Hashable {
    /// The ACL user; `default` is who calls with a password alone.
    public var user: String
    let password: String

    /// The default user unless another is given.
    public init(user: String = "default", password: String) {
        self.user = user
        self.password = password
    }
}

extension RedisCredentials: CustomStringConvertible, CustomReflectable {
    /// The user.
    public var description: String { "\(user):***" }
    /// The user.
    public var customMirror: Mirror { Mirror(self, children: ["user": user]) }
}

/// How TLS is spoken with the server.
public struct RedisTLS: Sendable, Hashable {
    /// What of the server's certificate is checked.
    public enum Verification: Sendable, Hashable {
        /// That somebody trusted has signed it, and that it is for the host.
        case full
        /// That somebody trusted has signed it.
        case withoutHostname
        /// Nothing: whoever sits between may read and change everything.
        case none
    }

    /// What is checked.
    public var verification: Verification
    /// A PEM file of the certificates that are trusted; nil: those of the system.
    public var trustedCertificatesFile: String?
    /// PEM files of the certificate chain and the private key by which the client shows who it is; nil: it does not.
    public var clientCertificate: (chainFile: String, keyFile: String)? {
        get { clientFiles.map { ($0.chain, $0.key) } }
        set { clientFiles = newValue.map { ClientFiles(chain: $0.chainFile, key: $0.keyFile) } }
    }

    private struct ClientFiles: Hashable {
        let chain: String
        let key: String
    }
    private var clientFiles: ClientFiles?

    /// Full verification by what the system trusts, unless said otherwise.
    public init(
        verification: Verification = .full,
        trustedCertificatesFile: String? = nil,
        clientCertificate: (chainFile: String, keyFile: String)? = nil
    ) {
        self.verification = verification
        self.trustedCertificatesFile = trustedCertificatesFile
        self.clientCertificate = clientCertificate
    }
}
