import ArgumentParser
import Granary
import GranarySummaries
import SegmentStore

struct Summarise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Summarises conversations; what was summarised before comes from the cache.",
        discussion: """
            Example: granary summarise conversations.json --cache .cache/summaries --output summaries.json

            The file is a JSON array of {chat_id, created_at, messages: [{role, content, created_at}], metadata}, the same
            objects on lines of their own, or what Claude exports. A dataset of the Hugging Face Hub is read by its name:

            Example: granary summarise hf:owner/name --max-conversations 1000 --cache .cache/summaries
            """
    )

    @OptionGroup var input: ConversationInput

    @Option(help: "The cache: a directory, which is created, or sqlite:FILE, redis://…, s3://…, tiered:DIR,redis://…")
    var cache: String?

    @Flag(help: "Compute everything and keep nothing.")
    var noCache = false

    @Flag(help: "Compute everything anew and replace what the cache has.")
    var refresh = false

    @Flag(help: "Reuse what the cache has and store nothing; another process may write to it.")
    var readOnly = false

    @Flag(help: "Reuse what the cache has and call no model: what is missing fails.")
    var offline = false

    @OptionGroup var options: ModelOptions

    @Option(help: "Where the summaries go, written beside it and renamed; standard output unless given.")
    var output: String?

    @Option(help: ArgumentHelp("A file with dollars for a million tokens of each model.", valueName: "file"))
    var prices: String?

    @Option(
        help: ArgumentHelp("A directory that keeps the summaries of a run without failures.", valueName: "directory")
    )
    var checkpoints: String?

    @OptionGroup var report: FormatOption

    @OptionGroup var limit: SizeLimitOption

    @OptionGroup var log: LogOption

    func validate() throws {
        if (cache == nil) != noCache { throw ValidationError("Give --cache DIR, or --no-cache.") }
        if [noCache, refresh, readOnly, offline].count(where: \.self) > 1 {
            throw ValidationError("Give one of --no-cache, --refresh, --read-only and --offline.")
        }
    }

    private var mode: SummaryCacheMode {
        if refresh { return .refresh }
        if readOnly { return .readOnly }
        return offline ? .offline : .normal
    }

    func run() async throws {
        log.apply()
        let model = try options.summaryModel()
        let settings = try summariserOptions()
        let costs = Costs(prices: try priceList(), model: model.name)
        // Only a checkpoint makes calls needless for certain, and whether it does shows once the input was read.
        if refresh || checkpoints == nil { try requireKey(of: model) }
        let conversations = try await input.read()
        let checkpoint = checkpoints.map {
            Checkpoint(directory: $0, of: conversations, model: model, settings: settings)
        }
        if !refresh, let summaries = try checkpoint?.load() {
            let result = SummaryReport(fromCheckpoint: summaries)
            return try SummaryOutput(result: result, costs: costs, file: output, format: report.format).write()
        }
        try requireKey(of: model)
        let opened = try await openCache()
        let cache = opened?.strategy
        // Behind the cache, whose opening may make the directory that the output goes to.
        do {
            if let output { try OutputFile.requireWritable(output) }
        } catch {
            try? await cache?.close()
            throw error
        }
        let progress = ProgressDisplay(costs: costs)
        let summariser = Summariser(model: model, cache: cache, options: settings) { progress.show($0) }
        let result = try await Interruption.shared.cancelling { try await summariser.summarise(conversations) }
        let note = opened.flatMap { $0.note(on: limit) }
        var warning = result.cacheFailure
        do { try await cache?.close() } catch { warning = warning ?? "\(error)" }
        progress.end()
        if let note { Output.message(note) }
        if let warning { Output.message("granary: the cache failed, not everything is kept: \(warning)") }
        // The checkpoint first, and the output whatever came of it: where one of them fails the other has the answers.
        let saving = Result { () throws(CommandFailure) -> Void in
            guard result.failed == 0 else { return }
            try checkpoint?.save(result)
        }
        try SummaryOutput(result: result, costs: costs, file: output, format: report.format).write()
        if result.failed > 0 { throw CommandFailure(.failed) }
        try saving.get()
    }

    private func summariserOptions() throws(CommandFailure) -> Summariser.Options {
        var settings = Summariser.Options()
        settings.mode = mode
        settings.key = options.key
        settings.concurrency = options.concurrency
        settings.alternativeKey = try options.importedKey()
        return settings
    }

    /// Refuses a run that may make calls for want of a key, before it begins.
    private func requireKey(of model: any SummaryModel) throws(CommandFailure) {
        guard !offline, let model = model as? ChatSummaryModel else { return }
        do throws(ChatSettingsError) {
            try model.requireKey()
        } catch {
            throw CommandFailure(.badUsage, "\(error)")
        }
    }

    private func openCache() async throws(CommandFailure) -> OpenedCache? {
        guard let cache else { return nil }
        let access = readOnly || offline ? CacheAccess.reading : .creating
        return try await OpenedCache(try CacheLocation(cache), for: access, limit: limit)
    }

    private func priceList() throws(CommandFailure) -> PriceList? {
        guard let prices else { return nil }
        let bytes = try Input.bytes(of: prices, limit: 16 << 20)
        do { return try PriceList(json: bytes) } catch { throw CommandFailure(.failed, "\(prices): \(error)") }
    }
}

/// The checkpoint of a run.
private struct Checkpoint {
    private static let name = "summaries"
    private let manager: CheckpointManager
    private let fingerprint: CheckpointFingerprint

    init(directory: String, of conversations: [Conversation], model: any SummaryModel, settings: Summariser.Options) {
        manager = CheckpointManager(directory: directory)
        fingerprint = CheckpointFingerprint(
            of: conversations,
            model: model,
            key: settings.key,
            alternativeKey: settings.alternativeKey
        )
    }

    /// The summaries, if they were made of the same; says why not where there are others.
    func load() throws(CommandFailure) -> [ConversationSummary]? {
        do throws(CheckpointError) {
            switch try manager.load(Self.name, fingerprint) {
            case .usable(let summaries):
                Output.message("granary: the summaries are those of the checkpoint in \(manager.directory)")
                return summaries
            case .unusable(let reason):
                Output.message("granary: the checkpoint is not used: \(reason)")
                return nil
            case .missing: return nil
            }
        } catch {
            throw CommandFailure(.failed, "\(error)")
        }
    }

    func save(_ result: SummaryReport) throws(CommandFailure) {
        do throws(CheckpointError) {
            try manager.save(result.summaries.compactMap(\.self), as: Self.name, fingerprint)
        } catch {
            throw CommandFailure(.failed, "\(error)")
        }
    }
}

/// What tokens of a model cost, where that is known.
struct Costs {
    let prices: PriceList?
    let model: String

    func dollars(_ usage: TokenUsage) -> Double? { prices?.dollars(for: usage, model: model) }

    /// The sum to a hundredth of a cent, such as $1.2345.
    func text(_ usage: TokenUsage) -> String? {
        dollars(usage).map { dollars in
            let parts = Int((min(dollars, 1e12) * 10_000).rounded())
            let fraction = String(parts % 10_000)
            return "$\(grouped(parts / 10_000)).\(String(repeating: "0", count: 4 - fraction.count))\(fraction)"
        }
    }
}
