extension TaskClass {
    /// Weight 5: the word alone says it. Weight 3: it nearly does. Weight 1: it adds to others.
    static let cues: [CueList] = [
        CueList(
            .task(.translation),
            6,
            """
            translate, translation, translated, translating, translator, übersetze, übersetzen, übersetzung, traduire,
            traduis, traduction, traduisez, traduce, traducir, traducción, traduzca, traduza, traduzir, tradução,
            traduci, tradurre, traduzione, vertaal, vertalen, vertaling, przetłumacz, tłumaczenie, çevir, çeviri,
            tercüme, переведи, переведите, перевод, перевести, переклади, переклад, ترجم, ترجمة, ترجمه, תרגם, תרגום,
            अनुवाद, 翻译, 翻譯, 翻訳, 번역, μετάφραση, μετάφρασε, dịch sang, terjemahkan
            """
        ),
        CueList(
            .task(.summarising),
            5,
            """
            summarize, summarise, summarizing, summarising, summarization, tl dr, tldr, key points, main points,
            in a nutshell, zusammenfassen, fasse, zusammenfassung, résume, résumer, résumé de, resume este, resumir,
            resumen, resumo, riassumi, riassunto, samenvatten, samenvatting, streszczenie, podsumuj, özetle, özet,
            кратко изложи, резюмируй, підсумуй, لخص, ملخص, خلاصه, סכם, सारांश, 总结, 總結, 摘要, 要約, 요약
            """
        ),
        CueList(.task(.summarising), 2, "summary, shorten, condense, abstract of"),
        CueList(
            .task(.customerSupport),
            5,
            """
            refund, my order, tracking number, customer service, customer support, my subscription, my account,
            warranty, my invoice, was charged, unsubscribe, delivery date, money back, return label, rückerstattung,
            meine bestellung, kundendienst, remboursement, ma commande, reembolso, mi pedido, meu pedido, rimborso,
            il mio ordine, terugbetaling, mijn bestelling, zwrot pieniędzy, moje zamówienie, iade, siparişim,
            возврат денег, мой заказ, повернення коштів, моє замовлення, استرداد, طلبي, 退款, 我的订单, 返金, 환불
            """
        ),
        CueList(
            .task(.customerSupport),
            1,
            "shipping, delivery, shipment, invoice, complaint, cancel, billing, reset my"
        ),
        CueList(
            .task(.dataAnalysis),
            5,
            """
            data analysis, analyze the data, analyse the data, analyze this data, dataset, datasets, data set,
            dataframe, spreadsheet, pivot table, correlation, linear regression, histogram, scatter plot, p value,
            standard deviation, data science, data scientist, data visualization, confidence interval, datenanalyse,
            datensatz, análisis de datos, analyse de données, análise de dados, analisi dei dati, analiza danych,
            veri analizi, анализ данных, аналіз даних, تحليل البيانات, 数据分析, 数据集, データ分析, 데이터 분석
            """
        ),
        CueList(
            .task(.dataAnalysis),
            2,
            """
            csv, excel, statistics, statistical, regression, pandas, chart, charts, plot, forecast, dashboard, kpi,
            survey, visualize, visualization, clustering, machine learning, market size, metrics, anova, variance
            """
        ),
        CueList(
            .task(.coding),
            5,
            """
            python, javascript, typescript, java, c++, c#, rust, golang, php, sql, mysql, postgresql, html, css,
            django, flask, react, angular, node.js, nodejs, vue, regex, stack trace, compiler, unit test, source code,
            git, docker, kubernetes, bash, powershell, linux, kotlin, visual basic, vba, matlab, verilog,
            systemverilog, arduino, fortran, haskell, ocaml, scala, perl, lua, julia, pytorch, tensorflow, webpack,
            laravel, spring boot, terraform, ansible, github, programmieren, programa en, programmer en, программу,
            код на, код, 代码, 编程, 程序, 函数, コード, プログラム, 코드, 함수, برمجة, كود, برنامه نویسی, कोड
            """
        ),
        CueList(
            .task(.coding),
            3,
            """
            code, coding, script, scripts, debug, bug, error message, exception, programming, program, api, json,
            yaml, xml, backend, frontend, software, command line, terminal, server, compile, refactor, app, website,
            web page, database, query, implementation, .net, swift, unity, shader, kernel, gpu, css file, schema,
            web server, programm, skript, datenbank, fehlermeldung, programme, logiciel, código, codice, kod, сервер,
            скрипт
            """
        ),
        CueList(
            .task(.coding),
            1,
            """
            function, functions, class, method, variable, array, loop, library, framework, algorithm, file, files,
            install, implement, component, endpoint, server, installing, model, chatbot, package, module, plugin, bot,
            error
            """
        ),
        CueList(
            .task(.maths),
            5,
            """
            solve for, equation, equations, integral, derivative, calculus, algebra, theorem, prove that, polynomial,
            square root, geometry, trigonometry, eigenvalues, eigenvalue, prime numbers, differential equation,
            gleichung, mathematik, ableitung, équation, mathématiques, dérivée, ecuación, matemáticas, equação,
            matemática, equazione, matematica, vergelijking, wiskunde, równanie, matematyka, denklem, matematik,
            уравнение, математика, рівняння, معادلة, رياضيات, معادله, משוואה, समीकरण, गणित, 方程, 数学, 方程式, 방정식, 수학
            """
        ),
        CueList(
            .task(.maths),
            2,
            """
            solve, calculate, compute, probability, proof, prove, matrix, fraction, triangle, math, maths,
            mathematics, mathematical, divided by, multiplied, percent, percentage, berechne, calcule, calcula,
            calcola, oblicz, hesapla, вычисли, обчисли, احسب, 计算, 計算, 계산, how many
            """
        ),
        CueList(
            .task(.planning),
            5,
            """
            itinerary, meal plan, workout plan, study plan, project plan, roadmap, business plan, travel plan,
            lesson plan, to do list, training plan, curriculum, agenda, reiseplan, trainingsplan, ernährungsplan,
            itinéraire, itinerario, roteiro, reisplan, plan podróży, план тренировок, план на, خطة, برنامه سفر, 行程,
            计划, 計画, 旅行, 계획
            """
        ),
        CueList(
            .task(.planning),
            2,
            """
            plan, planning, schedule, trip, travel, budget, strategy, milestones, organize, organise, workshop,
            workshops, vacation, wedding, timeline, steps to, planen, planifier, planificar, planejar, pianificare,
            plannen, zaplanuj, planla, план
            """
        ),
        CueList(
            .task(.writing),
            5,
            """
            essay, short story, poem, blog post, cover letter, rewrite, rephrase, paraphrase, proofread, lyrics,
            screenplay, press release, haiku, write an email, write a letter, write a story, write an article,
            write a report, speech, slogan, tagline, novel, aufsatz, gedicht, geschichte, bewerbung,
            schreibe einen brief, schreibe eine, poème, rédige, lettre de motivation, poesía, poema, redacta, ensayo,
            redação, carta, poesia, saggio, lettera, brief, wiersz, opowiadanie, rozprawka, şiir, hikaye, makale,
            стихотворение, рассказ, сочинение, эссе, статью, вірш, оповідання, твір, قصيدة, قصة, مقال, شعر, داستان,
            مقاله, שיר, סיפור, कविता, कहानी, निबंध, 作文, 文章, 写一篇, 诗, 故事, 小説, 詩を, 記事, 글을, 에세이
            """
        ),
        CueList(
            .task(.writing),
            3,
            """
            story, email, e mail, letter, article, paragraph, resume, headline, headlines, tweet, caption, dialogue,
            song, character, characters, scene, plot twist, fiction, copywriting, grammar, tone, biography,
            newsletter, script for
            """
        ),
        CueList(
            .task(.writing),
            1,
            """
            write, draft, compose, writing, sentence, sentences, words, schreibe, écris, escribe, escreva, scrivi,
            schrijf, napisz, yaz, напиши, اكتب, כתוב, लिखो, 写, topic, edit
            """
        ),
        CueList(
            .task(.answering),
            2,
            """
            explain, what is, what are, what's, what was, what does, who is, who was, why, when did, where is,
            how does, difference between, difference, meaning of, define, is it, are there, tell me about, compare,
            pros and cons, best, erkläre, was ist, warum, wer ist, wie funktioniert, explique, pourquoi,
            qu'est ce que, c'est quoi, qui est, explica, qué es, por qué, quién, o que é, por que, quem, spiega,
            cos'è, perché, wat is, waarom, leg uit, co to jest, dlaczego, wyjaśnij, nedir, neden, açıkla, что такое,
            почему, объясни, що таке, чому, поясни, ما هو, ما هي, لماذا, اشرح, چیست, چرا, توضیح, מה זה, למה, הסבר,
            क्या है, क्यों, 什么是, 是什么, 为什么, 解释, とは, なぜ, 教えて, คืออะไร, ทำไม, อธิบาย, 설명, 무엇, 왜, τι είναι, γιατί
            """
        ),
        CueList(
            .task(.conversation),
            3,
            """
            how are you, nice to meet you, let's chat, let's talk, tell me a joke, wie geht's, ça va, cómo estás,
            come stai, как дела, 你好吗, 元気
            """
        ),
    ]
}
