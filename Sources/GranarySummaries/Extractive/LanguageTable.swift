extension Language {
    /// In the order that decides between equals: the language with more users of chat models first.
    static let all: [Language] = latin + otherScripts

    static let english = 0

    private static let latin: [Language] = [
        Language(
            "English",
            .latin,
            endings: "ing tion ed ly ment ness ght ble ous ity ies ers ould",
            """
            the of and to in is that it for you with as are this be on not have what how can your from at or an if we
            they which would about there their will do does i my me he she was were but by all when who why where
            please write don't i'm it's hello thanks could should than then these those has had been our its so some
            any just
            """
        ),
        Language(
            "Spanish",
            .latin,
            letters: "ñ á é í ó ú",
            endings: "ción ar ado ada idad mente ores nte os as ito ones illo",
            """
            el la los las de que y en un una es por con para como se del al lo su más no qué cómo me mi pero este esta
            son sobre también si puede hay ser entre cuando muy sin porque tiene está cuál quiero puedo hola gracias
            yo tu te escribe hacer ese esto donde dónde
            """
        ),
        Language(
            "French",
            .latin,
            letters: "é è ê à ç ù œ î ô û â",
            endings: "tion er ment eur eux aux eau ique ité ez ée és age oir ien",
            """
            le la les des et est une un du dans pour que qui pas ne sur avec au aux ce cette il elle nous vous je mon
            ma mes sont ou comme plus mais par se de en d' l' j' n' c' qu' s' m' être fait peut tout comment pourquoi
            quel quelle bonjour merci moi votre ces leur où si suis écris
            """
        ),
        Language(
            "German",
            .latin,
            letters: "ß ä ö ü",
            endings: "ung er en lich keit isch heit ten chen icht elt tion ert ieren eit",
            """
            der die das und ist nicht ein eine einen einem einer zu mit auf für von den dem des sich auch es an ich
            wie was wir sie er im wird werden kann können sind haben hat aus bei oder als noch nach nur aber wenn mein
            meine mir mich du dass bitte zum zur über warum welche gibt danke hallo in so wo ihr schreibe immer kommt
            machen habe geht mal schon alle doch hier dann achte
            """
        ),
        Language(
            "Portuguese",
            .latin,
            letters: "ã õ ç á é ê ó í ú â",
            endings: "ção ções ar ado ada dade mente ões ente ência eiro nte ais os as",
            """
            o a os as de que e em um uma é por com para como se do da dos das no na nos nas ao mais não seu sua ou ser
            quando muito há foi são também eu você isso este está meu minha mas qual quero pode pelo pela fazer olá
            obrigado obrigada onde escreva
            """
        ),
        Language(
            "Italian",
            .latin,
            letters: "à è ì ò ù",
            endings: "zione zioni ato ata are ere ità mente tto ano ni re ti llo",
            """
            il lo la i gli le di che e un una è per con non sono del della dei delle nel nella al alla da in si come
            più anche ma questo questa ha ho mi dell' l' un' c' perché cosa quale dove quando essere fare tra sul
            sulla ciao grazie puoi vorrei io su scrivi suo loro
            """
        ),
        Language(
            "Dutch",
            .latin,
            letters: "ë ï",
            endings: "ijk ing en heid lijk aar oor eren elijk aan ijn ieuw",
            """
            de het een en van is dat in te op zijn voor met die niet aan er om ook als bij dan maar wat hoe je ik mijn
            naar uit kan deze dit wordt door heeft hebben of worden over geen nog waarom welke zou kunnen jij wij zij
            hallo dank bedankt graag moet zo tot schrijf
            """
        ),
        Language(
            "Polish",
            .latin,
            letters: "ą ć ę ł ń ś ź ż ó",
            endings: "ać nie ych ego ość anie emy ów ie ach wać eń cz ny owy sz",
            """
            i w na do że nie się jest to jak o co po dla od za przez są czy ale lub oraz tym tego które który która
            może być mi mnie mój moje jako ich jego tylko już bardzo dlaczego proszę dziękuję cześć gdzie mam chcę u
            ten ta napisz można
            """
        ),
        Language(
            "Turkish",
            .latin,
            letters: "ğ ı ş ç ö ü",
            endings: "lar ler mak mek dir dır yor ları leri nda lık lik niz dan",
            """
            ve bir bu için ile da de ne mi mı mu mü olarak daha çok gibi nasıl en ben sen o var yok olan ama kadar
            sonra neden bana benim her değil veya hangi nedir merhaba teşekkürler lütfen ya ki şey yapmak istiyorum şu
            ise
            """
        ),
        Language(
            "Swedish",
            .latin,
            letters: "å ä ö",
            endings: "er en ning arna erna het isk igt ande lig tion orna ellt ligt ar",
            """
            och att det i en är som på för med av den till inte ett om har jag du kan hur vad men från var de vi eller
            så min mig ska vill när också hej tack varför mycket bara finns vilken skriv detta denna efter vara inga
            alla här måste bli endast
            """
        ),
        Language(
            "Danish",
            .latin,
            letters: "æ ø å",
            endings: "er et en ning hed isk else ede lige erne erede ende tion eligt",
            """
            og at det i en er som på for med af den til ikke et om har jeg du kan hvordan hvad men fra var de vi eller
            så min mig skal vil når også hej tak hvorfor meget kun bliver nogle hvilken skriv denne dette efter være
            siden hver flere gør end deres blive ingen her dig sig os mere blev uden mellem ud noget nu hvem måske ved
            """
        ),
        Language(
            "Norwegian",
            .latin,
            letters: "æ ø å",
            endings: "er et en ning het isk else ene ert lige ende elig sjon tte",
            """
            og at det i en er som på for med av den til ikke et om har jeg du kan hvordan hva men fra var de vi eller
            så min meg skal vil når også hei takk hvorfor mye bare blir noen hvilken skriv kun bli dette denne etter
            være siden hver flere gjør enn deres deg seg oss mer ble uten mellom ut noe nå hvem kanskje ved å hvis
            """
        ),
        Language(
            "Finnish",
            .latin,
            letters: "ä ö",
            endings: "ssa ssä sta stä lla llä inen aan ään ksi tta ttä iin oon tua isi ivat ista minen",
            """
            ja on ei se että miten mitä en voi kun tai mutta ovat olen minun minä sinä oli jos kuin niin myös hei
            kiitos ole tämä joka sen miksi mikä voit haluan kanssa sekä tämän sinun ennen jälkeen vain sama kaikki
            eivät täytyy olla
            """
        ),
        Language(
            "Czech",
            .latin,
            letters: "ě š č ř ž ý á í é ú ů",
            endings: "ní ost ých ého ání né ho it at ení ský ovat ka nu ny te ou",
            """
            je na se že to do jak co pro i si by jsem ale jako po tak nebo který která jsou mi můj moje za být může
            prosím děkuji ahoj proč kde jen už když není
            """
        ),
        Language(
            "Romanian",
            .latin,
            letters: "ă â î ș ț ş ţ",
            endings: "ului ție ilor are ea ează ate iei rea ți ul",
            """
            și de la în un o cu nu pe ce este să din pentru care mai sunt sau ca că cum se al ale am ai fi fost foarte
            vreau bună mulțumesc unde când dar eu îmi poți cel
            """
        ),
        Language(
            "Hungarian",
            .latin,
            letters: "ő ű á é í ó ö ú ü",
            endings: "ság ség nak nek ban ben kat ket ása ése ott ett ának ani eni hoz hez ból ből",
            """
            a az és hogy nem egy is van ez meg de mint ha csak vagy ki mi el már hogyan mit én te köszönöm szia kell
            lehet milyen miért ezt azt nagyon volt lesz kérem
            """
        ),
        Language(
            "Indonesian",
            .latin,
            endings: "kan nya an ang asi aan eng uk",
            """
            yang dan di ini itu untuk dengan tidak dari dalam adalah saya bagaimana apa ke pada anda akan atau bisa
            dapat ada juga oleh kami kita tolong terima kasih halo seperti karena mengapa lebih buat buatkan sebuah
            """
        ),
        Language(
            "Vietnamese",
            .latin,
            letters: "đ ơ ư ạ ả ấ ầ ậ ắ ằ ế ề ệ ị ố ồ ộ ớ ờ ợ ụ ủ ứ ừ ự",
            """
            và của là có cho không được một các những trong với này để người tôi bạn như thế nào gì làm khi đã về cần
            hãy ở từ cách
            """
        ),
        Language(
            "Catalan",
            .latin,
            letters: "à è ò ç í ú",
            endings: "ció ons ar ment tat tge itzar ions ets ls ny ada",
            """
            el la els les de que i en un una és per amb com no del al més però aquest aquesta són què sobre també si
            pot hi ser quan molt sense perquè està vull hola gràcies jo meu
            """
        ),
    ]
}
