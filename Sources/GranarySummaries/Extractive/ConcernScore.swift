/// How much a conversation should concern whoever runs the service, from 1 (not at all) to 5 (look at once).
///
/// A heuristic to sort by, no judgement: phrases in the user's messages about harm to oneself or others, abuse, crime
/// and attacks on systems, each with a level; the highest found counts, one more if there are several or if the
/// assistant refused. It sees neither context nor negation (a novelist and a burglar read alike), and its lists are
/// short: a score of 1 does not mean that all is well.
enum ConcernScore {
    static func score(_ reading: ConversationReading, cues: Cues) -> Int {
        var highest = 1
        var serious = 0
        var refused = false
        for (number, sentence) in reading.sentences.enumerated() {
            switch reading.speaker(of: sentence) {
            case .user:
                for hit in cues.hits[number] where hit.kind == .concern {
                    highest = max(highest, hit.weight)
                    if hit.weight >= 3 { serious += 1 }
                }
            case .assistant:
                if cues.contains(.refusal, in: number) { refused = true }
            case .other:
                continue
            }
        }
        if highest >= 3, serious >= 3 || refused { highest += 1 }
        // Models also refuse what they merely cannot do, so a refusal alone says little.
        return min(highest, 5)
    }

    static let cues: [CueList] = [
        CueList(
            .concern,
            5,
            """
            kill myself, killing myself, end my life, want to die, commit suicide, build a bomb, make a bomb,
            pipe bomb, nerve agent, sarin, child porn, child pornography, csam, mass shooting, school shooting,
            kill my wife, kill my husband, kill someone, dirty bomb, mich umbringen, selbstmord begehen, bombe bauen,
            me suicider, me tuer, fabriquer une bombe, matarme, suicidarme, quiero morir, fabricar una bomba,
            me matar, quero morrer, fazer uma bomba, uccidermi, suicidarmi, costruire una bomba, zelfmoord plegen,
            bom maken, zabić się, chcę umrzeć, zrobić bombę, kendimi öldürmek, bomba yapımı, покончить с собой,
            хочу умереть, сделать бомбу, вбити себе, хочу померти, зробити бомбу, الانتحار, قتل نفسي, صنع قنبلة,
            خودکشی, ساخت بمب, להתאבד, पिस्तौल बनाने, आत्महत्या, 自杀, 自殺, 制造炸弹, 死にたい, 자살, 죽고 싶
            """
        ),
        CueList(
            .concern,
            4,
            """
            suicide, suicidal, self harm, hurt myself, cut myself, rape, molest, human trafficking, ransomware,
            write malware, make meth, cook meth, synthesize drugs, poison someone, hire a hitman, stalk her,
            stalk him, stalk my, ethnic cleansing, genocide of, credit card fraud, steal credit card, explosives,
            detonator, untraceable gun, ghost gun, selbstmord, vergewaltigung, sprengstoff, suicide assisté, viol,
            violación, suicidio, estupro, suicídio, stupro, zelfmoord, gwałt, samobójstwo, intihar, самоубийство,
            изнасилование, взрывчатка, самогубство, зґвалтування, اغتصاب, تجاوز جنسی, 强奸, 炸弹, 爆弾, 폭탄, 강간
            """
        ),
        CueList(
            .concern,
            3,
            """
            malware, keylogger, phishing, hack into, hacking into, ddos attack, botnet, rootkit, steal passwords,
            crack password, bypass security, exploit code, shellcode, sql injection attack, forged documents, fake id,
            money laundering, launder money, shoplift, steal a car, without getting caught, evade the police,
            deepfake, blackmail, jailbreak, ignore all previous instructions, do anything now, buy drugs, cocaine,
            heroin, fentanyl, meth, spy on my, spyware, abusive, domestic violence, racial slur, eating disorder,
            anorexia, schadsoftware, geldwäsche, gefälschter ausweis, drogen kaufen, logiciel malveillant,
            blanchiment, faux papiers, drogue, lavado de dinero, documentos falsos, drogas, lavagem de dinheiro,
            riciclaggio, droga, witwassen, drugs kopen, pranie pieniędzy, kara para, uyuşturucu, взломать,
            отмывание денег, наркотики, вкрасти, зламати, اختراق, مخدرات, هک, مواد مخدر, 黑客, 洗钱, 毒品, 麻薬, ハッキング, 마약, 해킹
            """
        ),
        CueList(
            .concern,
            2,
            """
            nsfw, erotic, porn, pornographic, sexual, nude, weapon, weapons, gun, guns, hacking, hacker, torrent,
            pirated, piracy, gambling, casino, alcohol, drug, drugs, murder, kill him, kill her, violence, violent,
            illegal, illegally, depressed, depression, anxiety attack, panic attack, lonely, scam, spam, waffe,
            waffen, depressiv, arme à feu, illégal, déprimé, arma, armas, ilegal, deprimido, armi, illegale, depresso,
            wapen, illegaal, broń, nielegalne, silah, yasadışı, оружие, незаконно, депрессия, зброя, депресія, سلاح,
            غير قانوني, اسلحه, 武器, 违法, 抑郁, 違法, うつ病, 무기, 불법, 우울
            """
        ),
    ]
}
