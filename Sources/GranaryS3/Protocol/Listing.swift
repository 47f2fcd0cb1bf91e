/// A page of `ListObjectsV2`.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>.
struct Listing: Sendable {
    /// An object that can be an entry's.
    struct Object: Sendable {
        let name: ObjectName
        let byteCount: Int
    }

    let objects: [Object]
    /// Where the next page begins; nil behind the last one.
    let next: String?

    /// A thousand keys of 1,024 bytes, and what is said of each.
    static let longestAnswer = 8 << 20

    /// The request for the page at the place of the objects whose names begin with the text.
    static func request(_ place: S3Place, namesBeginningWith text: String, at token: String?) -> S3Request {
        // With a delimiter, what lies deeper under the prefix comes as one line and costs no pages.
        var query = [("list-type", "2"), ("delimiter", "/"), ("prefix", place.prefix + text)]
        if let token { query.append(("continuation-token", token)) }
        return S3Request(method: "GET", query: query, longestAnswer: longestAnswer)
    }

    /// Reads the answer. Objects whose names no key has belong to others and are left out.
    ///
    /// - Throws: `S3CacheError` where it is none.
    init(_ reply: S3Reply, after token: String?, _ place: S3Place) throws(S3CacheError) {
        func malformed(_ reason: String) -> S3CacheError {
            let said = plainLine(reason, hiding: reply.credentials)
            return S3CacheError(
                .malformedAnswer,
                location: place.location,
                status: reply.answer.status,
                detail: "what came is no listing of a bucket: \(said); check that the endpoint is S3"
            )
        }
        let root: XMLElement
        do throws(XMLError) {
            root = try XMLElement(parsing: reply.answer.body)
        } catch {
            throw malformed("\(error)")
        }
        guard root.name == "ListBucketResult" else { throw malformed("it is \(root.name)") }
        var objects: [Object] = []
        for content in root.children where content.name == "Contents" {
            guard let key = content["Key"], let size = content["Size"].flatMap({ Int($0) }), size >= 0 else {
                throw malformed("an object has no key or size")
            }
            guard key.hasPrefix(place.prefix), let name = ObjectName(name: String(key.dropFirst(place.prefix.count)))
            else { continue }
            objects.append(Object(name: name, byteCount: size))
        }
        self.objects = objects
        switch root["IsTruncated"] {
        case "true":
            guard let next = root["NextContinuationToken"], !next.isEmpty, next != token else {
                throw malformed("it goes on and does not say where")
            }
            self.next = next
        case "false": next = nil
        default: throw malformed("it does not say whether it goes on")
        }
    }
}
