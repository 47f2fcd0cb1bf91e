/// The sentence in which the user says what is wanted.
///
/// It is looked for in the first user message with something to say, by signs of asking: a question mark, a command as
/// the first word, "can you", "how to" and their like. Requests stand at the beginning of a message or, after pasted
/// material, at its end, so these places count too.
struct RequestSentence: Sendable {
    /// Its number among the sentences of the reading.
    let number: Int
    /// The sentence that says what it is about, where it names nothing itself: "What am I doing wrong?"
    let context: Int?

    /// `nil` if the user says nothing in words.
    init?(_ reading: ConversationReading, cues: Cues, stopWords: StopWords) {
        var fallback: Int?
        for part in reading.parts where part.speaker == .user {
            guard let best = Self.best(in: part, of: reading, cues: cues) else { continue }
            fallback = fallback ?? best
            // "Hello!" and "thanks" come before the matter.
            guard !Self.isCourtesy(best, of: reading, cues: cues) else { continue }
            number = best
            context = Self.context(of: best, in: part, of: reading, stopWords: stopWords)
            return
        }
        guard let fallback else { return nil }
        number = fallback
        context = nil
    }

    /// The request as it is quoted, within ``ExtractiveLimits/requestLength``.
    func quotation(_ reading: ConversationReading) -> String {
        let sentence = reading.sentences[number]
        let asked = Excerpt.text(reading.text(of: sentence), limit: ExtractiveLimits.requestLength)
        guard let context else { return asked }
        let about = reading.sentences[context]
        let joint = abs(sentence.ordinal - about.ordinal) == 1 ? " " : " […] "
        let room = ExtractiveLimits.requestLength - asked.unicodeScalars.count - joint.unicodeScalars.count
        guard room >= Self.leastContext else { return asked }
        let told = Excerpt.text(reading.text(of: about), limit: room)
        return context < number ? told + joint + asked : asked + joint + told
    }

    /// Less of a sentence tells nothing.
    private static let leastContext = 30
    /// A request with fewer words of its own than these leans on what was said before it.
    private static let ownWords = 2

    private static func context(
        of number: Int,
        in part: ConversationReading.Part,
        of reading: ConversationReading,
        stopWords: StopWords
    ) -> Int? {
        func namesEnough(_ number: Int) -> Bool {
            let tokens = reading.tokens[reading.sentences[number].tokens]
            return tokens.lazy.filter { !stopWords[$0.word] }.prefix(ownWords).count == ownWords
        }
        guard !namesEnough(number) else { return nil }
        if let before = (part.sentences.lowerBound..<number).first(where: namesEnough) { return before }
        // "Help me with this question:"
        let next = number + 1
        guard reading.text(of: reading.sentences[number]).last == ":", part.sentences.contains(next) else { return nil }
        return namesEnough(next) ? next : nil
    }

    private static let questionScore = 3.0
    private static let signScore = 2.0
    private static let firstScore = 2.0
    private static let earlyScore = 1.0
    private static let lastScore = 1.0
    private static let greetingScore = -3.0
    private static let headingScore = -1.0
    private static let fragmentScore = -2.5
    private static let fragmentTokens = 3
    private static let earlySentences = 3
    /// What stands amid a long message is material and not the request.
    private static let middleScore = -2.5
    private static let lateSentences = 3

    private static func isCourtesy(_ number: Int, of reading: ConversationReading, cues: Cues) -> Bool {
        let sentence = reading.sentences[number]
        return sentence.tokens.count <= 2 * fragmentTokens && cues.contains(.greeting, in: number)
            && !cues.contains(.request, in: number)
    }

    private static func best(in part: ConversationReading.Part, of reading: ConversationReading, cues: Cues) -> Int? {
        var best: Int?
        var bestScore = -Double.infinity
        for number in part.sentences where !reading.sentences[number].tokens.isEmpty {
            let score = score(number, in: part, of: reading, cues: cues)
            if score > bestScore {
                best = number
                bestScore = score
            }
        }
        return best
    }

    private static func score(
        _ number: Int,
        in part: ConversationReading.Part,
        of reading: ConversationReading,
        cues: Cues
    ) -> Double {
        let sentence = reading.sentences[number]
        var score = 0.0
        if sentence.isQuestion { score += questionScore }
        if cues.contains(.command, in: number) { score += signScore }
        if cues.contains(.request, in: number) { score += signScore }
        if sentence.ordinal == 0 {
            score += firstScore
        } else if sentence.ordinal < earlySentences {
            score += earlyScore
        }
        let fromEnd = part.sentences.upperBound - 1 - number
        if fromEnd == 0 {
            score += lastScore
        } else if sentence.ordinal >= earlySentences, fromEnd >= lateSentences {
            score += middleScore
        }
        if sentence.shape == .heading { score += headingScore }
        if sentence.tokens.count < fragmentTokens { score += fragmentScore }
        if isCourtesy(number, of: reading, cues: cues) { score += greetingScore }
        return score
    }

    static let cues: [CueList] = [
        CueList(
            .request,
            1,
            """
            how do i, how to, how can i, how can we, how would, how should, can you, could you, would you, will you,
            please, i want, i need, i'd like, i would like, help me, is there, is it possible, tell me, give me,
            show me, what is, what are, what's, which, your task, you will, you need to, kannst du, können sie,
            könntest du, bitte, wie kann, ich möchte, ich brauche, ich will, hilf mir, was ist, peux tu, pouvez vous,
            pourrais tu, je veux, je voudrais, j'ai besoin, aide moi, s'il te plaît, s'il vous plaît, comment, puedes,
            podrías, por favor, quiero, necesito, ayúdame, cómo, qué es, pode me, poderia, quero, preciso, como faço,
            o que é, puoi, potresti, per favore, vorrei, come posso, ho bisogno, aiutami, kun je, kunt u, alsjeblieft,
            ik wil, hoe kan, czy możesz, proszę, chcę, potrzebuję, jak, lütfen, istiyorum, nasıl, пожалуйста, как,
            можешь, помоги, мне нужно, хочу, будь ласка, як, можеш, допоможи, мені потрібно, كيف, من فضلك, أريد,
            هل يمكن, ساعدني, چگونه, چطور, لطفا, می‌خواهم, איך, בבקשה, אני רוצה, אפשר, कैसे, कृपया, मुझे, 请帮, 请写, 请你,
            请问, 帮我, 如何, 怎么, 怎样, 能不能, ください, 教えて, お願い, 方法, ですか, ほしい, 해줘, 해주세요, 알려, 어떻게, 부탁, πώς, μπορείς, παρακαλώ,
            θέλω, hãy, làm thế nào, giúp tôi, bagaimana, tolong, buatkan, อย่างไร, ช่วย, อธิบาย, ขอ
            """
        ),
        CueList(
            .command,
            1,
            """
            write, create, make, generate, explain, describe, list, give, show, tell, find, fix, design, develop,
            implement, build, code, translate, summarize, summarise, rewrite, act, provide, compare, solve, calculate,
            analyze, analyse, suggest, draft, convert, help, imagine, pretend, plan, compose, prove, compute, outline,
            discuss, identify, add, remove, refactor, optimize, debug, answer, correct, improve, classify, extract,
            craft, what, how, why, when, where, who, which, can, could, is, are, do, does, should, will, schreibe,
            schreib, erstelle, erkläre, übersetze, gib, nenne, zeige, écris, explique, traduis, donne, rédige, crée,
            fais, escribe, explica, traduce, dame, crea, haz, escreva, traduza, crie, faça, dê, scrivi, spiega,
            traduci, dammi, fai, schrijf, vertaal, geef, maak, leg, napisz, wyjaśnij, przetłumacz, podaj, zrób, yaz,
            açıkla, çevir, ver, напиши, напишите, объясни, переведи, составь, придумай, расскажи, поясни, переклади,
            склади, розкажи, اكتب, اشرح, ترجم, أعطني, بنویس, توضیح, כתוב, הסבר, תרגם, लिखो, लिखें, समझाओ, बताओ, 写一,
            翻译, 解释, 总结, 给我, 帮我, γράψε, εξήγησε, viết, tulis, ช่วย, แปล, เขียน, อธิบาย
            """
        ),
    ]
}
