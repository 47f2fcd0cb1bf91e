internal import Granary

/// What S3 says of a request that it did not carry out.
///
///     <Error><Code>NoSuchBucket</Code><Message>…</Message><Region>…</Region>…</Error>
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
struct S3Failure {
    let status: Int
    /// Empty where the answer has none, as every answer to HEAD.
    let code: String
    let message: String
    /// Where the bucket is, from the header or the body.
    let region: String?
    let redirection: String?
    let serverTime: String?
    private let hasBody: Bool

    init(_ answer: HTTPAnswer, hiding credentials: S3Credentials?) {
        let error = try? XMLElement(parsing: answer.body)
        func plain(_ text: String?) -> String? { text.map { plainLine($0, hiding: credentials) } }
        status = answer.status
        hasBody = !answer.body.isEmpty
        code = plain(error?["Code"]) ?? ""
        message = plain(error?["Message"]) ?? ""
        let region = plain(answer.header("x-amz-bucket-region") ?? error?["Region"])
        self.region = region.flatMap { Region.isValid($0) ? $0 : nil }
        redirection = plain(answer.header("Location") ?? error?["Endpoint"])
        serverTime = plain(error?["ServerTime"] ?? answer.header("Date"))
    }

    /// Whether that says that there is no such object, and not that something else is missing, or that somebody answers who
    /// speaks another language.
    var saysThatNothingIsThere: Bool { status == 404 && code != "NoSuchBucket" && (!code.isEmpty || !hasBody) }

    func error(_ place: S3Place) -> S3CacheError {
        let (errorCode, remedy) = cause(place)
        let said = [code, message].filter { !$0.isEmpty }.joined(separator: ": ")
        return S3CacheError(
            errorCode,
            location: place.location,
            status: status,
            region: errorCode == .wrongRegion ? region : nil,
            detail: "S3 answers \(status)\(said.isEmpty ? "" : " (\(said))"); \(remedy)"
        )
    }

    private func cause(_ place: S3Place) -> (S3CacheError.Code, remedy: String) {
        if let region, region != place.region, [301, 307, 400, 403].contains(status), code != "AccessDenied" {
            return (.wrongRegion, "the bucket is in another region: set the region to \(region)")
        }
        switch code {
        case "InvalidAccessKeyId":
            return (.unknownAccessKey, "check the access key (AWS_ACCESS_KEY_ID) and that it is for this endpoint")
        case "SignatureDoesNotMatch":
            return (
                .signatureMismatch,
                "check the secret key (AWS_SECRET_ACCESS_KEY): it does not belong to the access key"
            )
        case "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "ExpiredTokenException":
            return (.expiredCredentials, "the session has ended: get new credentials (AWS_SESSION_TOKEN among them)")
        case "RequestTimeTooSkewed", "RequestExpired":
            let time = serverTime.map { ", which S3 says is \($0)" } ?? ""
            return (.clockSkew, "this machine's clock is wrong: set it to the time\(time), such as by NTP")
        case "NoSuchBucket":
            return (.noSuchBucket, "create the bucket \(place.bucket), or check its name and the endpoint")
        case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
            return (.wrongRegion, "the bucket may be in another region than \(place.region): set its region")
        case "SlowDown", "TooManyRequests", "RequestLimitExceeded", "ServiceUnavailable", "Throttling":
            return (.slowDown, "ask less often, or raise the number of retries")
        // The body did not arrive in time; a condition met another writer.
        case "RequestTimeout", "ConditionalRequestConflict", "OperationAborted":
            return (.server, "try again")
        default: return causeByStatus(place)
        }
    }

    private func causeByStatus(_ place: S3Place) -> (S3CacheError.Code, remedy: String) {
        switch status {
        case 300..<400:
            return (
                .redirected,
                "the service sends elsewhere\(redirection.map { " (\($0))" } ?? ""), which is not followed; check "
                    + "region and endpoint"
            )
        case 401, 403:
            return (
                .accessDenied,
                "grant s3:GetObject, s3:PutObject and s3:DeleteObject on the objects, and s3:ListBucket on the bucket, "
                    + "without which S3 denies access to what is not there, too"
            )
        case 404: return (.malformedAnswer, "check that the endpoint is S3, and the path in it")
        case 429, 503: return (.slowDown, "ask less often, or raise the number of retries")
        case 500...: return (.server, "try again, or raise the number of retries")
        case 200..<300: return (.malformedAnswer, "check that the endpoint is S3")
        default: return (.refused, "check endpoint, bucket and region")
        }
    }
}

/// A text from outside as one short line that is harmless to a terminal and a log, without the credentials.
func plainLine(_ text: String, hiding credentials: S3Credentials?) -> String {
    plainLine(credentials?.redacted(from: text) ?? text)
}
