public import FoundationEssentials
public import Granary
internal import Logging
internal import SegmentStore

/// A strategy that keeps each entry in an object of its own in a bucket of S3, or of a service that speaks its protocol.
///
/// ```swift
/// let cache = try S3Cache(bucket: "answers", options: S3CacheOptions(region: "eu-west-1"))
/// try await cache.set("question", to: CacheValue(Array("answer".utf8), coding: .text))
/// let isNew = try await cache.setIfAbsent("question", to: CacheValue(Array("other".utf8), coding: .text))
/// try await cache.close()
/// ```
///
/// Or by a URL, with a service of one's own:
///
/// ```swift
/// let cache = try S3Cache(url: "s3://answers/team/?endpoint=http://localhost:9000&region=us-east-1")
/// ```
///
/// Any number of processes and machines may use one prefix. `get` and `set` take one request each; nothing is listed for
/// them. S3 shows a set to every get that begins after it
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>).
///
/// Credentials come from the options, else from the first of these that has some: `AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; the profile of `AWS_PROFILE`, or `default`, in the shared files
/// (`~/.aws/credentials`, `~/.aws/config`, or where `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` say); the container
/// credentials service (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `_FULL_URI`); the instance metadata service, version 2.
/// They are looked for with the first request, and renewed five minutes before they end. They are sent to the endpoint and
/// nowhere else, and no description, log or error holds them.
public final class S3Cache: ManagedCacheStrategy, CustomReflectable {
    let client: S3Client
    let options: S3CacheOptions
    let figures = CacheFigures()

    /// Metadata that says when the entry ends, in milliseconds since 1970.
    static let expiryHeader = "x-amz-meta-granary-expiry"
    /// Metadata that says which conditional set made the object.
    static let creationHeader = "x-amz-meta-granary-creation"

    /// Opens the cache in the bucket, under the prefix; nothing is sent yet.
    ///
    /// - Parameters:
    ///   - bucket: The bucket, which has to exist.
    ///   - prefix: What the names of all objects begin with; a slash is added to it unless it is empty. Caches with other
    ///     prefixes, those below this one among them, do not see each other's entries.
    ///   - options: Everything else.
    /// - Throws: `S3CacheError` where any of that cannot be used, or nothing says in which region the bucket is.
    public init(
        bucket: String,
        prefix: String = "granary/",
        options: S3CacheOptions = S3CacheOptions()
    ) throws(S3CacheError) {
        guard options.concurrency > 0, options.longestValue > 0, options.retries.maxRetries >= 0 else {
            throw .invalid(bucket, "concurrency and longest value have to be above 0, and retries no fewer than 0")
        }
        self.options = options
        client = S3Client(try S3Place(bucket: bucket, prefix: prefix, options), options)
    }

    /// Opens the cache at a URL: `s3://BUCKET`, `s3://BUCKET/PREFIX`, with any of `region`, `endpoint`, `addressing`
    /// (`path` or `virtual`) and `profile` behind a question mark.
    ///
    /// - Parameters:
    ///   - url: The URL; what it says goes before the options.
    ///   - environment: The environment variables, in place of those in the options.
    ///   - options: Everything else.
    /// - Throws: `S3CacheError` where the URL is none of those; secrets have no place in it.
    public convenience init(
        url: String,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        options: S3CacheOptions = S3CacheOptions()
    ) throws(S3CacheError) {
        let parsed = try S3URL(url)
        var options = options
        options.environment = environment
        options.region = parsed.region ?? options.region
        options.endpoint = parsed.endpoint ?? options.endpoint
        options.addressing = parsed.addressing ?? options.addressing
        options.profile = parsed.profile ?? options.profile
        try self.init(bucket: parsed.bucket, prefix: parsed.prefix ?? "granary/", options: options)
    }

    /// Nothing: a dump would otherwise show the environment.
    public var customMirror: Mirror { Mirror(self, children: []) }

    // MARK: CacheStrategy

    /// The value of the key, by one request.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked.
    public func get(_ key: String) async throws -> CacheValue? { try await hit(key)?.value }

    /// The values of many keys, by a request for each, as many at a time as the options say.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked.
    public func get(_ keys: [String]) async throws -> [CacheValue?] { try await hits(keys).map { $0?.value } }

    /// The value of the key, and when it ends.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked.
    public func hit(_ key: String) async throws -> CacheHit? {
        let found = (1...ObjectBody.longestKey).contains(key.utf8.count) ? try await find(key) : .nothing
        switch found {
        case .value(let stored):
            figures.noteHit()
            return CacheHit(stored.value, end: stored.expiry.map(CacheHit.End.at) ?? .never)
        case .nothing: figures.noteMiss()
        case .damaged: figures.noteMiss(isDamaged: true)
        }
        return nil
    }

    /// The same for many keys, by a request for each, as many at a time as the options say.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked.
    public func hits(_ keys: [String]) async throws -> [CacheHit?] {
        try await concurrently(keys, atOnce: options.concurrency) { try await self.hit($0) }
    }

    private enum Found {
        case value(StoredValue)
        case nothing
        case damaged
    }

    private func find(_ key: String) async throws -> Found {
        do {
            guard let object = try await fetch(key) else { return .nothing }
            guard let stored = object.value else { return .damaged }
            return stored.hasEnded(at: options.clock.milliseconds()) ? .nothing : .value(stored)
        } catch let error as S3CacheError where error.code == .answerTooLarge {
            return .damaged
        }
    }

    /// Bytes of the largest object that an entry can have.
    var longestBody: Int { options.longestValue.addingCapped(StoredValue.headerLength + ObjectBody.longestStart) }

    /// Stores the value under the key, which has 1 to 65,535 bytes of UTF-8, by one request. The tag is ignored.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked, or the entry cannot be stored.
    public func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws {
        _ = try await client.send(try put(CacheEntry(key, value, options: options)))
        figures.noteSets()
    }

    /// Stores many entries, by a request for each, as many at a time as the options say.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked, or an entry cannot be stored; some may be stored.
    public func set(_ entries: [CacheEntry]) async throws {
        // Of two with one key the later one counts; side by side either could.
        var last: [String: CacheEntry] = [:]
        for entry in entries { last[ObjectName(key: entry.key).text] = entry }
        let requests = try last.values.map { try put($0) }
        _ = try await concurrently(requests, atOnce: options.concurrency) { request in
            _ = try await self.client.send(request)
        }
        figures.noteSets(entries.count)
    }

    /// The request that stores the entry.
    func put(_ entry: CacheEntry) throws(S3CacheError) -> S3Request {
        let keyLength = entry.key.utf8.count
        guard (1...ObjectBody.longestKey).contains(keyLength) else {
            throw S3CacheError(
                .invalidKey,
                location: client.place.location,
                detail: "a key of \(keyLength) bytes; use 1 to \(ObjectBody.longestKey)"
            )
        }
        let length = entry.value.bytes.count
        guard length <= options.longestValue else {
            throw S3CacheError(
                .valueTooLarge,
                location: client.place.location,
                detail: "a value of \(length) bytes; store less under one key, or raise longestValue"
            )
        }
        let name = ObjectName(key: entry.key)
        let expiry = entry.options.expiry?.milliseconds(now: options.clock.milliseconds())
        let body = ObjectBody.encode(StoredValue(entry.value, expiry: expiry), key: entry.key, name: name)
        var headers = [("Content-Type", "application/octet-stream")]
        if let expiry { headers.append((Self.expiryHeader, "\(expiry)")) }
        return S3Request(method: "PUT", name: name.text, headers: headers, body: body)
    }
}
