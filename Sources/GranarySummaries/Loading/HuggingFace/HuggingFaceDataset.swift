/// The conversations of a dataset on the Hugging Face Hub, read page by page through the dataset viewer's rows API.
///
/// ```swift
/// let dataset = HuggingFaceDataset(try HuggingFaceReference("hf:owner/name"), at: try HuggingFaceEndpoint())
/// for try await page in dataset.pages(atMost: 1_000) { … page.conversations … }
/// ```
///
/// Each row is a conversation. What fails for a while is tried again; a row that cannot be used ends the reading.
public struct HuggingFaceDataset: Sendable {
    private let reference: HuggingFaceReference
    private let columns: HuggingFaceColumns
    private let viewer: DatasetViewer

    /// A dataset that is not asked for anything yet; one request takes a minute at most unless otherwise said.
    public init(
        _ reference: HuggingFaceReference,
        at endpoint: HuggingFaceEndpoint,
        columns: HuggingFaceColumns = HuggingFaceColumns(),
        retries: RetryPolicy = RetryPolicy(),
        timeout: Duration = .seconds(60)
    ) {
        self.reference = reference
        self.columns = columns
        viewer = DatasetViewer(endpoint, dataset: reference.name, retries: retries, timeout: timeout)
    }

    /// Conversations that follow one another.
    public struct Page: Sendable {
        /// The conversations, a hundred at most.
        public var conversations: [Conversation]
        /// How many there are up to the end of this page.
        public var done: Int
        /// How many there will be.
        public var total: Int
        /// How many rows the viewer has of a split that is too big for it; nil: it has all.
        public var rowsOfPart: Int?
    }

    /// The dataset's conversations in order, so many at most. A page is asked for when it is wanted.
    public func pages(atMost limit: Int? = nil) -> Pages { Pages(dataset: self, limit: limit ?? .max) }

    /// The dataset's conversations in order, so many at most; all of them, or none.
    ///
    /// - Throws: `HuggingFaceError`, and `CancellationError` once the task is cancelled.
    public func conversations(atMost limit: Int? = nil) async throws -> [Conversation] {
        var conversations: [Conversation] = []
        for try await page in pages(atMost: limit) { conversations += page.conversations }
        return conversations
    }

    /// The pages of a dataset.
    public struct Pages: AsyncSequence, Sendable {
        fileprivate let dataset: HuggingFaceDataset
        fileprivate let limit: Int

        /// Begins with the first page.
        public func makeAsyncIterator() -> Iterator { Iterator(dataset: dataset, limit: limit) }

        /// Asks for one page after another.
        public struct Iterator: AsyncIteratorProtocol {
            fileprivate let dataset: HuggingFaceDataset
            fileprivate let limit: Int
            private var source: Source?
            private var offset = 0
            private var isAtEnd = false

            fileprivate init(dataset: HuggingFaceDataset, limit: Int) {
                self.dataset = dataset
                self.limit = limit
            }

            /// What the first page told.
            private struct Source {
                var split: DatasetSplit
                var columns: ConversationColumns
                var total: Int
                var revision: String?
            }

            /// The next page; nil at the end.
            ///
            /// - Throws: `HuggingFaceError`, and `CancellationError` once the task is cancelled; then it is at its end.
            public mutating func next() async throws -> Page? {
                do {
                    return try await readNext()
                } catch let error as HuggingFaceError {
                    // Names of splits, columns and members are the server's too, and could be the token.
                    throw error.mappingTexts { dataset.viewer.redacted($0) }
                }
            }

            private mutating func readNext() async throws -> Page? {
                guard !isAtEnd, offset < Swift.min(limit, source?.total ?? limit) else { return nil }
                isAtEnd = true
                let split: DatasetSplit
                if let source { split = source.split } else { split = try await dataset.split() }
                let count = Swift.min(DatasetViewer.pageLength, limit - offset)
                let page = try await dataset.viewer.rows(of: split, from: offset, count: count)
                let source = try source(for: page, of: split)
                if page.rows.isEmpty { return nil }
                let conversations = try page.rows.map { row throws(HuggingFaceError) in
                    try source.columns.conversation(row)
                }
                offset += conversations.count
                isAtEnd = false
                return Page(
                    conversations: conversations,
                    done: offset,
                    total: Swift.min(limit, page.total),
                    rowsOfPart: page.isPartial ? page.total : nil
                )
            }

            private mutating func source(
                for page: DatasetPage,
                of split: DatasetSplit
            ) throws(HuggingFaceError) -> Source {
                if let source {
                    let isSame = source.total == page.total && source.revision == page.revision
                    guard isSame else { throw .changed(dataset: dataset.reference.name) }
                    return source
                }
                let name = "\(dataset.reference.name)/\(split.config)/\(split.split)"
                let columns = try ConversationColumns(dataset.columns, of: name, having: page.columns)
                let first = Source(split: split, columns: columns, total: page.total, revision: page.revision)
                source = first
                return first
            }
        }
    }

    /// The split that is meant.
    private func split() async throws -> DatasetSplit {
        let splits = try await viewer.splits(config: reference.config)
        var fitting = splits.filter { $0.config == reference.config ?? $0.config }
        if let config = reference.config, fitting.isEmpty {
            throw noSplit("configuration \(config)", splits.map(\.config))
        }
        if let split = reference.split {
            let all = fitting.map(\.split)
            fitting = fitting.filter { $0.split == split }
            guard let first = fitting.first else { throw noSplit("split \(split)", all) }
            return first
        }
        guard let first = fitting.first else { throw noSplit("split", []) }
        return fitting.first { $0.config == first.config && $0.split == "train" } ?? first
    }

    private func noSplit(_ asked: String, _ names: [String]) -> HuggingFaceError {
        var seen: Set<String> = []
        return .noSplit(dataset: reference.name, asked: asked, available: names.filter { seen.insert($0).inserted })
    }
}
