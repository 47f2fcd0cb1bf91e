internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

extension RedisCacheError {
    /// The error for a connection that was not made.
    init(connecting error: any Error, to server: RedisServer) {
        if Self.isOfTLS(error) {
            self.init(during: true, error, with: server)
            return
        }
        let cause: String
        if let error = error as? NIOConnectionError {
            let causes = error.connectionErrors.map { "\($0.error)" }
            cause = causes.isEmpty ? "the name is not known" : causes.joined(separator: ", ")
        } else {
            cause = "\(error)"
        }
        self.init(
            .unreachable,
            server: server.address,
            detail: "nobody answers (\(cause)); check the host and the port, and that the server runs"
        )
    }

    /// The error for a connection that broke, while the server had not let it in yet or later.
    init(during isGreeting: Bool, _ error: any Error, with server: RedisServer) {
        if isGreeting, Self.isOfTLS(error) {
            self.init(
                .tlsFailed,
                server: server.address,
                detail: "TLS could not be agreed on (\(error)); check that the server speaks it, whether its "
                    + "certificate is for this host, and who signed that (ca=FILE, verify=none)"
            )
        } else {
            let remedy = isGreeting ? "check whether the server wants TLS (rediss://)" : "try again"
            self.init(.connectionLost, server: server.address, detail: "the connection broke (\(error)); \(remedy)")
        }
    }

    /// Whether the error says that the other side has let the connection go.
    static func isOfTheServers(_ error: any Error) -> Bool {
        switch error {
        case let error as IOError: [ECONNRESET, EPIPE].contains(error.errnoCode)
        case NIOSSLError.uncleanShutdown: true
        default: false
        }
    }

    private static func isOfTLS(_ error: any Error) -> Bool {
        error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError
    }

    /// The error for TLS that cannot even be tried.
    init(preparing error: any Error, for server: RedisServer) {
        self.init(
            .tlsFailed,
            server: server.address,
            detail: "a certificate or key cannot be used (\(error)); check that the files exist and are PEM"
        )
    }
}

extension RedisTLS {
    /// What every connection with the server begins TLS with.
    func context(for server: RedisServer) throws(RedisCacheError) -> NIOSSLContext {
        do {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateVerification =
                switch verification {
                case .full: .fullVerification
                case .withoutHostname: .noHostnameVerification
                case .none: .none
                }
            if let trustedCertificatesFile { configuration.trustRoots = .file(trustedCertificatesFile) }
            if let files = clientCertificate {
                let chain = try NIOSSLCertificate.fromPEMFile(files.chainFile)
                configuration.certificateChain = chain.map { .certificate($0) }
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: files.keyFile, format: .pem))
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw RedisCacheError(preparing: error, for: server)
        }
    }
}
