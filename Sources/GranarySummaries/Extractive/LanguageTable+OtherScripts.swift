extension Language {
    /// Where a script has one language here the script decides, and function words serve as stop words only.
    static let otherScripts: [Language] = [
        Language(
            "Russian",
            .cyrillic,
            letters: "ы э ё",
            endings: "ть ся ого ние ения ой ый ий ит ет ди те ые ость ных ами ция ием ете ется",
            """
            и в не на что с как это по для я мне у из от к или но а за о все так же его если бы мы вы он она они был
            быть есть только почему какой какие можно нужно напиши привет спасибо пожалуйста до при чтобы когда где
            мой
            """
        ),
        Language(
            "Ukrainian",
            .cyrillic,
            letters: "і ї є ґ",
            endings: "ти ся ння ого ою ий ить ди те ість них ами ція ться ення єте ому",
            """
            і в не на що з як це по для я мені у від до або але та а за про все так його якщо ми ви він вона вони був
            бути є чому який які можна потрібно напиши привіт дякую будь ласка коли де мій й
            """
        ),
        Language(
            "Bulgarian",
            .cyrillic,
            letters: "ъ",
            endings: "ите ата ява ва ния ият ция ето ане ните ност ят",
            """
            и в не на че с как това за аз ми от към или но а да се е са по до при като какво защо кога къде моля
            благодаря здравей може тази този които ще си трябва бъде няма само има със през всички вашия
            """
        ),
        Language(
            "Serbian",
            .cyrillic,
            letters: "ђ ј љ њ ћ џ",
            endings: "ти ње ања ост ија ни ски ује ити ено ова ра",
            """
            и у не на да са како је то за ја ми од или али а се су по до што зашто када где молим хвала може овај који
            ће није само мора бити сте има вам ваш нема
            """
        ),
        Language(
            "Belarusian",
            .cyrillic,
            letters: "ў і ы э ё",
            endings: "ць ся нне ага асць ых амі цыя аваць эння аны",
            """
            і ў не на што з як гэта для я мне ад або але чаму калі дзе каб вы гэтага пры трэба няма які можа быць яшчэ
            так
            """
        ),
        Language(
            "Arabic",
            .arabic,
            letters: "ة أ إ ذ",
            """
            في من على إلى عن أن هذا هذه ما هل كيف هو هي التي الذي لا مع كان أو ثم كل بين لماذا أنا أنت لي قد بعد قبل
            يمكن مرحبا شكرا اكتب أريد ذلك و يا لم
            """
        ),
        Language(
            "Persian",
            .arabic,
            letters: "پ چ ژ گ",
            """
            و در به از که این را با است برای آن يك تا بر هم چه چگونه چرا من تو ما شما او می مي نمی های هاي هايي یا اما
            اگر باید بايد سلام نیست شده یک هر نام یافت آن‌ها بیشتر لطفا ممنون كنيد كن کنید شود كرد چيست كجا
            """
        ),
        Language("Urdu", .arabic, letters: "ٹ ڈ ڑ ں ے ہ ھ", "کے کی ہے میں اور سے کا کو نے پر یہ ہیں نہیں کیا"),
        Language(
            "Hindi",
            .devanagari,
            """
            के है में की को और से का हैं पर यह कि नहीं क्या कैसे मैं हम आप एक लिए इस था कर मुझे मेरा कृपया नमस्ते
            धन्यवाद
            """
        ),
        Language(
            "Marathi",
            .devanagari,
            letters: "ळ",
            """
            आहे आणि आपण किंवा नाही करा च्या असणे ही हा एक आवश्यक शकत तुम्ही आहेत मध्ये काय कसे मला माझे ते हे या साठी
            होते
            """
        ),
        Language(
            "Nepali",
            .devanagari,
            """
            छ र मा को छैन गरिएको यस एक लागि पर्छ अथवा हुनु यी मात्र पनि गर्नुहोस् तपाईं हुन सक्छ भन्दा हो छन् गर्न के
            कसरी म मेरो भएको यो
            """
        ),
        Language("Chinese", .han),
        Language("Japanese", .kana),
        Language("Korean", .hangul),
        Language(
            "Greek",
            .greek,
            """
            ο η το οι τα του της των τον την και να με σε για από είναι που δεν θα μου σου τι πώς πως στο στη στην
            στον στους στις ένα μια ένας αυτό αυτή γιατί όταν αλλά ή αν μας γίνεται μπορείς μπορώ θέλω
            """
        ),
        Language(
            "Hebrew",
            .hebrew,
            """
            של את על הוא היא זה זאת לא אני אתה עם כל גם או אם כי יש אין מה איך למה אבל רק עד לי לך הם אנחנו בין כמו
            אחרי לפני היה
            """
        ),
        Language("Thai", .thai),
        Language("Armenian", .armenian),
        Language("Bengali", .bengali),
        Language("Punjabi", .gurmukhi),
        Language("Gujarati", .gujarati),
        Language("Tamil", .tamil),
        Language("Telugu", .telugu),
        Language("Kannada", .kannada),
        Language("Malayalam", .malayalam),
        Language("Sinhala", .sinhala),
        Language("Lao", .lao),
        Language("Burmese", .myanmar),
        Language("Georgian", .georgian),
        Language("Amharic", .ethiopic),
        Language("Khmer", .khmer),
    ]
}
