/// Which columns of a dataset hold what of a conversation.
///
/// What is not said is looked for under the usual names. Numbers are taken as they are written.
public struct HuggingFaceColumns: Sendable, Hashable {
    /// A member of the metadata and the column that it is taken from.
    public struct MetadataColumn: Sendable, Hashable {
        /// The member's name.
        public var name: String
        /// The column.
        public var column: String

        /// A member with this name from that column.
        public init(name: String, column: String) {
            self.name = name
            self.column = column
        }
    }

    /// The column of the ids; else `chat_id`, `conversation_id`, `id`, `uuid` or `conversation_hash`, and where there is
    /// none of them an id is made of the row's place.
    public var id: String?
    /// The column of the messages; else `messages`, `conversation`, `conversations` or `chat_messages`.
    public var messages: String?
    /// The column of the times; else `created_at`, `timestamp` or `tstamp`, if there is one of them.
    public var createdAt: String?
    /// What the metadata are made of; if that is nothing, `metadata` where a row has an object there.
    public var metadata: [MetadataColumn]

    /// The usual names unless others are given.
    public init(
        id: String? = nil,
        messages: String? = nil,
        createdAt: String? = nil,
        metadata: [MetadataColumn] = []
    ) {
        self.id = id
        self.messages = messages
        self.createdAt = createdAt
        self.metadata = metadata
    }
}

/// The columns of one dataset that conversations are made of.
struct ConversationColumns: Sendable {
    private let dataset: String
    private let id: String?
    private let messages: String
    private let createdAt: String?
    private let metadata: [HuggingFaceColumns.MetadataColumn]
    private let used: Set<ExactString>

    /// - Throws: `HuggingFaceError.noColumn` where the dataset lacks one that is needed.
    init(_ columns: HuggingFaceColumns, of dataset: String, having available: [String]) throws(HuggingFaceError) {
        func column(
            _ given: String?,
            for field: String,
            usually names: [String]
        ) throws(HuggingFaceError) -> String? {
            guard let given else { return names.first(where: available.contains) }
            // Rows are read by bytes, so in the dataset's own spelling.
            let exact = available.first { ExactString($0) == ExactString(given) }
            guard let found = exact ?? available.first(where: { $0 == given }) else {
                throw .noColumn(dataset: dataset, field: field, column: given, available: available)
            }
            return found
        }
        self.dataset = dataset
        let ids = ["chat_id", "conversation_id", "id", "uuid", "conversation_hash"]
        id = try column(columns.id, for: "chat_id", usually: ids)
        let lists = ["messages", "conversation", "conversations", "chat_messages"]
        guard let messages = try column(columns.messages, for: "messages", usually: lists) else {
            throw .noColumn(dataset: dataset, field: "messages", column: nil, available: available)
        }
        self.messages = messages
        createdAt = try column(columns.createdAt, for: "created_at", usually: ["created_at", "timestamp", "tstamp"])
        metadata = try columns.metadata.map { member throws(HuggingFaceError) in
            let found = try column(member.column, for: "metadata.\(member.name)", usually: [])
            return .init(name: member.name, column: found ?? member.column)
        }
        let metadataColumns = metadata.isEmpty ? ["metadata"] : metadata.map(\.column)
        used = Set(([id, messages, createdAt].compactMap(\.self) + metadataColumns).map(ExactString.init))
    }

    /// The conversation of a row.
    ///
    /// - Throws: `HuggingFaceError` where a cell of the row cannot be used.
    func conversation(_ row: DatasetRow) throws(HuggingFaceError) -> Conversation {
        if let column = row.truncatedCells.first(where: { used.contains(ExactString($0)) }) {
            throw .truncatedCell(dataset: dataset, row: row.number, column: column)
        }
        func fault(_ column: String, _ problem: String) -> HuggingFaceError {
            .unusableCell(dataset: dataset, row: row.number, column: column, problem: problem)
        }
        guard let cell = row.cells[messages] else { throw fault(messages, "missing") }
        let read: [Message]
        do throws(MessageFault) {
            read = try DatasetMessages.messages(cell)
        } catch {
            throw fault(messages + error.path, error.problem)
        }
        func text(_ column: String) throws(HuggingFaceError) -> String? {
            switch row.cells[column] {
            case .string(let text)?: return text
            case .number(let number)?: return number.text
            case .null?, nil: return nil
            case let value?: throw fault(column, "\(value.kind), expected a string or a number")
            }
        }
        var chatID = "\(dataset)/\(row.number)"
        if let id {
            guard let text = try text(id) else { throw fault(id, "null, expected a string or a number") }
            chatID = text
        }
        return Conversation(
            chatID: chatID,
            createdAt: try createdAt.flatMap { column throws(HuggingFaceError) in try text(column) },
            messages: read,
            metadata: metadata(of: row)
        )
    }

    private func metadata(of row: DatasetRow) -> JSONObject? {
        guard !metadata.isEmpty else {
            guard case .object(let object)? = row.cells["metadata"] else { return nil }
            return object
        }
        var object = JSONObject()
        for member in metadata { object.set(row.cells[member.column] ?? .null, for: member.name) }
        return object
    }
}
