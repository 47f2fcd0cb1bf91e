/// How annoyed the user seems, from 1 (not at all) to 5.
///
/// A heuristic: points for phrases of annoyance in the user's messages, for shouting, for rows of exclamation marks and
/// for saying the same thing again. It knows common phrases of about a dozen languages; it sees neither irony nor
/// politeness, and takes a quotation for the user's own words.
enum UserFrustration {
    static func score(_ reading: ConversationReading, cues: Cues) -> Int {
        var points = 0
        for part in reading.parts where part.speaker == .user {
            if part.isRepeated { points += repetitionPoints }
            var shouted = false
            for number in part.sentences {
                // "It doesn't work" describes the problem at first, and judges the help later.
                for hit in cues.hits[number] where hit.kind == .frustration && (part.isReply || hit.weight > 1) {
                    points += hit.weight
                }
                if part.isReply, cues.contains(.correction, in: number) { points += correctionPoints }
                // A first message in capitals is a habit, or pasted.
                if part.isReply, !shouted { shouted = isShouted(reading.text(of: reading.sentences[number])) }
            }
            if shouted { points += shoutingPoints }
        }
        return level(of: points)
    }

    private static let repetitionPoints = 2
    private static let correctionPoints = 1
    private static let shoutingPoints = 1

    private static func level(of points: Int) -> Int {
        switch points {
        case ...0: 1
        case 1: 2
        case 2...3: 3
        case 4...5: 4
        default: 5
        }
    }

    private static let marksOfShouting = 3
    private static let lettersOfShouting = 12

    /// Three or more exclamation or question marks together, or a sentence in capitals too long for an abbreviation.
    private static func isShouted(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
        var marks = 0
        var capitals = 0
        var others = 0
        var spaces = 0
        for scalar in text {
            if scalar == "!" || scalar == "?" || scalar == "！" || scalar == "？" {
                marks += 1
                if marks >= marksOfShouting { return true }
                continue
            }
            marks = 0
            if scalar == " " { spaces += 1 }
            guard case .letter(let script) = ScalarClass(scalar), script == .latin || script == .cyrillic else {
                continue
            }
            if LetterFolding.small(scalar) != scalar { capitals += 1 } else { others += 1 }
        }
        return capitals >= lettersOfShouting && others * 10 < capitals && spaces >= 2
    }

    static let cues: [CueList] = [
        CueList(
            .frustration,
            3,
            """
            wtf, what the hell, what the fuck, fuck, fucking, fuck you, bullshit, piece of shit, this is useless,
            you are useless, you're useless, so useless, are you stupid, you idiot, you're stupid, waste of time,
            wasting my time, this is ridiculous, i give up, so frustrating, i'm frustrated, i am frustrated, fed up,
            sick of this, are you kidding, scheiße, verdammt, nutzlos, du idiot, zeitverschwendung, putain, merde,
            inutile, tu es nul, mierda, inútil, no sirves, eres idiota, pérdida de tiempo, merda, que droga,
            perda de tempo, vaffanculo, cazzo, kurwa, bezużyteczne, strata czasu, nutteloos, waardeloos, kut,
            saçmalık, işe yaramaz, aptal, блять, бесполезно, тупой, ты дурак, марна трата, дурень, марно, غبي,
            عديم الفائدة, احمق, بی فایده, טיפש, חסר תועלת, बेकार, बेवकूफ, 垃圾, 傻逼, 没用, 废物, 役に立たない, ふざけるな, バカ, 쓸모없, 바보,
            짜증, άχρηστο, ηλίθιε
            """
        ),
        CueList(
            .frustration,
            2,
            """
            still doesn't work, still not working, still wrong, still does not work, not working again, again wrong,
            wrong again, i already told you, i told you, i already said, as i said, how many times, you keep,
            you didn't read, stop doing, listen to me, that's not what i asked, not what i asked, not what i wanted,
            not what i want, that's not what i want, you're not listening, you are not listening, annoying, annoyed,
            frustrating, ridiculous, hate this, pay attention, immer noch nicht, schon wieder,
            das habe ich nicht gefragt, nervt, habe ich doch gesagt, toujours pas, encore une fois faux,
            ce n'est pas ce que, je t'ai déjà dit, sigue sin funcionar, otra vez mal, no es lo que, ya te dije,
            ainda não funciona, não foi isso, não é isso, já falei, ancora non funziona, non è quello che,
            te l'ho già detto, werkt nog steeds niet, dat vroeg ik niet, nadal nie działa, nie o to, już mówiłem,
            hâlâ çalışmıyor, sana söyledim, всё ещё не работает, все еще не работает, опять, я же сказал, не то что я,
            досі не працює, знову не, я ж казав, ما زال لا يعمل, ليس هذا ما, هنوز کار نمی‌کند, עדיין לא עובד,
            अभी भी काम नहीं, 还是不行, 还是不对, 我说过, 又错, 不是我要, まだ動かない, 違うって, 아직도 안, 그게 아니
            """
        ),
        CueList(
            .frustration,
            1,
            """
            come on, terrible, awful, seriously, doesn't work, does not work, didn't work, not working, isn't working,
            no that's, that's wrong, you're wrong, you are wrong, not correct, incorrect, stop it, makes no sense,
            try again, useless, stupid, disappointed, confusing, funktioniert nicht, geht nicht, falsch,
            ne marche pas, ne fonctionne pas, c'est faux, no funciona, está mal, não funciona, está errado,
            non funziona, sbagliato, werkt niet, nie działa, źle, çalışmıyor, yanlış, не работает, неправильно,
            неверно, не працює, لا يعمل, خطأ, کار نمی‌کند, לא עובד, काम नहीं, गलत, 不对, 不行, 错了, 動かない, 間違, 안 돼, 틀렸,
            δεν δουλεύει, λάθος
            """
        ),
    ]
}
