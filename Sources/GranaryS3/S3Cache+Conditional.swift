public import Granary
internal import SegmentStore

extension S3Cache {
    /// Stores the value unless the key has an entry; false if it has one (<https://www.rfc-editor.org/rfc/rfc9110>, 13.1.2).
    /// What `get` would take for a miss, because it has ended, is damaged or somebody else's, is replaced. An object that is
    /// longer than an entry can be with this `longestValue` may be one for others and is left alone, with false; `set`
    /// replaces it.
    ///
    /// It takes one request where there is no object; where there is one, that is read whole, and replaced by a third.
    /// Of several that try at a time one succeeds, with every service that honours `If-None-Match` and `If-Match` on PUT, as
    /// S3 does (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>).
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked, or the entry cannot be stored.
    public func setIfAbsent(
        _ key: String,
        to value: CacheValue,
        options setOptions: CacheSetOptions = CacheSetOptions()
    ) async throws -> Bool {
        var request = try put(CacheEntry(key, value, options: setOptions))
        let creation = String(options.randomness(), radix: 16)
        request.headers.append((Self.creationHeader, creation))
        request.expected = [404, 412]
        var condition = ("If-None-Match", "*")
        // Each further round means that another writer changed the entry between two requests.
        for _ in 0..<Self.longestContest {
            var conditional = request
            conditional.headers.append(condition)
            let reply = try await client.send(conditional)
            if 200..<300 ~= reply.answer.status {
                figures.noteSets()
                return true
            }
            guard reply.answer.status == 412, let object = try await inTheWay(of: key) else {
                condition = ("If-None-Match", "*")
                continue
            }
            // An attempt whose answer was lost may have stored it.
            if reply.retries > 0, object.signs.creation == creation {
                figures.noteSets()
                return true
            }
            guard !object.isEntry, let tag = object.signs.tag else { return false }
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

    /// What is under the key, and whether it is an entry, or too long to be read; nil if there is nothing.
    private func inTheWay(of key: String) async throws -> (signs: ObjectSigns, isEntry: Bool)? {
        do {
            guard let object = try await fetch(key) else { return nil }
            let isEntry = object.value.map { !$0.hasEnded(at: options.clock.milliseconds()) } ?? false
            return (object.signs, isEntry)
        } catch let error as S3CacheError where error.code == .answerTooLarge {
            // A judgement of the first answer must not go with the tag of a second one.
            return try await look(at: ObjectName(key: key)).map { ($0, true) }
        }
    }
}
