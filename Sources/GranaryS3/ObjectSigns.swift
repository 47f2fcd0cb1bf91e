internal import Granary

/// What an object says of itself without its value.
struct ObjectSigns: Sendable {
    /// When the entry ends, in milliseconds since 1970; nil: never.
    var expiry: UInt64?
    /// Which conditional set made it; nil: none did.
    var creation: String?
    /// Its version, for a condition on the next one (`ETag`).
    var tag: String?
    /// The first bytes, as many as tell the key of a name with a digest.
    var start: [UInt8]

    func hasEnded(at now: UInt64) -> Bool { expiry.map { $0 <= now } ?? false }
}

extension S3Cache {
    /// Asks about the object; nil if there is none.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked.
    func look(at name: ObjectName) async throws -> ObjectSigns? {
        var length = ObjectBody.longestStart
        if case .escaped = name {
            do {
                let answer = try await client.send(S3Request(method: "HEAD", name: name.text)).answer
                return Self.signs(of: answer)
            } catch let error as S3CacheError where !error.isTransient {
                // An answer to HEAD does not say what is missing or wrong; one to GET does.
                length = 1
            }
        }
        let request = S3Request(
            method: "GET",
            name: name.text,
            headers: [("Range", "bytes=0-\(length - 1)")],
            longestAnswer: length,
            // An object without a byte, which is no entry.
            expected: [404, 416]
        )
        let answer = try await client.send(request).answer
        if answer.status == 404 { return nil }
        return Self.signs(of: answer)
    }

    /// Asks for the object under the key, whole; nil if there is none. It has no value where it is damaged or foreign.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked; `.answerTooLarge` for an object that no entry can have.
    func fetch(_ key: String) async throws -> (value: StoredValue?, signs: ObjectSigns)? {
        let name = ObjectName(key: key)
        let request = S3Request(method: "GET", name: name.text, longestAnswer: longestBody, expected: [404])
        let answer = try await client.send(request).answer
        if answer.status == 404 { return nil }
        return (ObjectBody.decode(answer.body, key: key, name: name), Self.signs(of: answer))
    }

    private static func signs(of answer: HTTPAnswer) -> ObjectSigns {
        ObjectSigns(
            expiry: answer.header(expiryHeader).flatMap { UInt64($0) },
            creation: answer.header(creationHeader),
            tag: answer.header("ETag"),
            start: answer.body
        )
    }
}
