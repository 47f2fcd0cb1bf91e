/// Writes the chosen sentences as one line, each change of speaker with a short lead: the only words not quoted.
struct SummaryText {
    private let reading: ConversationReading

    init(_ reading: ConversationReading) {
        self.reading = reading
    }

    func text(_ selection: SentenceSelection, request: RequestSentence?) -> String {
        let chosen = selection.choose(request: request, lengthOf: length)
        guard !chosen.isEmpty else { return wordless() }
        var text = ""
        var speaker: ConversationReading.Speaker?
        for number in chosen {
            let sentence = reading.sentences[number]
            // After the stops of Chinese and Japanese a space would be one too many.
            if let last = text.unicodeScalars.last, last.value < 0x3000 || reading.speaker(of: sentence) != speaker {
                text += " "
            }
            let next = reading.speaker(of: sentence)
            if next != speaker { text += Self.lead(next) }
            text += Self.closed(sentence, of: reading)
            speaker = next
        }
        return text
    }

    private static let longestLead = lead(.assistant).unicodeScalars.count

    private static func lead(_ speaker: ConversationReading.Speaker) -> String {
        switch speaker {
        case .user: "User: "
        case .assistant: "Assistant: "
        case .other: "Other: "
        }
    }

    /// What a sentence takes up with a lead, a stop and a space, at most.
    private func length(_ number: Int) -> Int {
        min(reading.sentences[number].range.count, ExtractiveLimits.requestLength) + Self.longestLead + 2
    }

    /// A heading, an item or a hasty question may have no mark at its end; without one it would run into the next.
    private static func closed(
        _ sentence: ConversationReading.Sentence,
        of reading: ConversationReading
    ) -> String {
        var scalars = reading.text(of: sentence)
        if scalars.last == ":" || scalars.last == "：" {
            return Excerpt.string(scalars.dropLast()) + "…"
        }
        if scalars.count > ExtractiveLimits.requestLength {
            return Excerpt.text(scalars, limit: ExtractiveLimits.requestLength)
        }
        let isClosed = scalars.suffix(3).contains { SentenceMark($0) != nil || $0 == ";" }
        if isClosed { return Excerpt.string(scalars) }
        // A verse ends with a comma, an item with a semicolon.
        while let last = scalars.last, ScalarClass(last) == .other, " ,;:-–—、，".unicodeScalars.contains(last) {
            scalars.removeLast()
        }
        guard let last = scalars.last else { return "" }
        switch ScalarClass(last) {
        case .letter(.han), .letter(.kana): scalars.append("。")
        case .letter(.thai), .letter(.lao), .letter(.khmer): break
        default: scalars.append(".")
        }
        return Excerpt.string(scalars)
    }

    /// Emoji and signs are quoted as they are; code is only named.
    private func wordless() -> String {
        for part in reading.parts {
            guard let sentence = part.sentences.first.map({ reading.sentences[$0] }) else { continue }
            return Self.lead(part.speaker)
                + Excerpt.text(reading.text(of: sentence), limit: ExtractiveLimits.requestLength)
        }
        return reading.parts.contains { $0.holdsFencedCode || $0.holdsBareCode }
            ? ExtractiveSummariser.codeSummary : ExtractiveSummariser.emptySummary
    }
}
