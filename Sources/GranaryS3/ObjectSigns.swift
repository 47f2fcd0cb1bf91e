/// What an object says of itself without its value.
struct ObjectSigns: Sendable {
    /// When the entry ends, in milliseconds since 1970; nil: never.
    var expiry: UInt64?
    /// Which conditional set made it; nil: none did.
    var creation: String?
    /// Its version, for a condition on the next one (`ETag`).
    var tag: String?
    /// The first bytes, for a name with a digest; else empty.
    var start: [UInt8]

    func hasEnded(at now: UInt64) -> Bool { expiry.map { $0 <= now } ?? false }
}

extension S3Cache {
    /// Asks about the object; nil if there is none.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked.
    func look(at name: ObjectName) async throws -> ObjectSigns? {
        var request = S3Request(method: "HEAD", name: name.text, expected: [404])
        if case .digest = name {
            request.method = "GET"
            request.headers = [("Range", "bytes=0-\(ObjectBody.longestStart - 1)")]
            request.longestAnswer = ObjectBody.longestStart
            // An object without a byte, which is no entry.
            request.expected.insert(416)
        }
        let answer = try await client.send(request).answer
        if answer.status == 404 {
            try checkThatBucketIsThere(answer)
            return nil
        }
        return ObjectSigns(
            expiry: answer.header(Self.expiryHeader).flatMap { UInt64($0) },
            creation: answer.header(Self.creationHeader),
            tag: answer.header("ETag"),
            start: answer.body
        )
    }

    /// - Throws: `S3CacheError` where a 404 says more than that an object is not there.
    func checkThatBucketIsThere(_ answer: HTTPAnswer) throws(S3CacheError) {
        let failure = S3Failure(answer, hiding: options.credentials)
        if !failure.saysThatNothingIsThere { throw failure.error(client.place) }
    }
}
