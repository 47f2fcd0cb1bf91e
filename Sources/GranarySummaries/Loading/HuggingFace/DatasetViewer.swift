internal import Granary

/// A row as the viewer shows it.
struct DatasetRow: Sendable {
    /// Its place in the split, counted from 0.
    var number: Int
    var cells: JSONObject
    var truncatedCells: [String]
}

/// Rows that follow one another.
struct DatasetPage: Sendable {
    var columns: [String]
    var rows: [DatasetRow]
    /// Rows of the split.
    var total: Int
    /// The viewer has only the split's first rows, which are the total.
    var isPartial: Bool
    /// The dataset's revision, where the viewer tells it.
    var revision: String?
}

/// A configuration and one of its splits.
struct DatasetSplit: Sendable, Hashable {
    var config: String
    var split: String
}

/// The requests to a dataset viewer.
struct DatasetViewer: Sendable {
    /// The most rows that it gives at once.
    static let pageLength = 100
    /// The most bytes that the list of splits may have.
    private static let maxSplitsBytes = 4 << 20
    /// The most bytes that so many rows may have. A viewer cuts cells long before.
    private static func maxRowsBytes(_ count: Int) -> Int { min(64 << 20, (count + 4) << 20) }

    private let endpoint: HuggingFaceEndpoint
    private let dataset: String
    private let retries: RetryPolicy
    private let transport: HTTPTransport

    init(_ endpoint: HuggingFaceEndpoint, dataset: String, retries: RetryPolicy, timeout: Duration) {
        self.endpoint = endpoint
        self.dataset = dataset
        self.retries = retries
        transport = HTTPTransport(
            key: endpoint.token,
            timeout: timeout,
            maxReplyBytes: Self.maxSplitsBytes,
            connections: 1
        )
    }

    /// The splits, in the dataset's order.
    ///
    /// - Throws: `HuggingFaceError.notReady` or `.unreadable` where the viewer lacks the configuration, or any while none
    ///   is asked for: the first that it has may not be the dataset's first.
    func splits(config asked: String?) async throws -> [DatasetSplit] {
        try await ask("splits", [], atMost: Self.maxSplitsBytes) { reply throws(HuggingFaceError) in
            guard case .array(let elements)? = reply.json["splits"] else { throw .malformed("it has no splits") }
            let splits = try elements.map { element throws(HuggingFaceError) in
                guard let config = element["config"]?.text, let split = element["split"]?.text else {
                    throw .malformed("a split has no config or no name")
                }
                return DatasetSplit(config: config, split: split)
            }
            if let asked, splits.contains(where: { $0.config == asked }) { return splits }
            func missing(_ list: String) -> [JSONValue] {
                guard case .array(let elements)? = reply.json[list] else { return [] }
                return elements.filter { asked == nil || $0["config"]?.text ?? asked == asked }
            }
            func names(_ elements: [JSONValue]) -> [String] { elements.compactMap { $0["config"]?.text } }
            var seen: Set<String> = []
            let available = splits.map(\.config).filter { seen.insert($0).inserted }
            let pending = missing("pending")
            guard pending.isEmpty else {
                throw .notReady(dataset: dataset, asked: asked, pending: names(pending), available: available)
            }
            let failed = missing("failed")
            if let failure = failed.first {
                let message = plain(failure["error"]?["error"]?.text ?? "")
                guard asked != nil || !splits.isEmpty else { throw .unavailable(dataset: dataset, message: message) }
                throw .unreadable(
                    dataset: dataset,
                    asked: asked,
                    failed: names(failed),
                    available: available,
                    message: message
                )
            }
            return splits
        }
    }

    /// The rows from an offset on, so many at most.
    func rows(of split: DatasetSplit, from offset: Int, count: Int) async throws -> DatasetPage {
        let parameters = [
            ("config", split.config), ("split", split.split), ("offset", "\(offset)"), ("length", "\(count)"),
        ]
        return try await ask("rows", parameters, atMost: Self.maxRowsBytes(count)) { reply throws(HuggingFaceError) in
            try DatasetPage(reply.json, from: offset, atMost: count, revision: reply.revision)
        }
    }

    private struct Answer {
        var json: JSONValue
        var revision: String?
    }

    /// Asks and reads, again where either fails in a way that may pass.
    private func ask<Result>(
        _ name: String,
        _ parameters: [(String, String)],
        atMost maxBytes: Int,
        _ read: (Answer) throws(HuggingFaceError) -> Result
    ) async throws -> Result {
        let query = ([("dataset", dataset)] + parameters)
            .map { "\($0)=\(PercentEncoding.query($1))" }.joined(separator: "&")
        let url = "\(endpoint.baseURL)/\(name)?\(query)"
        return try await retries.run(retrying: HuggingFaceError.self) {
            let reply = try await get(url, atMost: maxBytes)
            guard reply.status == 200 else { throw failure(reply) }
            let json: JSONValue
            do throws(JSONError) {
                json = try JSONValue(json: reply.body)
            } catch {
                throw HuggingFaceError.malformed("\(error)")
            }
            return try read(Answer(json: json, revision: reply.revision))
        }
    }

    private func get(_ url: String, atMost maxBytes: Int) async throws -> HTTPReply {
        do {
            return try await transport.get(url, atMost: maxBytes)
        } catch HTTPFailure.timedOut(let limit) {
            throw HuggingFaceError.timedOut(after: limit)
        } catch HTTPFailure.connection(let message) {
            throw HuggingFaceError.connection(message)
        } catch HTTPFailure.tooLarge(let limit) {
            throw HuggingFaceError.tooLarge(limit: limit)
        }
    }

    private func failure(_ reply: HTTPReply) -> HuggingFaceError {
        let error = (try? JSONValue(json: reply.body))?["error"]
        let message = plain(error?.text ?? error?["message"]?.text ?? "")
        let hasToken = endpoint.token != nil
        return switch reply.status {
        case 300..<400: .redirected(status: reply.status, location: plain(reply.location ?? ""))
        case 401, 403: .noAccess(dataset: dataset, hasToken: hasToken, status: reply.status, message: message)
        case 404: .notFound(dataset: dataset, hasToken: hasToken, message: message)
        case 429: .rateLimited(retryAfter: retries.retryAfter(reply.retryAfter), message: message)
        case 501: .unavailable(dataset: dataset, message: message)
        case 408, 500...:
            .server(status: reply.status, retryAfter: retries.retryAfter(reply.retryAfter), message: message)
        case 400..<500: .badRequest(status: reply.status, message: message)
        default: .malformed("status \(reply.status)")
        }
    }

    /// The text without the token.
    func redacted(_ text: String) -> String { endpoint.token?.redacted(from: text) ?? text }

    private func plain(_ text: String) -> String { plainLine(text, key: endpoint.token) }
}

extension DatasetPage {
    /// - Throws: `HuggingFaceError.malformed` for anything but the rows that were asked for.
    init(_ json: JSONValue, from offset: Int, atMost count: Int, revision: String?) throws(HuggingFaceError) {
        guard case .array(let features)? = json["features"] else { throw .malformed("it has no features") }
        guard case .array(let elements)? = json["rows"] else { throw .malformed("it has no rows") }
        guard case .number(let number)? = json["num_rows_total"], let total = number.intValue, total >= 0 else {
            throw .malformed("it has no num_rows_total")
        }
        guard elements.count <= count else { throw .malformed("\(elements.count) rows where \(count) were asked for") }
        guard elements.isEmpty || (offset <= total && elements.count <= total - offset) else {
            throw .malformed("\(elements.count) rows from \(offset) on, of \(total)")
        }
        guard !elements.isEmpty || offset >= total else {
            throw .malformed("it has no rows from \(offset) on, of \(total)")
        }
        columns = features.compactMap { $0["name"]?.text }
        rows = []
        rows.reserveCapacity(elements.count)
        for (place, element) in elements.enumerated() {
            guard case .number(let number)? = element["row_idx"], number.intValue == offset + place,
                case .object(let cells)? = element["row"]
            else { throw .malformed("it has no row \(offset + place) where that must be") }
            var truncated: [String] = []
            if case .array(let names)? = element["truncated_cells"] { truncated = names.compactMap(\.text) }
            rows.append(DatasetRow(number: offset + place, cells: cells, truncatedCells: truncated))
        }
        self.total = total
        isPartial = json["partial"] == true
        self.revision = revision
    }
}
