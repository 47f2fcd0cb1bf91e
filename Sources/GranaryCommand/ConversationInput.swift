import ArgumentParser
import GranarySummaries

/// Which conversations, and what their file is.
struct ConversationInput: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case auto, json, jsonl, claude
    }

    @Argument(help: "The conversations; - is standard input.")
    var file: String

    @Option(help: "What the file is; auto tells by its beginning.")
    var inputFormat = Format.auto

    func read() throws(CommandFailure) -> [Conversation] {
        let bytes = try Input.bytes(of: file)
        let format = ConversationFormat(rawValue: inputFormat.rawValue) ?? ConversationFormat(guessing: bytes)
        do throws(ConversationFileError) {
            return try ConversationFile.conversations(from: bytes, format: format)
        } catch {
            throw CommandFailure(.failed, "\(file): \(error)")
        }
    }
}

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes conversations as the JSON array that summarise reads, without loss.",
        discussion: "Example: granary convert claude-export.json --output conversations.json"
    )

    @OptionGroup var input: ConversationInput

    @Option(help: "Where the conversations go, written beside it and renamed; standard output unless given.")
    var output: String?

    func run() throws {
        let bytes = ConversationFile.json(try input.read())
        if let output { try OutputFile.write(bytes, to: output) } else { try Output.write(bytes) }
    }
}
