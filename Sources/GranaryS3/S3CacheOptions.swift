public import FoundationEssentials
public import SegmentStore

/// How a cache in S3 is opened.
///
/// What is not given here is looked for in the environment, then in the shared profile files: the region in `AWS_REGION`,
/// `AWS_DEFAULT_REGION` and `region`, the endpoint in `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` and `endpoint_url`.
/// Credentials are looked for as ``S3Cache`` says.
public struct S3CacheOptions: Sendable, CustomReflectable {
    /// How the bucket is named in requests
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>).
    public enum Addressing: Sendable, Equatable {
        /// In the path.
        case path
        /// In the host.
        case virtualHosted
    }

    /// The bucket's region; with an endpoint of one's own `us-east-1` unless something says otherwise.
    public var region: String?
    /// The service's URL, for services other than AWS's own.
    public var endpoint: String?
    /// How the bucket is named; nil: in the path with an endpoint of one's own or a dot in its name, else in the host.
    public var addressing: Addressing?
    /// Credentials; nil: they are looked for.
    public var credentials: S3Credentials?
    /// The profile in the shared files to take credentials from, and nothing else; nil: that of `AWS_PROFILE`, or
    /// `default`, in its turn.
    public var profile: String?
    /// The environment variables.
    public var environment: [String: String]
    /// Requests in flight at most; further ones wait for their turn. A connection is kept for each.
    public var concurrency: Int
    /// For how long nothing may come or go of one request, connecting included; each retry has it anew. A value may take
    /// longer, a second more for each 64 KiB of it, so that a large one comes over a slow line. What is being sent lies in
    /// buffers of this machine unseen, up to 4 MiB of it: a service that stops taking or answering it is noticed later by the
    /// seconds for that, but by no more than sending took so far and the timeout once more.
    public var timeout: Duration
    /// When a request that failed is sent again.
    public var retries: S3RetryPolicy
    /// The most bytes of a value, which is held in memory whole. One that is larger is not stored, and is a miss.
    public var longestValue: Int
    /// The clock that expiry is measured by and requests are signed with.
    public var clock: StoreClock
    /// Where the numbers come from by which a conditional set knows its own object: 64 random bits a call.
    public var randomness: @Sendable () -> UInt64

    /// The given options, or the defaults.
    public init(
        region: String? = nil,
        endpoint: String? = nil,
        addressing: Addressing? = nil,
        credentials: S3Credentials? = nil,
        profile: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        concurrency: Int = 64,
        timeout: Duration = .seconds(15),
        retries: S3RetryPolicy = S3RetryPolicy(),
        longestValue: Int = 256 << 20,
        clock: StoreClock = .system,
        randomness: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
    ) {
        self.region = region
        self.endpoint = endpoint
        self.addressing = addressing
        self.credentials = credentials
        self.profile = profile
        self.environment = environment
        self.concurrency = concurrency
        self.timeout = timeout
        self.retries = retries
        self.longestValue = longestValue
        self.clock = clock
        self.randomness = randomness
    }

    /// Without the environment, in which secrets are.
    public var customMirror: Mirror {
        Mirror(
            self,
            children: [
                "region": region as Any, "endpoint": endpoint as Any, "profile": profile as Any,
                "concurrency": concurrency, "timeout": timeout, "longestValue": longestValue,
            ]
        )
    }
}
