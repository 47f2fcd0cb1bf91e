import Foundation
import Synchronization
import TestSupport
import Testing

@testable import GranarySummaries

/// Datasets of a real server, in a process of its own.
@Suite(.inTurn) struct HuggingFaceDatasetTests {
    private static let server = Result { try ChatServer() }
    private let server: ChatServer
    private let run = UUID().uuidString

    init() throws { server = try Self.server.get() }

    private func dataset(
        _ reference: String,
        script: String = "ok",
        token: String? = nil,
        columns: HuggingFaceColumns = HuggingFaceColumns(),
        retries: RetryPolicy = RetryPolicy(maxRetries: 3, random: { 0.5 }, sleep: { _ in }),
        timeout: Duration = .seconds(60)
    ) throws -> HuggingFaceDataset {
        let endpoint = try HuggingFaceEndpoint(baseURL: server.url(script, run: run), token: token, environment: [:])
        return HuggingFaceDataset(
            try HuggingFaceReference(reference),
            at: endpoint,
            columns: columns,
            retries: retries,
            timeout: timeout
        )
    }

    private func requests() throws -> [String] { try server.journal(run).entries.map(\.target) }

    private func failure(_ dataset: HuggingFaceDataset) async -> String? {
        do {
            _ = try await dataset.conversations()
            return nil
        } catch {
            return (error as? HuggingFaceError)?.description
        }
    }

    // MARK: Paging

    @Test func readsPageByPageToTheLastRow() async throws {
        var pages: [HuggingFaceDataset.Page] = []
        for try await page in try dataset("hf:test/plain-250").pages() { pages.append(page) }
        #expect(pages.map(\.conversations.count) == [100, 100, 50])
        #expect(pages.map(\.done) == [100, 200, 250] && pages.allSatisfy { $0.total == 250 && $0.rowsOfPart == nil })
        let conversations = pages.flatMap(\.conversations)
        #expect(conversations.map(\.chatID) == (0..<250).map { "c\($0)" })
        #expect(
            conversations[249]
                == Conversation(
                    chatID: "c249",
                    createdAt: "2026-01-02T03:04:05",
                    messages: [
                        Message(role: "user", content: "default question 249", createdAt: "2026-01-02T03:04:05"),
                        Message(role: "assistant", content: "answer 249"),
                    ],
                    metadata: ["n": 249]
                )
        )
        let rows = "rows?dataset=test%2Fplain-250&config=default&split=train"
        #expect(
            try requests() == [
                "splits?dataset=test%2Fplain-250", "\(rows)&offset=0&length=100", "\(rows)&offset=100&length=100",
                "\(rows)&offset=200&length=100",
            ]
        )
    }

    @Test func asksForAPageOnlyWhenItIsWanted() async throws {
        var pages = try dataset("hf:test/plain-250").pages().makeAsyncIterator()
        #expect(try requests().isEmpty)
        _ = try await pages.next()
        #expect(try requests().count == 2)
        _ = try await pages.next()
        #expect(try requests().count == 3)
    }

    @Test(arguments: [
        (1, [1]), (99, [99]), (100, [100]), (101, [100, 1]), (230, [100, 100, 30]), (9_999, [100, 100, 100]),
    ])
    func asksForNoMoreThanTheLimit(limit: Int, lengths: [Int]) async throws {
        let conversations = try await dataset("hf:test/plain-250").conversations(atMost: limit)
        #expect(conversations.count == min(limit, 250))
        let asked = try requests().dropFirst().compactMap { $0.split(separator: "=").last.flatMap { Int($0) } }
        #expect(asked == lengths)
    }

    @Test(arguments: [(0, 1), (100, 1), (200, 2)])
    func wholePagesAndNoneEndWithoutAnotherRequest(count: Int, pages: Int) async throws {
        #expect(try await dataset("hf:test/plain-\(count)").conversations().count == count)
        #expect(try requests().count == pages + 1)
        #expect(try await dataset("hf:test/plain-5").conversations(atMost: 0).isEmpty)
        #expect(try requests().count == pages + 1)
    }

    @Test func fewerRowsThanAskedForAreNotTheEnd() async throws {
        let conversations = try await dataset("hf:test/short-100").conversations()
        #expect(conversations.map(\.chatID) == (0..<100).map { "c\($0)" })
        #expect(try requests().count == 5)
    }

    @Test func tellsWhenTheViewerHasOnlyAPart() async throws {
        for try await page in try dataset("hf:test/partial-5").pages() { #expect(page.rowsOfPart == 5) }
    }

    @Test(arguments: [
        ("shifted-150", 6, "it has no row 121 where that must be"),
        ("endless-150", 6, "it has no rows from 100 on, of 150"), ("changing-150", 3, "has changed while it was read"),
        ("overfull-100", 5, "100 rows from 0 on, of 3"),
        ("boundless-1", 6, "it has no rows from 1 on, of 9223372036854775807"),
    ])
    func pagesThatDoNotFitTogetherAreAnError(name: String, calls: Int, message: String) async throws {
        let failure = await failure(try dataset("hf:test/\(name)"))
        #expect(failure?.contains(message) == true, "\(failure ?? "none")")
        #expect(try requests().count == calls)
    }

    @Test func aTotalBeyondAllBoundsIsNoObstacle() async throws {
        #expect(try await dataset("hf:test/boundless-1").conversations(atMost: 1).count == 1)
        for try await page in try dataset("hf:test/boundless-1").pages() {
            #expect(page.done == 1 && page.total == .max)
            break
        }
    }

    @Test(arguments: [("huge", 3, 4 << 20), ("ok,huge", 1, 5 << 20), ("ok,huge", 3, nil)] as [(String, Int, Int?)])
    func takesNoMoreBytesThanTheAnswerMayHave(script: String, rows: Int, limit: Int?) async throws {
        let dataset = try dataset("hf:test/plain-3", script: script)
        guard let limit else {
            #expect(try await dataset.conversations(atMost: rows).count == rows)
            return
        }
        await #expect(throws: HuggingFaceError.tooLarge(limit: limit)) { try await dataset.conversations(atMost: rows) }
    }

    // MARK: Configurations and splits

    @Test(arguments: [
        ("", "de", "validation"), ("?config=en", "en", "train"), ("?split=test", "de", "test"),
        ("?split=train", "en", "train"), ("?split=test&config=en", "en", "test"), ("?config=d%65", "de", "validation"),
    ])
    func findsTheSplitThatIsMeant(query: String, config: String, split: String) async throws {
        let conversations = try await dataset("hf:test/languages-20\(query)").conversations(atMost: 1)
        #expect(conversations.first?.messages.first?.content == "\(config) question 0")
        #expect(try requests().last?.contains("&config=\(config)&split=\(split)&") == true)
    }

    @Test(arguments: [
        ("?config=fr", "test/languages-20 has no configuration fr; there are de, en"),
        ("?split=all", "test/languages-20 has no split all; there are validation, test, train"),
        ("?config=de&split=train", "test/languages-20 has no split train; there are validation, test"),
    ])
    func namesTheSplitsThereAre(query: String, message: String) async throws {
        #expect(await failure(try dataset("hf:test/languages-20\(query)")) == message)
    }

    @Test(arguments: [
        (
            "preparing-3", 4,
            "the dataset viewer is still preparing configurations of test/preparing-3 (fr); run again later, or say which "
                + "one is meant with ?config=; there are de, en"
        ),
        (
            "preparing-3?config=fr", 4,
            "the dataset viewer is still preparing configuration fr of test/preparing-3; run again later"
        ),
        (
            "preparingall-3", 4,
            "the dataset viewer is still preparing configurations of test/preparingall-3 (fr); run again later, or say "
                + "which one is meant with ?config=; there are none"
        ),
        (
            "failing-3", 1,
            "the dataset viewer could not read configurations of test/failing-3 (fr: Cannot be loaded.); say which one is "
                + "meant with ?config=; there are de, en"
        ),
        (
            "failing-3?config=fr", 1,
            "the dataset viewer could not read configuration fr of test/failing-3: Cannot be loaded.; download it and give "
                + "the file instead"
        ),
        ("failing-3?config=es", 1, "test/failing-3 has no configuration es; there are de, en"),
    ])
    func aConfigurationThatTheViewerLacksIsNotReplaced(name: String, calls: Int, message: String) async throws {
        #expect(await failure(try dataset("hf:test/\(name)")) == message)
        #expect(try requests().count == calls)
    }

    @Test(arguments: ["preparing", "failing"]) func otherConfigurationsAreReadByTheirName(shape: String) async throws {
        let conversations = try await dataset("hf:test/\(shape)-20?config=en").conversations(atMost: 1)
        #expect(conversations.first?.messages.first?.content == "en question 0")
    }

    @Test(arguments: [
        "plain-1", "hf:", "hf:a/b/c", "hf:a//b", "hf:/a", "hf:../b", "hf:a b", "hf:é/b", "hf:a/b?x=1", "hf:a/b?config=",
        "hf:a/b?config",
    ])
    func refusesWhatNamesNoDataset(text: String) {
        #expect { _ = try HuggingFaceReference(text) } throws: { error in
            "\(error)".hasSuffix("it must be like hf:owner/name or hf:owner/name?config=de&split=test")
        }
    }

    @Test(arguments: [
        ("#", "is written %23"), ("config=a#b", "is written %23"), ("config=a&split=#\u{301}", "is written %23"),
        ("config=a&config=b", "has config twice"), ("config=a&split=b&split=b", "has split twice"),
    ])
    func saysWhatIsWrongWithAQuery(query: String, problem: String) {
        #expect {
            _ = try HuggingFaceReference("hf:a/b?\(query)")
        } throws: { error in
            "\(error)".contains(problem)
        }
    }

    @Test func encodedValuesAreDecoded() throws {
        let reference = try HuggingFaceReference("hf:a/b?config=%23%25%26&split=x")
        #expect(reference.config == "#%&" && reference.split == "x")
    }

    // MARK: Columns

    @Test(arguments: [
        ("sharegpt", "test/sharegpt-2/default/train/1"), ("claude", "u1"), ("text", "1"), ("lists", "1"),
    ])
    func knowsTheUsualColumnsAndSpellings(shape: String, id: String) async throws {
        let conversations = try await dataset("hf:test/\(shape)-2").conversations()
        let messages = [
            Message(role: "user", content: "default question 1"), Message(role: "assistant", content: "answer 1"),
        ]
        #expect(conversations.last == Conversation(chatID: id, messages: messages))
    }

    @Test func takesTheColumnsThatAreNamed() async throws {
        let columns = HuggingFaceColumns(
            id: "key",
            messages: "talk",
            createdAt: "at",
            metadata: [.init(name: "feeling", column: "mood"), .init(name: "n", column: "at")]
        )
        let conversations = try await dataset("hf:test/odd-2", columns: columns).conversations()
        let messages = [Message(role: "user", content: "default question 1")]
        let metadata: JSONObject = ["feeling": "calm", "n": 1]
        #expect(
            conversations.last == Conversation(chatID: "k1", createdAt: "1", messages: messages, metadata: metadata)
        )
    }

    @Test(arguments: [
        (
            HuggingFaceColumns(),
            "test/odd-2/default/train has no column that is known to hold messages; there are at, key, mood, talk; say "
                + "which it is, such as messages=at"
        ),
        (
            HuggingFaceColumns(messages: "talks"),
            "test/odd-2/default/train has no column talks for messages; there are at, key, mood, talk"
        ),
        (
            HuggingFaceColumns(messages: "talk", metadata: [.init(name: "x", column: "y")]),
            "test/odd-2/default/train has no column y for metadata.x; there are at, key, mood, talk"
        ),
        (
            HuggingFaceColumns(id: "talk", messages: "talk"),
            "row 0 of test/odd-2/default/train: talk is an array, expected a string or a number; another column may be "
                + "meant"
        ),
        (
            HuggingFaceColumns(messages: "mood"),
            "row 0 of test/odd-2/default/train: mood is a text that is no JSON, expected a list of messages; another "
                + "column may be meant"
        ),
    ])
    func saysWhatIsWrongWithAColumn(columns: HuggingFaceColumns, message: String) async throws {
        #expect(await failure(try dataset("hf:test/odd-2", columns: columns)) == message)
    }

    @Test func columnsAreReadInTheDatasetsSpelling() throws {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        func conversation(_ given: String, _ available: [String], cut: [String] = []) throws -> Conversation {
            let columns = HuggingFaceColumns(id: given, metadata: [.init(name: "m", column: given)])
            var cells: JSONObject = ["messages": []]
            for (place, name) in available.enumerated() { cells.set(.string("\(place)"), for: name) }
            return try ConversationColumns(columns, of: "d", having: available + ["messages"])
                .conversation(DatasetRow(number: 0, cells: cells, truncatedCells: cut))
        }
        for (given, available, id) in [
            (composed, [decomposed], "0"), (decomposed, [composed], "0"), (composed, [decomposed, composed], "1"),
            (decomposed, [decomposed, composed], "0"),
        ] {
            let found = try conversation(given, available)
            #expect(found.chatID == id && found.metadata == ["m": .string(id)])
        }
        #expect(try conversation(composed, [decomposed, composed], cut: [decomposed]).chatID == "1")
        #expect(throws: HuggingFaceError.self) { try conversation(composed, [decomposed], cut: [decomposed]) }
    }

    @Test func aCellThatCannotBeUsedIsNamed() async throws {
        #expect(
            await failure(try dataset("hf:test/wrong-200"))
                == "row 103 of test/wrong-200/default/train: messages is a number, expected a list of messages; another "
                + "column may be meant"
        )
        #expect(try await dataset("hf:test/wrong-200").conversations(atMost: 103).count == 103)
    }

    @Test func aCellThatWasCutIsAnErrorWhereItIsUsed() async throws {
        let failure = await failure(try dataset("hf:test/truncated-200"))
        #expect(
            failure
                == "row 150 of test/truncated-200/default/train: the dataset viewer has cut conversations, so that the "
                + "conversation is not whole; download the dataset and give the file instead, or read no more than 150 "
                + "conversations"
        )
    }

    // MARK: Access

    @Test func theTokenGoesAlongAndOpensAGatedDataset() async throws {
        #expect(try await dataset("hf:test/gated-3", token: "hf_right").conversations().count == 3)
        #expect(try server.journal(run).entries.allSatisfy { $0.authorization == "Bearer hf_right" })
    }

    @Test(
        arguments: [
            (
                "gated-3", nil,
                "test/gated-3 does not exist, or is gated or private (401: Access to this dataset is gated.)"
            ),
            (
                "gated-3", "hf_wrong",
                "the server refuses HF_TOKEN for test/gated-3 (403: Access to this dataset is gated.)"
            ),
            ("missing", nil, "test/missing does not exist, or is gated or private (401: "),
            (
                "missing", "hf_right",
                "there is no dataset test/missing (404: The dataset does not exist.); check the name"
            ),
        ] as [(String, String?, String)]
    )
    func saysWhyADatasetIsNotReadAfterOneRequest(name: String, token: String?, message: String) async throws {
        let failure = await failure(try dataset("hf:test/\(name)", token: token))
        #expect(failure?.hasPrefix(message) == true, "\(failure ?? "none")")
        #expect(try requests().count == 1)
    }

    @Test func saysWhatTheViewerCannotShow() async throws {
        let failure = await failure(try dataset("hf:test/broken-3"))
        #expect(failure?.hasPrefix("the dataset viewer cannot show test/broken-3: Cannot be loaded.; ") == true)
    }

    @Test func theTokenIsNotSentAlongARedirect() async throws {
        let elsewhere = try ChatServer()
        let dataset = try dataset("hf:test/gated-3", script: "redirect\(elsewhere.port)", token: "hf_right")
        let failure = await failure(dataset)
        #expect(failure?.contains("sends elsewhere (307), which is not followed") == true, "\(failure ?? "none")")
        #expect(try elsewhere.journal("elsewhere").entries.isEmpty)
        #expect(try requests().count == 1)
    }

    @Test func theTokenIsInNoDumpAndNoError() async throws {
        let dataset = try dataset("hf:test/plain-1", script: "echokey", token: "test-key-123")
        var dumped = ""
        dump(dataset, to: &dumped)
        let failure = await failure(dataset)
        #expect(!"\(dumped)\(dataset)\(failure ?? "")".contains("test-key-123"))
        #expect(failure?.contains("wrong key: Bearer [key]") == true, "\(failure ?? "none")")
    }

    @Test(arguments: ["", "\u{200D}", "\u{301}", "\u{FE0F}!"]) func theTokenIsFoundWhateverFollowsIt(rest: String) {
        let redacted = APIKey("hf_right")?.redacted(from: "a hf_right\(rest) hf_righ hf_right\(rest)")
        #expect(redacted.map { Array($0.utf8) } == Array("a [key]\(rest) hf_righ [key]\(rest)".utf8))
    }

    @Test(
        arguments: [
            ("?split=test", nil, "test/secret-1 has no split test; there are [key]"),
            ("", nil, "test/secret-1/default/[key] has no column that is known to hold messages; there are [key]; "),
            (
                "", "hf_right",
                "row 0 of test/secret-1/default/[key]: [key].[key] is a number, expected an array; "
            ),
        ] as [(String, String?, String)]
    )
    func theTokenIsInNoNameThatTheServerGives(query: String, column: String?, message: String) async throws {
        let columns = HuggingFaceColumns(messages: column)
        let failure = await failure(try dataset("hf:test/secret-1\(query)", token: "hf_right", columns: columns))
        #expect(failure?.hasPrefix(message) == true && failure?.contains("hf_right") == false, "\(failure ?? "none")")
    }

    @Test func theEnvironmentSaysWhereAndWithWhichToken() throws {
        let environment = ["GRANARY_HF_ENDPOINT": "HTTP://Viewer.Example:80/api/", "HF_TOKEN": "hf_x"]
        let endpoint = try HuggingFaceEndpoint(environment: environment)
        #expect(endpoint.baseURL == "http://viewer.example/api" && endpoint.token?.authorization == "Bearer hf_x")
        let given = try HuggingFaceEndpoint(baseURL: "https://other", token: "hf_y", environment: environment)
        #expect(given.baseURL == "https://other" && given.token?.authorization == "Bearer hf_y")
        let standard = try HuggingFaceEndpoint(environment: ["HF_TOKEN": ""])
        #expect(standard.baseURL == "https://datasets-server.huggingface.co" && standard.token == nil)
        #expect(throws: HuggingFaceError.invalidToken) {
            try HuggingFaceEndpoint(environment: ["HF_TOKEN": "hf_x\n"])
        }
        #expect(throws: HuggingFaceError.invalidBaseURL(reason: "is neither http nor https")) {
            try HuggingFaceEndpoint(baseURL: "ftp://x", environment: [:])
        }
    }

    // MARK: Servers that misbehave

    @Test func waitsAsLongAsItIsAskedToAndGoesOnWhereItWas() async throws {
        let waits = Mutex<[Duration]>([])
        let policy = RetryPolicy(maxRetries: 3, random: { 0 }, sleep: { wait in waits.withLock { $0.append(wait) } })
        let dataset = try dataset("hf:test/plain-250", script: "ok,ok,429after1,ok", retries: policy)
        #expect(try await dataset.conversations().count == 250)
        #expect(waits.withLock { $0 } == [.seconds(1)])
        let asked = try requests()
        #expect(asked.count == 5 && asked[2] == asked[3])
    }

    @Test(arguments: ["500", "503", "429", "408", "garbage", "noise", "half", "hangup", "badutf8", "silent"])
    func whatMayPassIsTriedAgain(behaviour: String) async throws {
        let script = "\(behaviour),ok,\(behaviour),ok"
        let timeout = Duration.seconds(behaviour == "silent" ? 10 : 60)
        let dataset = try dataset("hf:test/plain-120", script: script, timeout: timeout)
        #expect(try await dataset.conversations().count == 120)
        let calls = try requests().count
        #expect(behaviour == "silent" ? calls >= 5 : calls == 5)
    }

    @Test(arguments: [
        ("500", 4, "the dataset viewer fails (500: "), ("429", 4, "too many requests to the dataset viewer (429: "),
        ("429long", 1, "too many requests to the dataset viewer (429: slow down); it asks to wait 86400 s"),
        ("garbage", 4, "what came is no answer of a dataset viewer: byte offset 0: "),
        ("silent", 4, "the dataset viewer gave no whole answer within 0.3 s"),
        ("drip", 4, "the dataset viewer gave no whole answer within 0.3 s"),
        ("hangup", 4, "the connection to the dataset viewer failed: "),
        ("422", 1, "the dataset viewer refuses the request (422: "),
        ("501", 1, "the dataset viewer cannot show test/plain-3: "), ("notjson", 4, "it has no splits"),
    ])
    func whatDoesNotPassIsOneClearError(behaviour: String, calls: Int, message: String) async throws {
        let isSlow = ["silent", "drip"].contains(behaviour)
        let waits = Mutex(0)
        let policy = RetryPolicy(maxRetries: 3, random: { 0.5 }, sleep: { _ in waits.withLock { $0 += 1 } })
        let timeout = Duration.milliseconds(isSlow ? 300 : 60_000)
        let dataset = try dataset("hf:test/plain-3", script: behaviour, retries: policy, timeout: timeout)
        let failure = await failure(dataset)
        #expect(failure?.contains(message) == true, "\(failure ?? "none")")
        #expect(waits.withLock { $0 } == calls - 1)
        // A request may time out before it is there.
        let asked = try requests().count
        #expect(isSlow ? asked <= calls : asked == calls)
    }

    @Test(.timeLimit(.minutes(30))) func cancellingEndsARequestThatHangs() async throws {
        let dataset = try dataset("hf:test/plain-3", script: "silent")
        let reading = Task { try await dataset.conversations() }
        while try requests().isEmpty { await Task.yield() }
        reading.cancel()
        await #expect(throws: CancellationError.self) { try await reading.value }
    }
}
