internal import Granary

/// Why a dataset of the Hugging Face Hub could not be read.
public enum HuggingFaceError: Error, RetriableError, Sendable, Hashable, CustomStringConvertible {
    // What was asked for.
    /// The text names no dataset.
    case invalidReference(String)
    /// The viewer's base URL cannot be used.
    case invalidBaseURL(reason: String)
    /// The token holds characters that no header can.
    case invalidToken
    /// The dataset is gated, private, or does not exist (401, 403).
    case noAccess(dataset: String, hasToken: Bool, status: Int, message: String)
    /// There is no such dataset, or the viewer does not have it (404).
    case notFound(dataset: String, hasToken: Bool, message: String)
    /// The dataset has no such configuration or split.
    case noSplit(dataset: String, asked: String, available: [String])
    /// The viewer is still preparing the configuration that was asked for, or some while none was.
    case notReady(dataset: String, asked: String?, pending: [String], available: [String])
    /// The viewer could not read the configuration that was asked for, or some while none was.
    case unreadable(dataset: String, asked: String?, failed: [String], available: [String], message: String)
    /// The viewer cannot show the dataset.
    case unavailable(dataset: String, message: String)

    // What the dataset holds.
    /// A column that is needed is not there; nil: none of the usual names.
    case noColumn(dataset: String, field: String, column: String?, available: [String])
    /// The viewer has cut the cell, so that the conversation is not whole.
    case truncatedCell(dataset: String, row: Int, column: String)
    /// The cell holds something else than it must.
    case unusableCell(dataset: String, row: Int, column: String, problem: String)
    /// Between two pages the dataset became another.
    case changed(dataset: String)

    // How the viewer answered.
    /// The viewer does not take the request as it is (another 4xx).
    case badRequest(status: Int, message: String)
    /// The viewer sends elsewhere; the token goes to the configured host only, so that is not followed.
    case redirected(status: Int, location: String)
    /// Too many requests (429); the viewer may say how long to wait.
    case rateLimited(retryAfter: Duration?, message: String)
    /// The viewer fails (5xx, 408); it may say how long to wait.
    case server(status: Int, retryAfter: Duration? = nil, message: String)
    /// No whole answer within the time.
    case timedOut(after: Duration)
    /// The connection could not be made, or broke.
    case connection(String)
    /// What came is no answer of a dataset viewer.
    case malformed(String)
    /// The answer is longer than a list of splits or so many rows may be.
    case tooLarge(limit: Int)

    /// Whether the same request may well succeed when it is sent again.
    public var isTransient: Bool {
        switch self {
        case .notReady, .rateLimited, .server, .timedOut, .connection, .malformed: true
        default: false
        }
    }

    var retryAfter: Duration? {
        switch self {
        case .rateLimited(let wait, _), .server(_, let wait, _): wait
        default: nil
        }
    }

    /// One line that says what happened, and what to do about it where something can be done.
    ///
    /// What comes from outside is made harmless to a terminal.
    public var description: String { plainLine(text, atMost: 1_000) }

    private var text: String {
        switch self {
        case .invalidReference(let problem):
            "\(problem); it must be like hf:owner/name or hf:owner/name?config=de&split=test"
        case .invalidBaseURL(let reason):
            "the dataset viewer's base URL \(reason); it must be like \(HuggingFaceEndpoint.standardURL)"
        case .invalidToken: "HF_TOKEN holds characters that no token has, such as a line end"
        case .noAccess(let dataset, false, let status, let message):
            "\(dataset) does not exist, or is gated or private (\(status)\(Self.quoted(message))); check the name, or accept "
                + "its terms on its page and set HF_TOKEN"
        case .noAccess(let dataset, true, let status, let message):
            "the server refuses HF_TOKEN for \(dataset) (\(status)\(Self.quoted(message))); check the token, and that its "
                + "account has accepted the dataset's terms"
        case .notFound(let dataset, let hasToken, let message):
            "there is no dataset \(dataset) (404\(Self.quoted(message))); check the name"
                + (hasToken ? ", and that the account of HF_TOKEN may read it" : "")
        case .noSplit(let dataset, let asked, let available):
            "\(dataset) has no \(asked); there are \(Self.list(available))"
        case .notReady(let dataset, let asked?, _, _):
            "the dataset viewer is still preparing configuration \(asked) of \(dataset); run again later"
        case .notReady(let dataset, nil, let pending, let available):
            "the dataset viewer is still preparing configurations of \(dataset) (\(Self.list(pending))); run again later, or "
                + "say which one is meant with ?config=; there are \(Self.list(available))"
        case .unreadable(let dataset, let asked?, _, _, let message):
            "the dataset viewer could not read configuration \(asked) of \(dataset)\(Self.quoted(message)); download it and "
                + "give the file instead"
        case .unreadable(let dataset, nil, let failed, let available, let message):
            "the dataset viewer could not read configurations of \(dataset) (\(Self.list(failed))\(Self.quoted(message))); "
                + "say which one is meant with ?config=; there are \(Self.list(available))"
        case .unavailable(let dataset, let message):
            "the dataset viewer cannot show \(dataset)\(Self.quoted(message)); download it and give the file instead"
        case .noColumn(let dataset, let field, let column?, let available):
            "\(dataset) has no column \(column) for \(field); there are \(Self.list(available))"
        case .noColumn(let dataset, let field, nil, let available):
            "\(dataset) has no column that is known to hold \(field); there are \(Self.list(available)); say which it is, "
                + "such as \(field)=\(available.first ?? "name")"
        case .truncatedCell(let dataset, let row, let column):
            "row \(row) of \(dataset): the dataset viewer has cut \(column), so that the conversation is not whole; "
                + "download the dataset and give the file instead, or read no more than \(row) conversations"
        case .unusableCell(let dataset, let row, let column, let problem):
            "row \(row) of \(dataset): \(column) is \(problem); another column may be meant"
        case .changed(let dataset): "\(dataset) has changed while it was read; run again"
        case .badRequest(let status, let message):
            "the dataset viewer refuses the request (\(status)\(Self.quoted(message)))"
        case .redirected(let status, let location):
            "the dataset viewer sends elsewhere (\(status)), which is not followed; its base URL may have to be \(location)"
        case .rateLimited(let wait?, let message):
            "too many requests to the dataset viewer (429\(Self.quoted(message))); it asks to wait \(wait.inSeconds)"
        case .rateLimited(nil, let message):
            "too many requests to the dataset viewer (429\(Self.quoted(message))); run again later, with HF_TOKEN set "
                + "more are allowed"
        case .server(let status, _, let message):
            "the dataset viewer fails (\(status)\(Self.quoted(message))); run again later"
        case .timedOut(let limit): "the dataset viewer gave no whole answer within \(limit.inSeconds)"
        case .connection(let message): "the connection to the dataset viewer failed: \(message)"
        case .malformed(let message):
            "what came is no answer of a dataset viewer: \(message); check the base URL (GRANARY_HF_ENDPOINT)"
        case .tooLarge(let limit):
            "an answer of the dataset viewer is longer than \(limit) bytes; download the dataset and give the file instead"
        }
    }

    /// The same error with each text that a server may have given changed.
    func mappingTexts(_ change: (String) -> String) -> HuggingFaceError {
        switch self {
        case .invalidReference, .invalidBaseURL, .invalidToken, .changed, .timedOut, .tooLarge: self
        case .noAccess(let dataset, let hasToken, let status, let message):
            .noAccess(dataset: dataset, hasToken: hasToken, status: status, message: change(message))
        case .notFound(let dataset, let hasToken, let message):
            .notFound(dataset: dataset, hasToken: hasToken, message: change(message))
        case .noSplit(let dataset, let asked, let available):
            .noSplit(dataset: dataset, asked: asked, available: available.map(change))
        case .notReady(let dataset, let asked, let pending, let available):
            .notReady(dataset: dataset, asked: asked, pending: pending.map(change), available: available.map(change))
        case .unreadable(let dataset, let asked, let failed, let available, let message):
            .unreadable(
                dataset: dataset,
                asked: asked,
                failed: failed.map(change),
                available: available.map(change),
                message: change(message)
            )
        case .unavailable(let dataset, let message): .unavailable(dataset: dataset, message: change(message))
        case .noColumn(let dataset, let field, let column, let available):
            .noColumn(dataset: change(dataset), field: field, column: column, available: available.map(change))
        case .truncatedCell(let dataset, let row, let column):
            .truncatedCell(dataset: change(dataset), row: row, column: change(column))
        case .unusableCell(let dataset, let row, let column, let problem):
            .unusableCell(dataset: change(dataset), row: row, column: change(column), problem: change(problem))
        case .badRequest(let status, let message): .badRequest(status: status, message: change(message))
        case .redirected(let status, let location): .redirected(status: status, location: change(location))
        case .rateLimited(let wait, let message): .rateLimited(retryAfter: wait, message: change(message))
        case .server(let status, let wait, let message):
            .server(status: status, retryAfter: wait, message: change(message))
        case .connection(let message): .connection(change(message))
        case .malformed(let message): .malformed(change(message))
        }
    }

    private static func quoted(_ message: String) -> String { message.isEmpty ? "" : ": \(message)" }

    /// Enough to choose from, in one line.
    private static func list(_ names: [String]) -> String {
        let most = 12
        guard !names.isEmpty else { return "none" }
        let rest = names.count > most ? " and \(names.count - most) more" : ""
        return names.prefix(most).joined(separator: ", ") + rest
    }
}
