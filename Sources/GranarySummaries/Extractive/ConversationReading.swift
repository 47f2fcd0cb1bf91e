/// A conversation taken apart once, for all questions that are then put to it.
struct ConversationReading: Sendable {
    enum Speaker: Sendable {
        case user, assistant, other

        init(role: String) {
            switch role.lowercased() {
            case "user", "human", "customer": self = .user
            case "assistant", "ai", "bot", "model", "gpt", "agent": self = .assistant
            default: self = .other
            }
        }
    }

    /// What one message says.
    struct Part: Sendable {
        var speaker: Speaker
        var text: [Unicode.Scalar]
        var sentences: Range<Int>
        var holdsFencedCode: Bool
        var holdsBareCode: Bool
        /// True if this message comes after words of the assistant, so that it may be a reaction to them.
        var isReply: Bool
        /// True if the same speaker said exactly the same before.
        var isRepeated: Bool
    }

    struct Sentence: Sendable {
        var part: Int
        /// Its place in the text of its part.
        var range: Range<Int>
        /// Its place in ``ConversationReading/tokens``.
        var tokens: Range<Int>
        /// Its number within its part.
        var ordinal: Int
        var shape: Prose.Shape
        var isQuestion: Bool
        /// True if the length bound ended it and not its writer.
        var isCut: Bool
    }

    private(set) var parts: [Part] = []
    private(set) var sentences: [Sentence] = []
    private(set) var tokens: [Token] = []
    private(set) var vocabulary = Vocabulary()

    init(_ conversation: Conversation) {
        var room = ExtractiveLimits.conversationLength
        var isReply = false
        var lastContent: [Speaker: String] = [:]
        for message in conversation.messages where room > 0 {
            let speaker = Speaker(role: message.role)
            let prose = Prose(message.content, limit: min(room, ExtractiveLimits.messageLength))
            room -= prose.scalars.count
            add(prose, speaker: speaker, isReply: isReply, isRepeated: lastContent[speaker] == message.content)
            if !message.content.isEmpty { lastContent[speaker] = message.content }
            if speaker == .assistant, parts.last?.text.isEmpty == false { isReply = true }
        }
    }

    private mutating func add(_ prose: Prose, speaker: Speaker, isReply: Bool, isRepeated: Bool) {
        let first = sentences.count
        for paragraph in prose.paragraphs {
            for piece in SentenceSplitter.pieces(of: prose.scalars, in: paragraph.range) {
                let start = tokens.count
                Tokenizer.forEachToken(of: prose.scalars, in: piece.range) { word, range in
                    tokens.append(Token(word: vocabulary.number(of: word), range: range))
                }
                sentences.append(
                    Sentence(
                        part: parts.count,
                        range: piece.range,
                        tokens: start..<tokens.count,
                        ordinal: sentences.count - first,
                        shape: paragraph.shape,
                        isQuestion: Self.asks(prose.scalars[piece.range]),
                        isCut: piece.isCut
                    )
                )
            }
        }
        parts.append(
            Part(
                speaker: speaker,
                text: prose.scalars,
                sentences: first..<sentences.count,
                holdsFencedCode: prose.holdsFencedCode,
                holdsBareCode: prose.holdsBareCode,
                isReply: isReply,
                isRepeated: isRepeated
            )
        )
    }

    /// The mark may have closing signs after it; Greek uses the semicolon.
    private static func asks(_ sentence: ArraySlice<Unicode.Scalar>) -> Bool {
        for (distance, scalar) in sentence.reversed().prefix(4).enumerated() {
            if SentenceMark.isQuestion(scalar) { return true }
            if distance == 0, scalar == ";", sentence.count > 1 {
                return ScalarClass(sentence[sentence.endIndex - 2]) == .letter(.greek)
            }
        }
        return false
    }

    func text(of sentence: Sentence) -> ArraySlice<Unicode.Scalar> {
        parts[sentence.part].text[sentence.range]
    }

    func speaker(of sentence: Sentence) -> Speaker {
        parts[sentence.part].speaker
    }
}
