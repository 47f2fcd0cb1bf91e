import ArgumentParser
import Granary
import GranarySummaries
import SegmentStore

struct ExplainKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain-key",
        abstract: "Tells the keys of conversations, and what they are made of.",
        discussion: """
            Example: granary explain-key conversations.json --model openai/gpt-4o-mini

            Give the options that summarise was given. No model is called.
            """
    )

    @OptionGroup var input: ConversationInput

    @OptionGroup var options: ModelOptions

    @OptionGroup var report: FormatOption

    func run() async throws {
        let model = try options.summaryModel()
        var output = BufferedOutput()
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("conversations")
        writer.beginArray()
        for (index, conversation) in try await input.read().enumerated() {
            let asked = AskedKey(conversation, model: model, options: options.key)
            if report.format == .json {
                writer.beginObject()
                writer.member("index", index)
                writer.member("chat_id", conversation.chatID)
                writer.member("key", asked.text)
                writer.name("components")
                writer.beginObject()
                for component in asked.components.all { writer.member(component.name, component.value) }
                writer.endObject()
                writer.endObject()
            } else {
                let lines = asked.components.all.map { "  \(shown($0.name)): \(shown($0.value))" }
                let text =
                    "\(index) \(shown(conversation.chatID)): \(shown(asked.text))\n" + lines.joined(separator: "\n")
                try output.append(text.utf8, terminator: UInt8(ascii: "\n"))
            }
        }
        writer.endArray()
        writer.endObject()
        if report.format == .json { try output.append(writer.bytes, terminator: UInt8(ascii: "\n")) }
        try output.flush()
    }
}

struct WhyMiss: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why-miss",
        abstract: "Tells for conversations that the cache lacks in what the nearest entry differs.",
        discussion: """
            Example: granary why-miss conversations.json --cache .cache/summaries --model openai/gpt-4o-mini

            Give the options that summarise was given, --kura-keys too. No model is called, and nothing is changed.
            """
    )

    @OptionGroup var input: ConversationInput

    @Option(help: "The cache: a directory, or a URL as for summarise.")
    var cache: String

    @OptionGroup var options: ModelOptions

    @OptionGroup var report: FormatOption

    func run() async throws {
        let model = try options.summaryModel()
        let importedKey = try options.importedKey()
        let conversations = try await input.read()
        let opened = try await OpenedCache(CacheLocation(cache), for: .reading)
        let (imported, found) = try await opened.using { cache in
            try await look(for: conversations, of: model, importedKey, in: cache)
        }
        if report.format == .json {
            var writer = JSONWriter()
            writer.beginObject()
            writer.member("conversations", conversations.count)
            writer.name("imported")
            writer.beginArray()
            for hit in imported { hit.write(to: &writer) }
            writer.endArray()
            writer.name("misses")
            writer.beginArray()
            for finding in found { finding.write(to: &writer) }
            writer.endArray()
            writer.endObject()
            return try Output.write(writer.bytes + [UInt8(ascii: "\n")])
        }
        for hit in imported { try Output.write(hit.text) }
        for finding in found { try Output.write(finding.text) }
        try Output.write(
            "\(grouped(conversations.count)) conversations: \(grouped(conversations.count - found.count)) in the cache, "
                + "\(grouped(found.count)) not\n"
        )
    }

    /// What a run would reuse of what was imported, and what it would find neither there nor under its own key.
    private func look(
        for conversations: [Conversation],
        of model: any SummaryModel,
        _ importedKey: (@Sendable (Conversation) -> String?)?,
        in cache: any ManagedCacheStrategy
    ) async throws -> (imported: [ImportedHit], missed: [Finding]) {
        let imports = Cache<SummaryEnvelope>(over: cache, codec: .imported)
        var imported: [ImportedHit] = []
        var missed: [(index: Int, key: AskedKey)] = []
        for (index, conversation) in conversations.enumerated() {
            let asked = AskedKey(conversation, model: model, options: options.key)
            if try await cache.get(asked.text).flatMap({ SummaryEnvelope($0) }) != nil { continue }
            if let key = importedKey?(conversation), try await imports.value(forKey: key) != nil {
                imported.append(ImportedHit(index: index, chatID: conversation.chatID, key: key))
            } else {
                missed.append((index, asked))
            }
        }
        var explainer = MissExplainer(missed.map(\.key.components))
        if !missed.isEmpty {
            for try await key in cache.keys {
                if let envelope = try await cache.get(key).flatMap({ SummaryEnvelope($0) }) {
                    explainer.see(envelope, key: key)
                }
            }
        }
        let findings = zip(missed, explainer.misses).map { missed, miss in
            Finding(index: missed.index, chatID: conversations[missed.index].chatID, key: missed.key.text, miss: miss)
        }
        return (imported, findings)
    }
}

/// The key of a conversation, and what it is made of.
private struct AskedKey {
    let text: String
    let components: KeyComponents

    init(_ conversation: Conversation, model: any SummaryModel, options: SummaryKey.Options) {
        let request = model.request(for: conversation)
        text = SummaryKey(of: request, prompt: model.prompt, options: options).text
        components = KeyComponents(of: request, for: conversation, prompt: model.prompt, options: options)
    }
}

/// A conversation whose summary is reused from an import.
private struct ImportedHit {
    let index: Int
    let chatID: String
    let key: String

    var text: String { "\(index) \(shown(chatID)): reused from what was imported as \(shown(key))\n" }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("index", index)
        writer.member("chat_id", chatID)
        writer.member("key", key)
        writer.endObject()
    }
}

/// Why one conversation missed.
private struct Finding {
    let index: Int
    let chatID: String
    let key: String
    let miss: MissExplainer.Miss

    var text: String {
        guard let nearest = miss.nearestKey else {
            return
                "\(index) \(shown(chatID)): no entry is of this conversation, or of one that shares a message with it\n"
        }
        let lines = miss.differences.map { difference in
            "  \(shown(difference.name)): \(difference.asked.map(shown) ?? "none") here, "
                + "\(difference.stored.map(shown) ?? "none") there\n"
        }
        let reason =
            lines.isEmpty ? "  nothing differs: the entry was damaged or is of another version\n" : lines.joined()
        return "\(index) \(shown(chatID)): the nearest entry is \(shown(nearest))\n" + reason
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("index", index)
        writer.member("chat_id", chatID)
        writer.member("key", key)
        writer.member("nearest_key", ifPresent: miss.nearestKey)
        writer.name("differences")
        writer.beginArray()
        for difference in miss.differences {
            writer.beginObject()
            writer.member("component", difference.name)
            writer.member("asked", ifPresent: difference.asked)
            writer.member("stored", ifPresent: difference.stored)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }
}

/// The text in one line and harmless to a terminal.
private func shown(_ text: String) -> String { Key.name(Array(text.utf8)) }
