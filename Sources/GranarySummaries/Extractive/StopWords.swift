/// Words that say nothing of a conversation's subject.
///
/// The function words of the languages found, and for English also the verbs and nouns of asking and answering:
/// "write", "help", "example" stand in any chat and would be every chat's topic.
struct StopWords: Sendable {
    /// For every number of the vocabulary, whether that word is one.
    private let flags: [Bool]

    init(vocabulary: Vocabulary, languages: [Int]) {
        let known = languages + [Language.english]
        flags = vocabulary.words.map { word in
            if Self.general.contains(word) || Self.isPairWithoutNoun(word) || Self.asks(word) { return true }
            return LanguageEvidence.shared.languages(ofFunctionWord: word).contains { known.contains($0.language) }
        }
    }

    subscript(word: Int) -> Bool {
        flags[word]
    }

    /// "Translate" and its like in all languages say what is to be done and not about what.
    private static func asks(_ word: String) -> Bool {
        CueIndex.shared.entries(beginningWith: word).contains { entry in
            let asks = entry.kind == .command || entry.kind == .request || entry.kind == .greeting
            return entry.rest.isEmpty && (asks || entry.kind == .task(.translation))
        }
    }

    /// Hiragana write the endings and particles of Japanese, and these characters those of Chinese; a pair with one of
    /// them joins two words or is none.
    private static func isPairWithoutNoun(_ word: String) -> Bool {
        let scalars = word.unicodeScalars
        guard let first = scalars.first, first.value >= 0x3005, scalars.count <= 2 else { return false }
        return scalars.contains { (0x3041...0x309F).contains($0.value) || particles.contains($0) }
            || koreanEndings.contains(word)
    }

    private static let particles = Set(
        """
        的了是在和与及吗呢吧啊我你您他她它们这那哪什么怎如何为请把被让给对从就也都很还没不有可以个一些几帮写说做使得着过但而且因所果
        当其此該這個們嗎為請對從會說還沒
        """.unicodeScalars.filter { $0 != "\n" }
    )

    private static let koreanEndings: Set<String> = [
        "에서", "으로", "하는", "니다", "세요", "습니", "합니", "입니", "해줘", "주세", "있는", "대한", "대해", "어떻", "떻게",
        "해주", "하고", "에게", "부터", "까지", "있습", "것은", "것이", "무엇", "하면", "나요", "인가", "가요",
    ]

    private static let general = Set(
        """
        a about above across actually add added adding after again against allow allows almost already also although
        always among another answer answers any anyone anything ask asked asking aspect aspects away based basic
        because become before begin being below best better between beyond both called cannot case cases certain
        certainly change check clear clearly code come comes common consider contains correct could couldn't create
        created creates creating current currently define defined depending describe described detail details did
        didn't different does doesn't doing done down during each easily easy either else ensure ensures especially
        etc even ever every example examples exactly explain explanation far feel few find first follow following
        follows form found full further general generally generate get gets getting give given gives go goes going
        good got great happy hasn't haven't having help helpful helps hence her here here's hers high him himself his
        however i'd i'll i've idea important include included includes including instead into involves isn't it'd
        it'll itself keep key kind know known large last later least leave less let let's like likely list little long
        look looking lot low made mainly make makes making many may maybe mean means might mind more most much must
        need needed needs neither never new next nice nor note nothing now number numbers of off often ok okay old
        once one ones only onto option options order other others otherwise ourselves out over own part particular
        people per perform perhaps place point points possible potential problem provide provided provides put
        question questions quite rather read really regarding related replace required requires result results return
        returns right run said same say says second see seem seems seen sense set several shall she shouldn't show
        shown shows simple simply since single small something sometimes specific start starts step steps still stop
        structure such suggest sure take taken takes talk tell text than that's thank thanks themselves there's
        therefore they're thing things think third though thought three through throughout thus time times together
        too took top toward try trying turn two type types under understand unless until up upon us use used useful
        user uses using usually value values various very via wasn't way ways we'd we'll we're we've well went weren't
        whatever what's whenever where's whereas whether while whole whom whose within without won't word words work
        working works would wouldn't written wrote yes yet you'd you'll you're you've yourself it's sorry apologize am
        can't names name implement implementing implementation lets unknown adds title field fields want wants wanted
        wrong supposed incorrect mistake i.e e.g assume handle method methods
        """.split(whereSeparator: \.isWhitespace).map(String.init)
    )
}
