internal import SegmentStore

/// The places where credentials may be, in the order of the AWS SDKs: environment, shared profile, container, instance.
///
/// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>.
struct CredentialChain: Sendable {
    let environment: [String: String]
    /// A profile that was named, and nothing else.
    let profile: String?
    let container: ContainerCredentials
    let instance: InstanceCredentials

    /// Short: on other machines nothing answers at that address, and each program that has no credentials waits for it.
    static let instanceTimeout = Duration.seconds(1)
    static let containerTimeout = Duration.seconds(2)

    init(
        _ options: S3CacheOptions,
        transport: HTTPTransport,
        containerHost: String = ContainerCredentials.usualHost,
        containerTimeout: Duration = Self.containerTimeout,
        instanceTimeout: Duration = Self.instanceTimeout
    ) {
        environment = options.environment
        profile = options.profile
        var retries = options.retries
        retries.maxRetries = min(retries.maxRetries, 2)
        container = ContainerCredentials(
            environment: environment,
            service: MetadataService(
                name: ContainerCredentials.name,
                transport: transport,
                retries: retries,
                timeout: containerTimeout
            ),
            host: containerHost
        )
        instance = InstanceCredentials(
            environment: environment,
            service: MetadataService(
                name: InstanceCredentials.name,
                transport: transport,
                retries: retries,
                timeout: instanceTimeout
            )
        )
    }

    /// Credentials from the first place that has some.
    ///
    /// - Throws: `S3CacheError` where none has, or one has what cannot be used.
    func issue() async throws -> IssuedCredentials {
        if profile == nil, let credentials = try environmentCredentials() {
            return IssuedCredentials(credentials: credentials)
        }
        if let credentials = try SharedProfile.load(profile, environment: environment)?.credentials() {
            return IssuedCredentials(credentials: credentials)
        }
        if let profile {
            throw S3CacheError(
                .noCredentials,
                location: "s3",
                detail: "profile \(plainLine(profile, hiding: nil)) has no credentials; add aws_access_key_id and "
                    + "aws_secret_access_key to it"
            )
        }
        if let issued = try await container.issue() { return issued }
        if let issued = try await instance.issue() { return issued }
        throw S3CacheError(
            .noCredentials,
            location: "s3",
            detail:
                "no credentials are in the options, the environment, the shared files, or at a container's or instance's "
                + "metadata service; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )
    }

    private func environmentCredentials() throws(S3CacheError) -> S3Credentials? {
        let accessKey = environment.value("AWS_ACCESS_KEY_ID")
        let secretKey = environment.value("AWS_SECRET_ACCESS_KEY")
        if let accessKey, let secretKey {
            return try S3Credentials(
                accessKey: accessKey,
                secretKey: secretKey,
                sessionToken: environment.value("AWS_SESSION_TOKEN")
            )
        }
        guard accessKey == nil, secretKey == nil else {
            throw S3CacheError(
                .noCredentials,
                location: "s3",
                detail: "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set; set both or neither"
            )
        }
        return nil
    }
}
