import ArgumentParser
import GranaryKura
import GranarySummaries
import Logging
import Synchronization

/// Which model is asked, and how: the options that enter a key, and those of the calls.
struct ModelOptions: ParsableArguments {
    enum OutputMode: String, ExpressibleByArgument, CaseIterable {
        case jsonSchema = "json-schema"
        case function

        var mode: ChatOutputMode { self == .function ? .functionCall : .jsonSchema }
    }

    @Option(
        help: ArgumentHelp(
            "The model: \(SummaryModels.names.joined(separator: ", ")), or one behind a chat completions API, such as "
                + "openai/gpt-4o-mini, with its key in OPENAI_API_KEY.",
            valueName: "provider/model"
        )
    )
    var model = "local/extractive"

    @Option(help: ArgumentHelp("Where the API is; else OPENAI_BASE_URL says.", valueName: "url"))
    var baseURL: String?

    @Option(help: ArgumentHelp("A file with the prompt's template.", valueName: "file"))
    var prompt: String?

    @Option(help: "The sampling temperature, from 0 to 2; none is sent unless given.")
    var temperature: Temperature?

    @Option(help: ArgumentHelp("A further field of the request; may be repeated.", valueName: "name=json"))
    var extra: [String] = []

    @Option(help: "How answers are held to the schema: json-schema, or function for servers without that.")
    var outputMode: OutputMode?

    @Option(help: ArgumentHelp("The longest that one call may take.", valueName: "seconds"))
    var timeout: Double?

    @Option(help: "How often a call that failed is made again.")
    var maxRetries: Int?

    @Option(help: "How many calls are under way at once.")
    var concurrency: Int?

    @Option(help: "What keys begin with.")
    var namespace = "summary"

    @Option(help: "Which of several answers to the same request.")
    var sample = 0

    @Option(help: "A text to tell keys apart by.")
    var keyExtra: String?

    @Flag(help: "Also use what granary import kura brought over, where the cache has nothing of its own.")
    var kuraKeys = false

    @Option(
        help: ArgumentHelp(
            "The MD5 of the prompt that Kura asked with; its default prompt's otherwise.",
            valueName: "md5"
        )
    )
    var kuraPromptMD5: String?

    func validate() throws {
        if kuraPromptMD5 != nil && !kuraKeys { throw ValidationError("--kura-prompt-md5 needs --kura-keys.") }
        if namespace.isEmpty || namespace.utf8.count > 200 {
            throw ValidationError("--namespace takes 1 to 200 bytes")
        }
        if let concurrency, concurrency < 1 { throw ValidationError("--concurrency is 1 at least") }
    }

    var key: SummaryKey.Options { SummaryKey.Options(namespace: namespace, sample: sample, extra: keyExtra) }

    /// The model that the options name.
    func summaryModel() throws(CommandFailure) -> any SummaryModel {
        guard let local = SummaryModels.model(named: model) else { return try chatModel() }
        let others: [(String, Bool)] = [
            ("--base-url", baseURL != nil), ("--prompt", prompt != nil), ("--temperature", temperature != nil),
            ("--extra", !extra.isEmpty), ("--output-mode", outputMode != nil), ("--timeout", timeout != nil),
            ("--max-retries", maxRetries != nil),
        ]
        for (name, isGiven) in others where isGiven {
            throw CommandFailure(.badUsage, "\(name) says nothing to \(model), which makes no calls")
        }
        return local
    }

    /// Where an imported summary of a conversation lies; nil where none is to be used.
    ///
    /// A temperature that is not given is Kura's own.
    func importedKey() throws(CommandFailure) -> (@Sendable (Conversation) -> String?)? {
        guard kuraKeys else { return nil }
        guard let keys = kuraPromptMD5.map({ KuraKeys(promptMD5: $0) }) ?? KuraKeys() else {
            throw CommandFailure(.badUsage, "--kura-prompt-md5 takes 32 hexadecimal digits")
        }
        let temperature = temperature.flatMap { KuraTemperature($0.text) } ?? 0.2
        return { [model] in keys.key(for: $0, model: model, temperature: temperature) }
    }

    private func chatModel() throws(CommandFailure) -> ChatSummaryModel {
        var settings = ChatSettings()
        settings.temperature = temperature?.value
        settings.extraFields = try extraFields()
        if let outputMode { settings.outputMode = outputMode.mode }
        if let timeout {
            // Any more is refused below; infinity would not even convert.
            guard timeout > 0, timeout <= 1e6 else { throw CommandFailure(.badUsage, "--timeout \(timeout)") }
            settings.timeout = .seconds(timeout)
        }
        if let maxRetries { settings.retries.maxRetries = maxRetries }
        if let concurrency { settings.maxConcurrentRequests = concurrency }
        let prompt = try summaryPrompt()
        do throws(ChatSettingsError) {
            let provider = String(model.prefix { $0 != "/" })
            return try ChatSummaryModel(
                model,
                endpoint: ChatEndpoint(provider: provider, baseURL: baseURL),
                prompt: prompt,
                settings: settings
            )
        } catch {
            throw CommandFailure(.badUsage, "\(error)")
        }
    }

    private func summaryPrompt() throws(CommandFailure) -> SummaryPrompt {
        guard let prompt else { return .standard }
        guard let template = String(validating: try Input.bytes(of: prompt, limit: 16 << 20), as: UTF8.self) else {
            throw CommandFailure(.failed, "\(prompt): that is not UTF-8")
        }
        do throws(SummaryPromptError) {
            return try SummaryPrompt(template: template)
        } catch {
            throw CommandFailure(.failed, "\(prompt): \(error)")
        }
    }

    private func extraFields() throws(CommandFailure) -> JSONObject {
        var fields = JSONObject()
        for argument in extra {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = parts.first, !name.isEmpty, let text = parts.last else {
                throw CommandFailure(.badUsage, "--extra \(argument): it must be NAME=JSON, such as seed=7")
            }
            do throws(JSONError) {
                fields.set(try JSONValue(json: Array(text.utf8)), for: String(name))
            } catch {
                throw CommandFailure(.badUsage, "--extra \(argument): \(error); texts need quotes, such as 'a=\"b\"'")
            }
        }
        return fields
    }
}

/// A temperature, and how it was written: Kura's keys tell 0 from 0.0.
struct Temperature: ExpressibleByArgument {
    let value: Double
    let text: String

    init?(argument: String) {
        guard let value = JSONNumber(argument)?.doubleValue else { return nil }
        self.value = value
        text = argument
    }
}

/// How much is logged on standard error.
struct LogOption: ParsableArguments {
    enum Level: String, ExpressibleByArgument, CaseIterable {
        case trace, debug, info, notice, warning, error, critical
    }

    @Option(help: "What is logged on standard error, from that level up.")
    var logLevel = Level.error

    private static let current = Mutex(Logger.Level.error)

    /// The level of loggers that are made from now on.
    static var level: Logger.Level { current.withLock { $0 } }

    func apply() {
        guard let level = Logger.Level(rawValue: logLevel.rawValue) else { return }
        Self.current.withLock { $0 = level }
    }
}
