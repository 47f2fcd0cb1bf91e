import TestSupport
import Testing

@testable import GranarySummaries

private func conversation(_ turns: (role: String, content: String)...) -> Conversation {
    Conversation(
        chatID: "test",
        createdAt: nil,
        messages: turns.map { Message(role: $0.role, content: $0.content, createdAt: nil) },
        metadata: nil
    )
}

private func content(_ turns: String...) -> SummaryContent {
    let messages = turns.enumerated().map { place, text in
        Message(role: place.isMultiple(of: 2) ? "user" : "assistant", content: text, createdAt: nil)
    }
    let conversation = Conversation(chatID: "test", createdAt: nil, messages: messages, metadata: nil)
    return ExtractiveSummariser().content(for: conversation)
}

private func sentences(_ text: String) -> [String] {
    let prose = Prose(text)
    return prose.paragraphs.flatMap { paragraph in
        SentenceSplitter.pieces(of: prose.scalars, in: paragraph.range).map { Excerpt.string(prose.scalars[$0.range]) }
    }
}

private func tokens(_ text: String) -> [String] {
    let scalars = Array(text.unicodeScalars)
    var words: [String] = []
    Tokenizer.forEachToken(of: scalars, in: scalars.indices) { word, _ in words.append(word) }
    return words
}

private let bread = conversation(
    ("user", "Hi!"),
    ("assistant", "Hello! How can I help you today?"),
    (
        "user",
        "My sourdough bread is too dense. I use 500 g of flour, 350 g of water and 100 g of starter, and I let it rise "
            + "for two hours. What am I doing wrong?"
    ),
    (
        "assistant",
        "A dense crumb usually means the dough was underproofed. Two hours of bulk fermentation is too short for most "
            + "kitchens; plan for five to seven hours at 24 °C. Check that the starter doubles before you use it."
    ),
    ("user", "No, that's wrong. I said two hours at 30 degrees!"),
    (
        "assistant",
        "I apologize for the confusion. At 30 °C the dough ferments faster, but two hours is still short. Try three "
            + "and a half hours and look for a 50% rise."
    )
)

@Suite("Extractive summariser: whole conversations", .inTurn)
struct ExtractiveSummariserTests {
    @Test("A small English conversation, to the byte")
    func golden() {
        let found = ExtractiveSummariser().content(for: bread)
        #expect(
            found.summary
                == "User: My sourdough bread is too dense. What am I doing wrong? Assistant: A dense crumb "
                + "usually means the dough was underproofed."
        )
        #expect(found.request == "My sourdough bread is too dense. […] What am I doing wrong?")
        #expect(found.topic == "hours, sourdough bread, dense")
        #expect(found.languages == ["English"])
        #expect(found.task == "question answering")
        #expect(found.concerningScore == 1)
        #expect(found.userFrustration == 3)
        #expect(found.assistantErrors == ["No, that's wrong.", "I apologize for the confusion."])
    }

    @Test("The same conversation gives the same content, whatever was read before it")
    func determinism() {
        let texts = [
            "How do I sort a list in Swift?", "Wie sortiere ich eine Liste?", "如何对列表进行排序？", "", "🎉", "a b c d e f g",
            "Translate this poem into French, please. Roses are red, violets are blue.",
        ]
        let conversations =
            [bread]
            + texts.map { conversation(("user", $0), ("assistant", "Use the sort method. It sorts in place.")) }
        let summariser = ExtractiveSummariser()
        let forwards = conversations.map { summariser.content(for: $0) }
        let backwards = conversations.reversed().map { ExtractiveSummariser().content(for: $0) }
        #expect(forwards == backwards.reversed())
        #expect(forwards == conversations.map { summariser.content(for: $0) })
    }

    @Test("The summary quotes what was said, in order, with a lead for each speaker")
    func extracts() throws {
        let found = content(
            "How can I print to a textbox in PyQt6?",
            "In PyQt6, you can use the `setText()` method to print text to a textbox. Here is an example:\n\n"
                + "```python\nbox.setText(\"hello\")\n```\n\nI hope this helps!"
        )
        #expect(
            found.summary.hasPrefix("User: How can I print to a textbox in PyQt6? Assistant: In PyQt6, you can use")
        )
        #expect(!found.summary.contains("hello"))
        #expect(!found.summary.contains("hope this helps"))
        #expect(found.task == "coding help")
    }

    @Test(
        "Tasks",
        arguments: [
            ("Write a Python function that reverses a string.", "coding help"),
            ("Write a short story about a lighthouse keeper.", "writing"),
            ("Translate the following sentence into Polish: good morning.", "translation"),
            ("What is the capital of Australia?", "question answering"),
            ("Plan a three-day itinerary for Lisbon on a small budget.", "planning"),
            ("I want a refund, my order never arrived.", "customer support"),
            ("Analyze this dataset and plot the correlation of the columns.", "data analysis"),
            ("Solve for x: the equation says that three x plus two is eleven.", "maths"),
            ("Summarize the article above in three sentences.", "summarising"),
            ("Übersetze den Satz ins Englische.", "translation"),
            ("Напиши стихотворение о весне.", "writing"),
            ("请把这句话翻译成英语。", "translation"),
            ("good morning my friend", "conversation"),
        ]
    )
    func task(text: String, expected: String) {
        #expect(content(text).task == expected)
    }

    @Test("The request is the sentence that asks, and greetings are passed over")
    func request() {
        #expect(content("Hello!", "Hi.", "Can you recommend a novel?").request == "Can you recommend a novel?")
        #expect(
            content("I moved to Oslo last year. The winters are dark. Could you suggest an indoor hobby?").request
                == "Could you suggest an indoor hobby?"
        )
        #expect(
            content("Remove the dead code from this: int main() { return 0; }").request?.hasPrefix("Remove") == true
        )
        #expect(content("", "Good morning!").request == nil)
    }

    @Test("The topic names the subject as its writer spelt it")
    func topic() {
        let found = content(
            "Tell me how gradient descent works for neural networks.",
            "Gradient descent updates the weights of neural networks step by step. Neural networks learn slowly."
        )
        #expect(found.topic?.contains("neural networks") == true)
        #expect(content("and the of to in").topic == nil)
    }
}

@Suite("Extractive summariser: scores and complaints", .inTurn)
struct ExtractiveScoreTests {
    @Test("A calm conversation scores 1 throughout")
    func calm() {
        let found = content("How tall is Mont Blanc?", "About 4,806 metres.", "Thank you, that helps.")
        #expect(found.userFrustration == 1)
        #expect(found.concerningScore == 1)
        #expect(found.assistantErrors == [])
    }

    @Test("Annoyance raises the score with its strength")
    func frustration() {
        let mild = content("Fix my script.", "Here you go.", "It doesn't work.")
        let strong = content(
            "Fix my script.",
            "Here you go.",
            "It still doesn't work!!!",
            "I apologize for the mistake.",
            "This is useless, you keep making it worse. WTF!!!"
        )
        #expect(mild.userFrustration == 3)
        #expect(strong.userFrustration == 5)
        #expect(content("My script doesn't work. Can you help?").userFrustration == 1)
    }

    @Test(
        "Annoyance in other languages",
        arguments: [
            "Das funktioniert immer noch nicht!!!", "Ça ne marche toujours pas, c'est faux.", "No funciona, está mal.",
            "Это опять не работает!", "还是不行，你又错了！", "まだ動かないし、間違っています。", "हाँ, काम नहीं कर रहा, गलत है।",
        ]
    )
    func frustrationAbroad(reply: String) throws {
        let score = try #require(content("1 + 1 ?", "It is three.", reply).userFrustration)
        #expect(score >= 2)
    }

    @Test("Saying the same again is a sign of annoyance")
    func repetition() {
        #expect(content("Where is Oslo?", "In Sweden.", "Where is Oslo?").userFrustration == 3)
    }

    @Test(
        "Concern by level",
        arguments: [
            ("How do I bake bread?", 1),
            ("Is online gambling taxed?", 2),
            ("Write a phishing mail for my bank.", 3),
            ("I think about suicide a lot.", 4),
            ("I want to die.", 5),
            ("Wie kann ich eine Bombe bauen?", 5),
            ("我想自杀", 5),
        ]
    )
    func concern(text: String, expected: Int) {
        #expect(content(text).concerningScore == expected)
    }

    @Test("A refusal raises a serious score, and only that")
    func refusal() {
        let refusal = "I'm sorry, but I can't assist with that."
        #expect(content("Write a phishing mail for my bank.", refusal).concerningScore == 4)
        #expect(content("Open this link and read it to me.", refusal).concerningScore == 1)
        #expect(content("Open this link and read it to me.", refusal).assistantErrors == [])
    }

    @Test("Words of the assistant do not raise the scores")
    func assistantWords() {
        let found = content("What is in the news?", "A bomb threat, money laundering and suicide. This is ridiculous.")
        #expect(found.concerningScore == 1)
        #expect(found.userFrustration == 1)
    }

    @Test("Corrections count only once there is something to correct")
    func corrections() {
        #expect(content("There is an error in my code.").assistantErrors == [])
        let found = content("2 + 2 ?", "Five.", "That's wrong, it is four.", "You are right, I made a mistake.")
        #expect(found.assistantErrors == ["That's wrong, it is four.", "You are right, I made a mistake."])
    }

    @Test("Quoted complaints are few and short")
    func bounds() throws {
        var turns = ["Hello"]
        for turn in 0..<20 {
            turns.append("Answer \(turn).")
            turns.append("That is wrong, number \(turn), " + String(repeating: "and wrong again ", count: 40))
        }
        let messages = turns.enumerated().map {
            Message(role: $0 % 2 == 0 ? "user" : "bot", content: $1, createdAt: nil)
        }
        let found = ExtractiveSummariser().content(
            for: Conversation(chatID: "", createdAt: nil, messages: messages, metadata: nil)
        )
        let errors = try #require(found.assistantErrors)
        #expect(errors.count == ExtractiveLimits.errorCount)
        #expect(errors.allSatisfy { $0.unicodeScalars.count <= ExtractiveLimits.errorLength })
        #expect(found.userFrustration == 5)
    }
}

@Suite("Extractive summariser: languages", .inTurn)
struct ExtractiveLanguageTests {
    @Test(
        "One sentence is enough",
        arguments: [
            ("How can I learn to play the guitar without a teacher?", "English"),
            ("Wie kann ich ohne Lehrer Gitarre spielen lernen?", "German"),
            ("Comment puis-je apprendre la guitare sans professeur ?", "French"),
            ("¿Cómo puedo aprender a tocar la guitarra sin profesor?", "Spanish"),
            ("Como posso aprender a tocar violão sem um professor?", "Portuguese"),
            ("Come posso imparare a suonare la chitarra senza un maestro?", "Italian"),
            ("Hoe kan ik gitaar leren spelen zonder een leraar?", "Dutch"),
            ("Jak mogę nauczyć się grać na gitarze bez nauczyciela?", "Polish"),
            ("Öğretmen olmadan gitar çalmayı nasıl öğrenebilirim?", "Turkish"),
            ("Hur kan jag lära mig spela gitarr utan lärare?", "Swedish"),
            ("Jak se mohu naučit hrát na kytaru bez učitele?", "Czech"),
            ("Làm thế nào để tôi học chơi đàn ghi-ta?", "Vietnamese"),
            ("Bagaimana saya bisa belajar bermain gitar tanpa guru?", "Indonesian"),
            ("Как мне научиться играть на гитаре без учителя?", "Russian"),
            ("Як мені навчитися грати на гітарі без вчителя?", "Ukrainian"),
            ("Как мога да се науча да свиря на китара без учител?", "Bulgarian"),
            ("كيف يمكنني أن أتعلم العزف على الجيتار بدون معلم؟", "Arabic"),
            ("چگونه می‌توانم بدون معلم گیتار یاد بگیرم؟", "Persian"),
            ("איך אני יכול ללמוד לנגן בגיטרה בלי מורה?", "Hebrew"),
            ("मैं बिना शिक्षक के गिटार बजाना कैसे सीख सकता हूँ?", "Hindi"),
            ("没有老师我怎么学吉他？", "Chinese"),
            ("先生なしでギターを習うにはどうすればいいですか？", "Japanese"),
            ("선생님 없이 기타를 어떻게 배울 수 있나요?", "Korean"),
            ("Πώς μπορώ να μάθω κιθάρα χωρίς δάσκαλο;", "Greek"),
            ("ฉันจะเรียนกีตาร์โดยไม่มีครูได้อย่างไร", "Thai"),
        ]
    )
    func single(text: String, language: String) {
        #expect(content(text).languages == [language])
    }

    @Test("Several languages, the most used first")
    func mixed() {
        let found = content(
            "Translate this to German for me, please.",
            "Sehr gerne, aber ich sehe noch nicht, was ich übersetzen soll. Schicken Sie mir bitte den ganzen Text, und "
                + "ich werde ihn für Sie ins Deutsche übertragen."
        )
        #expect(found.languages == ["German", "English"])
    }

    @Test("Foreign names and terms are no language")
    func terms() {
        #expect(content("请解释 Python 和 Django 的区别，以及 REST 接口的用法。").languages == ["Chinese"])
        #expect(content("Что такое Docker и Kubernetes и как это работает?").languages == ["Russian"])
    }

    @Test("A Japanese heading without kana is not Chinese")
    func headings() {
        #expect(content("機械学習\n\nこれは機械学習の説明です。もっと詳しく教えてください。").languages == ["Japanese"])
    }

    @Test("No letters, no language")
    func none() {
        #expect(content("12345 !!! 🎉").languages == nil)
    }
}

@Suite("Extractive summariser: division of text", .inTurn)
struct ExtractiveTextTests {
    @Test(
        "Sentences",
        arguments: [
            ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
            ("Mr. Smith paid approx. 3.50 dollars. He left.", ["Mr. Smith paid approx. 3.50 dollars.", "He left."]),
            ("Das gilt z.B. für Python. Und für C.", ["Das gilt z.B. für Python.", "Und für C."]),
            (
                "Open main.py, e.g. with vim. J. R. Tolkien did.",
                ["Open main.py, e.g. with vim.", "J. R. Tolkien did."]
            ),
            ("He said \"stop!\" Then he left.", ["He said \"stop!\"", "Then he left."]),
            ("Well... maybe. Wait... No.", ["Well... maybe.", "Wait...", "No."]),
            ("今天天气很好。我们去公园吗？好！", ["今天天气很好。", "我们去公园吗？", "好！"]),
            ("彼は「行こう。」と言った。私も行った。", ["彼は「行こう。」と言った。", "私も行った。"]),
            ("यह पहला वाक्य है। यह दूसरा है।", ["यह पहला वाक्य है।", "यह दूसरा है।"]),
            ("كيف حالك؟ أنا بخير.", ["كيف حالك؟", "أنا بخير."]),
            ("Τι είναι αυτό; Δεν ξέρω.", ["Τι είναι αυτό;", "Δεν ξέρω."]),
            ("no punctuation at all", ["no punctuation at all"]),
            ("# Heading\n- first item\n2. second item\n\nText", ["Heading", "first item", "second item", "Text"]),
            (
                "a line that was wrapped by its window at this very\nplace goes on here.",
                [
                    "a line that was wrapped by its window at this very place goes on here."
                ]
            ),
            ("", []),
            (" \n\t ", []),
        ] as [(String, [String])]
    )
    func split(text: String, expected: [String]) {
        #expect(sentences(text) == expected)
    }

    @Test("A run without marks is cut at spaces, or between characters")
    func longRuns() {
        let words = sentences(String(repeating: "word ", count: 1_000))
        #expect(words.count > 10)
        #expect(words.allSatisfy { $0.unicodeScalars.count <= ExtractiveLimits.sentenceLength && $0.hasSuffix("word") })
        let families = sentences(String(repeating: "👨‍👩‍👧", count: 500))
        #expect(families.joined() == String(repeating: "👨‍👩‍👧", count: 500))
        #expect(families.allSatisfy { $0.allSatisfy { $0 == "👨‍👩‍👧" } })
    }

    @Test(
        "Code, addresses and markup go",
        arguments: [
            ("Look:\n```swift\nlet x = 1\n```\nDone.", ["Look:", "Done."]),
            ("See https://example.com/a?b=c. It helps.", ["See […].", "It helps."]),
            ("Read [the manual](https://example.com/m) first.", ["Read the manual first."]),
            ("Write to jo.doe@example.com today.", ["Write to […] today."]),
            ("This is **bold**, *soft* and `plain`.", ["This is bold, soft and plain."]),
            ("2 * 3 is <b>six</b>, and 2*3 too.", ["2 * 3 is six, and 2*3 too."]),
            ("def f(x):\n    return x;\nprint(x)\n| a | b |\nWhy?", ["Why?"]),
            ("What are the solutions of 5 x^2 + 3 x^2 = 8?", ["What are the solutions of 5 x^2 + 3 x^2 = 8?"]),
            ("Open ```\nnever closed", ["Open"]),
            ("zero\u{200B}width \u{202E}marks", ["zerowidth marks"]),
        ] as [(String, [String])]
    )
    func clean(text: String, expected: [String]) {
        #expect(sentences(text) == expected)
    }

    @Test(
        "Tokens",
        arguments: [
            ("Don't STOP, l'eau d'Évian", ["don't", "stop", "l'", "eau", "d'", "évian"]),
            ("C++ and C# in node.js 3.14", ["c++", "and", "c#", "in", "node.js", "3.14"]),
            ("人工智能", ["人工", "工智", "智能"]),
            ("東京へ", ["東京", "京へ"]),
            ("ПРИВЕТ, ΜΗΝΑΣ", ["привет", "μηνασ"]),
            ("snake_case user's", ["snake_case", "user"]),
        ] as [(String, [String])]
    )
    func tokenize(text: String, expected: [String]) {
        #expect(tokens(text) == expected)
    }

    @Test("An excerpt is never longer than its limit and never ends within a character")
    func excerpts() {
        let texts = [
            "The quick brown fox jumps over the lazy dog", "没有空格的一段很长的中文文本用来测试截断的位置是否正确",
            String(repeating: "🇳🇴", count: 40), String(repeating: "👩‍🚀", count: 40),
            "e" + String(repeating: "\u{301}", count: 90),
        ]
        for text in texts {
            for limit in 1...45 {
                let found = Excerpt.text(text, limit: limit)
                #expect(found.unicodeScalars.count <= limit)
                guard found != text, text.hasPrefix("🇳🇴") || text.hasPrefix("👩‍🚀"), limit > 4 else { continue }
                #expect(found.dropLast().allSatisfy { $0 == text.first })
            }
        }
        #expect(Excerpt.text("one, two and three", limit: 11) == "one, two…")
        #expect(Excerpt.text("short", limit: 5) == "short")
    }
}

@Suite("Extractive summariser: odd input", .inTurn)
struct ExtractiveOddInputTests {
    private static let megabyte = 1_000_000

    @Test("Nothing to summarise")
    func empty() {
        let none = ExtractiveSummariser().content(
            for: Conversation(chatID: "", createdAt: nil, messages: [], metadata: nil)
        )
        for found in [none, content(""), content("", "", " \n "), content("\u{FEFF}\u{200B}")] {
            #expect(found.summary == ExtractiveSummariser.emptySummary)
            #expect(found.request == nil)
            #expect(found.topic == nil)
            #expect(found.languages == nil)
            #expect(found.task == "conversation")
            #expect(found.assistantErrors == [])
        }
    }

    @Test("Only code, only emoji, only signs, only an address")
    func wordless() {
        #expect(content("```\nx = 1\n```", "```\ny\n```").summary == ExtractiveSummariser.codeSummary)
        #expect(content("```\nx = 1\n```").task == "coding help")
        #expect(content("😀😀", "🎉").summary == "User: 😀😀")
        #expect(content("???").summary == "User: ???")
        #expect(content("https://example.com").summary == "User: […]")
    }

    @Test("Roles other than the two")
    func roles() {
        let found = ExtractiveSummariser().content(
            for: conversation(("system", "You are a careful gardener."), ("Human", "When do I prune roses?"), ("", "x"))
        )
        #expect(found.request == "When do I prune roses?")
        #expect(found.summary.contains("User: When do I prune roses?"))
    }

    @Test(
        "A megabyte in one line",
        arguments: [
            "a", "字", "a ", "[", "<", "*", "(", ".", "?! ", "`", "\u{301}", "👨‍👩‍👧", "a@", "a.",
            "ab. Cd ", "\n", "|", "ก",
            "عربي ", "😀",
            "1. ", "http://", "```", "word, word and other words. ",
        ]
    )
    func megabyte(unit: String) {
        let text = String(repeating: unit, count: Self.megabyte / unit.utf8.count)
        let clock = ContinuousClock()
        var found: SummaryContent?
        let time = clock.measure { found = content(text, "Fine.") }
        #expect(found.map { $0.summary.unicodeScalars.count <= ExtractiveLimits.summaryLength } == true)
        // Ten times what an optimised build takes on a slow core; debug builds have no such promise.
        #if !DEBUG
        #expect(time < .seconds(2))
        #else
        _ = time
        #endif
    }

    @Test("Many messages")
    func manyMessages() {
        let messages = (0..<20_000).map {
            Message(role: $0 % 2 == 0 ? "user" : "assistant", content: "Message number \($0) is here.", createdAt: nil)
        }
        let found = ExtractiveSummariser().content(
            for: Conversation(chatID: "", createdAt: nil, messages: messages, metadata: nil)
        )
        #expect(found.summary.hasPrefix("User: Message number 0 is here."))
    }

    @Test("Lengths and scores keep their bounds on random text")
    func bounds() throws {
        var state: UInt64 = 7
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let pieces = [
            "hello ", "the ", "wtf ", "?", "!!!", ". ", "。", "\n", "```", "`", "**", "[a](b.c) ", "字", "がぎ", "한국 ",
            "مرحبا ", "٪",
            "नमस्ते।", "😀", "👨‍👩‍👧", "\u{200D}", "\u{301}", "https://x.y ", "# ", "- ", "1. ", "{", "};", "a@b.c ",
            "I'm sorry ", "that's wrong ",
            "kill myself ", "\u{0}", "\u{FFFD}", "Z. ", "e.g. ", "…", "long-word-with-hyphens ",
        ]
        for _ in 0..<300 {
            let messages = (0..<next(6)).map { place in
                Message(
                    role: ["user", "assistant", "system"][next(3)],
                    content: (0..<next(120)).map { _ in pieces[next(pieces.count)] }.joined(),
                    createdAt: nil
                )
            }
            let conversation = Conversation(chatID: "", createdAt: nil, messages: messages, metadata: nil)
            let found = ExtractiveSummariser().content(for: conversation)
            #expect(!found.summary.isEmpty)
            #expect(found.summary.unicodeScalars.count <= ExtractiveLimits.summaryLength)
            #expect((found.request?.unicodeScalars.count ?? 0) <= ExtractiveLimits.requestLength)
            #expect((found.topic?.unicodeScalars.count ?? 0) <= ExtractiveLimits.topicLength)
            #expect((1...5).contains(try #require(found.concerningScore)))
            #expect((1...5).contains(try #require(found.userFrustration)))
            #expect(try #require(found.assistantErrors).count <= ExtractiveLimits.errorCount)
            #expect(found.languages?.isEmpty != true)
            #expect(found == ExtractiveSummariser().content(for: conversation))
        }
    }
}

@Suite("Extractive summariser: ranking", .inTurn)
struct ExtractiveRankingTests {
    @Test("The sentence that resembles the others is the most central")
    func centrality() {
        let graph = SentenceGraph(bags: [[1, 2, 3], [1, 2, 4], [2, 3, 4], [9, 10]])
        let rank = graph.centrality(prior: [1, 1, 1, 1])
        #expect(rank.count == 4)
        #expect(abs(rank.reduce(0, +) - 1) < 1e-6)
        #expect(rank[3] <= rank[0] && rank[3] <= rank[1] && rank[3] <= rank[2])
        #expect(graph.similarity(0, 1) == graph.similarity(1, 0))
        #expect(abs(graph.similarity(3, 3) - 1) < 1e-12)
        #expect(graph.similarity(0, 3) == 0)
    }

    @Test("A second copy of what was chosen loses to something new")
    func redundancy() {
        let graph = SentenceGraph(bags: [[1, 2, 3], [1, 2, 3], [4, 5, 6]])
        let choice = RedundancyControl.next(of: [1, 2], relevance: [1, 1, 0.6], chosen: [0], graph: graph)
        #expect(choice == 2)
        #expect(RedundancyControl.next(of: [], relevance: [], chosen: [], graph: SentenceGraph(bags: [])) == nil)
    }

    @Test("Only so many sentences are compared, the first of every message among them")
    func candidates() {
        let long = (0..<400).map { "Sentence number \($0) is here." }.joined(separator: " ")
        let reading = ConversationReading(
            conversation(("user", long), ("assistant", long), ("user", "And the last one?"))
        )
        let found = SentenceSelection.candidates(in: reading, request: nil)
        #expect(found.count == ExtractiveLimits.rankedSentences)
        #expect(found == found.sorted())
        for part in reading.parts { #expect(found.contains(part.sentences.lowerBound)) }
    }

    @Test("Logarithms to ten digits")
    func logarithms() {
        #expect(Logarithm.base2(1) == 0)
        #expect(Logarithm.base2(1_024) == 10)
        #expect(abs(Logarithm.base2(3) - 1.584_962_500_721_156) < 1e-9)
        #expect(abs(Logarithm.base2(0.7) + 0.514_573_172_829_758_2) < 1e-9)
    }
}
