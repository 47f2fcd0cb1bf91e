public import Granary
internal import SegmentStore

extension S3Cache {
    /// Stores the value unless the key has an entry; false if it has one (<https://www.rfc-editor.org/rfc/rfc9110>, 13.1.2).
    ///
    /// Of several that try at a time one succeeds, with every service that honours `If-None-Match` and `If-Match` on PUT, as
    /// S3 does (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>).
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked, or the entry cannot be stored.
    public func setIfAbsent(
        _ key: String,
        to value: CacheValue,
        options setOptions: CacheSetOptions = CacheSetOptions()
    ) async throws -> Bool {
        let name = ObjectName(key: key)
        var request = try put(CacheEntry(key, value, options: setOptions))
        let creation = String(options.randomness(), radix: 16)
        request.headers.append((Self.creationHeader, creation))
        request.expected = [404, 412]
        var condition = ("If-None-Match", "*")
        // Each further round means that another writer changed the entry between two requests.
        for _ in 0..<Self.longestContest {
            var conditional = request
            conditional.headers.append(condition)
            let (answer, retries) = try await client.send(conditional)
            if 200..<300 ~= answer.status {
                figures.noteSets()
                return true
            }
            if answer.status == 404 { try checkThatBucketIsThere(answer) }
            guard answer.status == 412, let object = try await look(at: name) else {
                condition = ("If-None-Match", "*")
                continue
            }
            // An attempt whose answer was lost may have stored it.
            if retries > 0, object.creation == creation {
                figures.noteSets()
                return true
            }
            guard object.hasEnded(at: options.clock.milliseconds()), let tag = object.tag else { return false }
            condition = ("If-Match", tag)
        }
        throw S3CacheError(
            .refused,
            location: client.place.location,
            detail:
                "others changed the entry \(Self.longestContest) times while it was to be stored; try again, or check that "
                + "the endpoint honours If-None-Match and If-Match"
        )
    }

    private static let longestContest = 8
}
