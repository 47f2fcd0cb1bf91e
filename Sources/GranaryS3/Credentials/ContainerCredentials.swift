internal import FoundationEssentials

/// Credentials from the service that ECS, EKS Pod Identity and Greengrass run beside a container.
///
/// A token must not go to whoever a variable names: without TLS only this machine and the services' own addresses are
/// asked.
///
/// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>.
struct ContainerCredentials: Sendable {
    let environment: [String: String]
    let service: MetadataService
    /// Where relative URIs belong; tests have a server of their own.
    let host: String

    static let usualHost = "http://169.254.170.2"
    static let name = "the container credentials service"
    private static let allowedHosts = ["localhost", "169.254.170.2", "169.254.170.23", "fd00:ec2::23", "::1"]

    /// The credentials; nil where the environment names no such service.
    ///
    /// - Throws: `S3CacheError` where it names one that cannot be used or gives none.
    func issue() async throws -> IssuedCredentials? {
        guard let url = try url() else { return nil }
        var request = HTTPRequest(method: "GET", url: url)
        request.headers.append(("Accept", "application/json"))
        if let token = try token() { request.headers.append(("Authorization", token)) }
        let answer = try await service.answer(request)
        guard answer.status == 200 else {
            throw S3CacheError.unavailable(
                Self.name,
                "answers \(answer.status); check AWS_CONTAINER_CREDENTIALS_* and AWS_CONTAINER_AUTHORIZATION_TOKEN*"
            )
        }
        return try MetadataDocument.credentials(answer.body, from: Self.name)
    }

    private func url() throws(S3CacheError) -> String? {
        if let path = environment.value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            guard path.hasPrefix("/"), path.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw .unavailable(Self.name, "cannot be asked: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path")
            }
            return host + path
        }
        guard let url = environment.value("AWS_CONTAINER_CREDENTIALS_FULL_URI") else { return nil }
        guard Self.isAllowed(url) else {
            throw .unavailable(
                Self.name,
                "cannot be asked: AWS_CONTAINER_CREDENTIALS_FULL_URI has to be https, or http on a loopback address, "
                    + "169.254.170.2, 169.254.170.23 or [fd00:ec2::23]"
            )
        }
        return url
    }

    static func isAllowed(_ url: String) -> Bool {
        guard let parts = URLComponents(string: url), parts.user == nil, parts.password == nil,
            var host = parts.host?.lowercased(), !host.isEmpty
        else { return false }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        switch parts.scheme?.lowercased() {
        case "https": return true
        case "http": return allowedHosts.contains(host) || isLoopback(host)
        default: return false
        }
    }

    /// Whether it is an address in 127.0.0.0/8; a name that only begins like one is not.
    private static func isLoopback(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127"
            && parts.allSatisfy { part in part.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8(part) != nil }
    }

    /// The token is read anew each time: the file's content changes.
    private func token() throws(S3CacheError) -> String? {
        let token: String
        if let path = environment.value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            guard let data = try? Data(contentsOf: URL(filePath: path)), data.count <= 1 << 16 else {
                throw .unavailable(Self.name, "cannot be asked: \(path), which has the token for it, cannot be read")
            }
            token = String(decoding: data, as: UTF8.self)
        } else if let text = environment.value("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            token = text
        } else {
            return nil
        }
        guard token.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw .unavailable(Self.name, "cannot be asked: the token for it holds characters that no header can")
        }
        return token
    }
}
