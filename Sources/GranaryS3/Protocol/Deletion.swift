internal import Crypto
internal import FoundationEssentials

/// `DeleteObjects`: many objects at once.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>.
enum Deletion {
    /// Objects in one request.
    static let limit = 1_000

    /// The request for up to `limit` objects.
    static func request(_ place: S3Place, _ names: [ObjectName]) -> S3Request {
        // Neither prefixes nor names hold characters that XML needs escapes for.
        let objects = names.map { "<Object><Key>\(place.prefix)\($0.text)</Key></Object>" }.joined()
        let body = Array(
            "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>\(objects)</Delete>".utf8
        )
        // S3 demands a checksum of what deletes; every service knows this one (RFC 1864).
        let checksum = Data(Insecure.MD5.hash(data: body)).base64EncodedString()
        return S3Request(
            method: "POST",
            query: [("delete", "")],
            headers: [("Content-MD5", checksum), ("Content-Type", "application/xml")],
            body: body,
            longestAnswer: Listing.longestAnswer
        )
    }

    /// Checks the answer, whose status does not tell.
    ///
    /// - Throws: `S3CacheError` where some object was not deleted.
    static func check(_ reply: S3Reply, _ place: S3Place) throws(S3CacheError) {
        let root = try? XMLElement(parsing: reply.answer.body)
        guard let root, root.name == "DeleteResult" else {
            throw S3CacheError(
                .malformedAnswer,
                location: place.location,
                status: reply.answer.status,
                detail: "what came does not say what was deleted; check that the endpoint is S3"
            )
        }
        guard let failed = root.children.first(where: { $0.name == "Error" }) else { return }
        let count = root.children.count { $0.name == "Error" }
        let said = plainLine(
            [failed["Code"], failed["Message"]].compactMap { $0 }.joined(separator: ": "),
            hiding: reply.credentials
        )
        let (code, remedy) = cause(failed["Code"])
        throw S3CacheError(
            code,
            location: place.location,
            status: reply.answer.status,
            detail: "\(count) objects were not deleted (\(said)); \(remedy)"
        )
    }

    private static func cause(_ code: String?) -> (S3CacheError.Code, remedy: String) {
        switch code {
        case "AccessDenied": (.accessDenied, "grant s3:DeleteObject on the objects, and try again")
        case "SlowDown", "ServiceUnavailable": (.slowDown, "ask less often, or raise the number of retries")
        case "InternalError", "OperationAborted": (.server, "try again, or raise the number of retries")
        default: (.refused, "see whether the objects are locked, and try again")
        }
    }
}
