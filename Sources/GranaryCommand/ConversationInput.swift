import ArgumentParser
import GranarySummaries

/// Which conversations, and where they are: a file, or a dataset.
struct ConversationInput: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case auto, json, jsonl, claude
    }

    @Argument(
        help: ArgumentHelp(
            "The conversations: a file, - for standard input, or a dataset of the Hugging Face Hub as hf:owner/name or "
                + "'hf:owner/name?config=de&split=test', with HF_TOKEN set for a gated one.",
            valueName: "file"
        )
    )
    var source: String

    @Option(help: "What the file is; auto tells by its beginning.")
    var inputFormat = Format.auto

    @Option(help: ArgumentHelp("Take the first conversations only, so many.", valueName: "count"))
    var maxConversations: Int?

    @OptionGroup var dataset: DatasetOptions

    func validate() throws {
        if let maxConversations, maxConversations < 1 { throw ValidationError("--max-conversations is 1 at least") }
        if isDataset && inputFormat != .auto { throw ValidationError("--input-format says nothing of a dataset.") }
        if !isDataset && dataset.isGiven {
            throw ValidationError("--column and --hf-endpoint say something of a dataset (hf:owner/name) alone.")
        }
    }

    private var isDataset: Bool { source.hasPrefix(HuggingFaceReference.scheme) }

    func read() async throws -> [Conversation] {
        if isDataset { return try await dataset.read(source, atMost: maxConversations) }
        let conversations = try readFile()
        return maxConversations.map { Array(conversations.prefix($0)) } ?? conversations
    }

    private func readFile() throws(CommandFailure) -> [Conversation] {
        let bytes = try Input.bytes(of: source)
        let format = ConversationFormat(rawValue: inputFormat.rawValue) ?? ConversationFormat(guessing: bytes)
        do throws(ConversationFileError) {
            return try ConversationFile.conversations(from: bytes, format: format)
        } catch {
            throw CommandFailure(.failed, "\(source): \(error)")
        }
    }
}

/// How a dataset is read.
struct DatasetOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Which column of a dataset holds a field: chat_id, messages, created_at, or metadata.NAME; may be repeated.",
            valueName: "field=column"
        )
    )
    var column: [String] = []

    @Option(help: ArgumentHelp("Where the dataset viewer is; else GRANARY_HF_ENDPOINT says.", valueName: "url"))
    var hfEndpoint: String?

    var isGiven: Bool { !column.isEmpty || hfEndpoint != nil }

    func read(_ text: String, atMost limit: Int?) async throws -> [Conversation] {
        let columns = try columns()
        let dataset: HuggingFaceDataset
        do throws(HuggingFaceError) {
            let endpoint = try HuggingFaceEndpoint(baseURL: hfEndpoint)
            dataset = HuggingFaceDataset(try HuggingFaceReference(text), at: endpoint, columns: columns)
        } catch {
            throw CommandFailure(.badUsage, "\(error)")
        }
        let progress = ProgressDisplay()
        defer { progress.end() }
        var conversations: [Conversation] = []
        var rowsOfPart: Int?
        do {
            for try await page in dataset.pages(atMost: limit) {
                conversations += page.conversations
                rowsOfPart = page.rowsOfPart
                progress.show(page.done, of: page.total, "rows")
            }
        } catch let error as HuggingFaceError {
            throw CommandFailure(.failed, "\(error)")
        }
        if let rowsOfPart, conversations.count == rowsOfPart {
            progress.end()
            let count = grouped(rowsOfPart)
            Output.message("granary: \(text) is too big for the dataset viewer; it has these \(count) rows")
        }
        return conversations
    }

    private func columns() throws(CommandFailure) -> HuggingFaceColumns {
        var columns = HuggingFaceColumns()
        for argument in column {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, let field = parts.first, let name = parts.last, !name.isEmpty else {
                throw CommandFailure(
                    .badUsage,
                    "--column \(argument): it must be FIELD=COLUMN, such as messages=conversation"
                )
            }
            let metadata = "metadata."
            switch field {
            case "chat_id": columns.id = name
            case "messages": columns.messages = name
            case "created_at": columns.createdAt = name
            case _ where field.hasPrefix(metadata) && field != metadata:
                columns.metadata.append(.init(name: String(field.dropFirst(metadata.count)), column: name))
            default:
                throw CommandFailure(
                    .badUsage,
                    "--column \(argument): the fields are chat_id, messages, created_at and metadata.NAME"
                )
            }
        }
        return columns
    }
}

struct Convert: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes conversations as the JSON array that summarise reads, without loss.",
        discussion: """
            Example: granary convert claude-export.json --output conversations.json
            Example: granary convert hf:owner/name --max-conversations 1000 --output conversations.json
            """
    )

    @OptionGroup var input: ConversationInput

    @Option(help: "Where the conversations go, written beside it and renamed; standard output unless given.")
    var output: String?

    func run() async throws {
        let bytes = ConversationFile.json(try await input.read())
        if let output { try OutputFile.write(bytes, to: output) } else { try Output.write(bytes) }
    }
}
