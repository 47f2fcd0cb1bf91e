/// Passages in which the assistant owns to a mistake, or the user points one out, quoted briefly.
///
/// A heuristic on the usual phrases of about a dozen languages, and only after the assistant has said something. It
/// finds what was noticed by the two, and not what is wrong.
enum AssistantErrors {
    static func quotations(_ reading: ConversationReading, cues: Cues) -> [String] {
        var quotations: [String] = []
        for part in reading.parts where part.isReply && part.speaker != .other {
            guard let number = part.sentences.first(where: { admits($0, part.speaker, cues) }) else { continue }
            let text = Excerpt.text(reading.text(of: reading.sentences[number]), limit: ExtractiveLimits.errorLength)
            if !quotations.contains(text) { quotations.append(text) }
            if quotations.count == ExtractiveLimits.errorCount { break }
        }
        return quotations
    }

    private static func admits(_ sentence: Int, _ speaker: ConversationReading.Speaker, _ cues: Cues) -> Bool {
        guard speaker == .assistant else { return cues.contains(.correction, in: sentence) }
        // "I'm sorry, but I can't" declines and confesses nothing.
        return cues.contains(.apology, in: sentence) && !cues.contains(.refusal, in: sentence)
    }

    static let cues: [CueList] = [
        CueList(
            .apology,
            1,
            """
            i apologize for, i apologise for, my apologies, apologies for the, sorry for the confusion,
            sorry for the mistake, sorry for the error, sorry about that, sorry for the misunderstanding, my mistake,
            i made a mistake, i made an error, you're right, you are right, you're absolutely right,
            you are absolutely right, you are correct, you're correct, thank you for pointing, i was wrong,
            i misunderstood, i overlooked, entschuldigung, entschuldige, tut mir leid, du hast recht, sie haben recht,
            mein fehler, je m'excuse, toutes mes excuses, désolé pour, vous avez raison, tu as raison, mon erreur,
            me disculpo, lo siento por, tienes razón, disculpa por, mi error, peço desculpas, desculpe pelo,
            você tem razão, você está certo, meu erro, mi scuso, mi dispiace per, hai ragione, mio errore,
            excuses voor, je hebt gelijk, mijn fout, przepraszam za, masz rację, mój błąd, özür dilerim, haklısınız,
            haklısın, извините за, приношу извинения, вы правы, ты прав, моя ошибка, вибачте за, перепрошую,
            ви маєте рацію, моя помилка, أعتذر عن, أنت محق, معذرة, عذرخواهی, حق با شماست, מתנצל, אתה צודק, क्षमा करें,
            आप सही, माफ़, 抱歉, 对不起, 您说得对, 你说得对, 申し訳, おっしゃる通り, 죄송, 맞습니다, συγγνώμη, έχεις δίκιο
            """
        ),
        CueList(
            .correction,
            1,
            """
            that's wrong, that is wrong, this is wrong, you're wrong, you are wrong, that's incorrect,
            this is incorrect, that is incorrect, that's not correct, that is not correct, that's not right,
            this is not right, not what i asked, not what i meant, not what i want, i meant, you made a mistake,
            you made an error, there's a mistake, there is a mistake, there's an error, there is an error, you forgot,
            you missed, you misunderstood, your answer is wrong, no it's, no it isn't, doesn't work, does not work,
            didn't work, still not working, not working, still wrong, you got it wrong, are you sure,
            that doesn't exist, doesn't exist, does not exist, you made that up, hallucinating, das ist falsch,
            das stimmt nicht, stimmt nicht, du hast vergessen, ich meinte, funktioniert nicht, c'est faux,
            ce n'est pas correct, tu as oublié, tu t'es trompé, ça ne marche pas, ne fonctionne pas,
            eso es incorrecto, está mal, te equivocas, no es correcto, olvidaste, no funciona, está errado,
            isso está errado, você errou, você esqueceu, não funciona, è sbagliato, non è corretto, hai sbagliato,
            hai dimenticato, non funziona, dat klopt niet, dat is fout, je bent vergeten, werkt niet, to jest źle,
            to nieprawda, nie działa, mylisz się, zapomniałeś, bu yanlış, yanlış, çalışmıyor, unuttun,
            это неправильно, это неверно, ты ошибся, вы ошиблись, неверно, не работает, ты забыл, це неправильно,
            ти помилився, не працює, ти забув, هذا خطأ, غير صحيح, لا يعمل, اشتباه است, کار نمی‌کند, זה לא נכון, טעית,
            לא עובד, यह गलत, गलत है, 不对, 错了, 不正确, 你忘了, 違います, 間違って, 間違い, 動きません, 틀렸, 아니에요, 잘못, λάθος, δεν δουλεύει
            """
        ),
        CueList(
            .refusal,
            1,
            """
            i can't assist, i cannot assist, i can't help with, i cannot help with, can't fulfill, cannot fulfill,
            i can't provide, i cannot provide, unable to assist, unable to help, but i can't, but i cannot,
            but i'm unable, but i am unable, i won't, i'm not able to, i am not able to, not able to assist,
            can't comply, kann ich nicht helfen, leider kann ich, je ne peux pas, no puedo ayudar, não posso ajudar,
            non posso aiutar, nie mogę pomóc, yardımcı olamam, не могу помочь, не можу допомогти, لا أستطيع مساعدت,
            无法提供, 不能提供, 我不能, お手伝いできません, 도와드릴 수 없
            """
        ),
    ]
}
