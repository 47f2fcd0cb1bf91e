import GranarySummaries

/// What a run brought, for people and for programs.
struct SummaryOutput {
    let result: SummaryReport
    let costs: Costs
    /// Where the summaries go; nil: standard output.
    let file: String?
    let format: ReportFormat

    func write() throws(CommandFailure) {
        for failure in result.failures {
            let name = Key.name(Array(failure.chatID.utf8))
            Output.message("granary: conversation \(failure.index) (\(name)) failed: \(failure.message)")
        }
        let summaries = result.summaries.compactMap(\.self)
        if let file { try OutputFile.write(SummaryFile.json(summaries), to: file) }
        if format == .json {
            try Output.write(json(summaries) + [UInt8(ascii: "\n")])
        } else if file == nil {
            try Output.write(SummaryFile.json(summaries))
        }
        if let reason = result.stopReason {
            let untried = result.failed - result.failures.count
            Output.message(
                "granary: stopped, for every call would fail: \(reason); \(grouped(untried)) conversations were not tried"
            )
        }
        if let line = tokenLine { Output.message(line) }
        Output.message(summaryLine)
    }

    private func json(_ summaries: [ConversationSummary]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("conversations", result.summaries.count)
        writer.member("reused", result.reused)
        writer.member("computed", result.computed)
        writer.member("failed", result.failed)
        writer.member("calls", result.calls)
        writer.member("tokens", result.usage.totalTokens)
        writer.member("prompt_tokens", result.usage.promptTokens)
        writer.member("completion_tokens", result.usage.completionTokens)
        writer.member("saved_tokens", result.savedUsage.totalTokens)
        if let paid = costs.dollars(result.usage).flatMap(JSONNumber.init) { writer.member("dollars_paid", paid) }
        if let saved = costs.dollars(result.savedUsage).flatMap(JSONNumber.init) {
            writer.member("dollars_saved", saved)
        }
        writer.member("seconds", JSONNumber(result.seconds) ?? JSONNumber(0))
        writer.member("cache_seconds", JSONNumber(result.cacheSeconds) ?? JSONNumber(0))
        writer.member("stop_reason", ifPresent: result.stopReason)
        writer.name("failures")
        writer.beginArray()
        for failure in result.failures {
            writer.beginObject()
            writer.member("index", failure.index)
            writer.member("chat_id", failure.chatID)
            writer.member("message", failure.message)
            writer.endObject()
        }
        writer.endArray()
        if file == nil {
            writer.name("summaries")
            writer.beginArray()
            for summary in summaries { SummaryFile.write(summary, to: &writer) }
            writer.endArray()
        }
        writer.endObject()
        return writer.bytes
    }

    /// Nothing where no model counted tokens.
    private var tokenLine: String? {
        let (paid, saved) = (result.usage, result.savedUsage)
        guard paid.totalTokens > 0 || saved.totalTokens > 0 else { return nil }
        func part(_ usage: TokenUsage) -> String {
            "\(grouped(usage.totalTokens)) tokens\(costs.text(usage).map { " (\($0))" } ?? "")"
        }
        return "\(grouped(result.calls)) calls: \(part(paid)) paid, \(part(saved)) saved"
    }

    private var summaryLine: String {
        let tenths = Int((result.seconds * 10).rounded())
        return "\(grouped(result.summaries.count)) conversations: \(grouped(result.reused)) reused, "
            + "\(grouped(result.computed)) computed, \(grouped(result.failed)) failed in \(tenths / 10).\(tenths % 10) s"
    }
}
