internal import Granary

/// Credentials of an EC2 instance's role, from its metadata service, version 2: a token first, and never without one.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html>.
struct InstanceCredentials: Sendable {
    let environment: [String: String]
    let service: MetadataService

    static let name = "the instance metadata service"
    private static let usualEndpoint = "http://169.254.169.254"
    private static let tokenPath = "/latest/api/token"
    private static let rolePath = "/latest/meta-data/iam/security-credentials/"
    private static let tokenSeconds = 21_600

    /// The credentials; nil on a machine that has no such service, or no role.
    ///
    /// - Throws: `S3CacheError` where a role is there and its credentials are not to be had.
    func issue() async throws -> IssuedCredentials? {
        guard environment.value("AWS_EC2_METADATA_DISABLED")?.lowercased() != "true" else { return nil }
        var endpoint = environment.value("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? Self.usualEndpoint
        while endpoint.hasSuffix("/") { endpoint.removeLast() }
        guard let token = try await token(endpoint) else { return nil }
        let headers = [("X-aws-ec2-metadata-token", token)]
        let roles = try await service.answer(
            HTTPRequest(method: "GET", url: endpoint + Self.rolePath, headers: headers)
        )
        guard roles.status == 200, let role = Self.role(roles.body) else {
            // No role is attached to the instance.
            if roles.status == 404 || roles.status == 200 { return nil }
            throw S3CacheError.unavailable(Self.name, "answers \(roles.status); check the instance's metadata options")
        }
        let answer = try await service.answer(
            HTTPRequest(method: "GET", url: endpoint + Self.rolePath + PercentEncoding.query(role), headers: headers)
        )
        guard answer.status == 200 else {
            throw S3CacheError.unavailable(
                Self.name,
                "answers \(answer.status) for the role; check the instance's role"
            )
        }
        return try MetadataDocument.credentials(answer.body, from: Self.name)
    }

    /// nil where nothing gives one: on most machines nothing is at the address.
    private func token(_ endpoint: String) async throws -> String? {
        let lifetime = [("X-aws-ec2-metadata-token-ttl-seconds", "\(Self.tokenSeconds)")]
        let request = HTTPRequest(method: "PUT", url: endpoint + Self.tokenPath, headers: lifetime)
        let answer: HTTPAnswer
        do {
            answer = try await service.answer(request)
        } catch let error as S3CacheError where error.code != .closed {
            return nil
        }
        let token = String(decoding: answer.body, as: UTF8.self)
        guard answer.status == 200, !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return nil
        }
        return token
    }

    private static func role(_ body: [UInt8]) -> String? {
        String(decoding: body, as: UTF8.self).split(whereSeparator: \.isWhitespace).first.map(String.init)
    }
}
