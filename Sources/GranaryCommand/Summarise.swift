import ArgumentParser
import Granary
import GranarySummaries
import SegmentStore

struct Summarise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Summarises conversations; what was summarised before comes from the cache.",
        discussion: """
            Example: granary summarise conversations.json --cache .cache/summaries --output summaries.json

            The file is a JSON array of {chat_id, created_at, messages: [{role, content, created_at}], metadata}.
            """
    )

    @Argument(help: "The conversations; - is standard input.")
    var file: String

    @Option(help: "The cache's directory; it is created, parents included.")
    var cache: String

    @Option(
        help: ArgumentHelp("The model: \(SummaryModels.names.joined(separator: ", ")).", valueName: "provider/model")
    )
    var model = "local/extractive"

    @Option(help: "Where the summaries go, written beside it and renamed; standard output unless given.")
    var output: String?

    @OptionGroup var report: FormatOption

    @OptionGroup var limit: SizeLimitOption

    func run() async throws {
        guard let model = SummaryModels.model(named: model) else {
            let names = SummaryModels.names.joined(separator: ", ")
            throw CommandFailure(.badUsage, "\(self.model) is no model here; there are: \(names)")
        }
        let conversations = try read()
        let cache = try reporting { () throws(StoreError) in
            try SegmentCache(directory: self.cache, sizeLimit: limit.bytes)
        }
        Opening.announce(cache.store)
        let progress = ProgressDisplay()
        let summariser = Summariser(model: model, cache: cache) { progress.show($0) }
        let result = try await summariser.summarise(conversations)
        let note = limit.note(on: cache.store)
        var warning = result.cacheFailure
        do { try await cache.close() } catch { warning = warning ?? "\(error)" }
        progress.end()
        if let note { Output.message(note) }
        if let warning { Output.message("granary: the cache failed, not everything is kept: \(warning)") }
        for failure in result.failures {
            Output.message("granary: conversation \(failure.index) (\(failure.chatID)) failed: \(failure.message)")
        }
        try write(result)
        Output.message(summaryLine(result))
        if result.failed > 0 { throw CommandFailure(.failed) }
    }

    private func read() throws(CommandFailure) -> [Conversation] {
        let bytes = try Input.bytes(of: file)
        do throws(ConversationFileError) {
            return try ConversationFile.conversations(fromJSON: bytes)
        } catch {
            throw CommandFailure(.failed, "\(file): \(error)")
        }
    }

    private func write(_ result: SummaryReport) throws(CommandFailure) {
        let summaries = result.summaries.compactMap { $0 }
        if let output { try OutputFile.write(SummaryFile.json(summaries), to: output) }
        guard report.format == .json else {
            if output == nil { try Output.write(SummaryFile.json(summaries)) }
            return
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("conversations", result.summaries.count)
        writer.member("reused", result.reused)
        writer.member("computed", result.computed)
        writer.member("failed", result.failed)
        writer.member("seconds", JSONNumber(result.seconds) ?? JSONNumber(0))
        writer.member("cache_seconds", JSONNumber(result.cacheSeconds) ?? JSONNumber(0))
        if output == nil {
            writer.name("summaries")
            writer.beginArray()
            for summary in summaries { SummaryFile.write(summary, to: &writer) }
            writer.endArray()
        }
        writer.endObject()
        try Output.write(writer.bytes + [UInt8(ascii: "\n")])
    }

    private func summaryLine(_ result: SummaryReport) -> String {
        let tenths = Int((result.seconds * 10).rounded())
        return "\(grouped(result.summaries.count)) conversations: \(grouped(result.reused)) reused, "
            + "\(grouped(result.computed)) computed, \(grouped(result.failed)) failed in \(tenths / 10).\(tenths % 10) s"
    }
}
