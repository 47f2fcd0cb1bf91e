import SegmentStore
import TestSupport
import Testing

/// The code of the article "Keeping answers".
@Suite(.inTurnOnOwnThread) struct TutorialTests {
    private static let article = "Sources/SegmentStore/SegmentStore.docc/KeepingAnswers.md"

    @Test func theArticleShowsOnlyCodeOfThisFile() throws {
        let article = try Article(Self.article, testFile: #filePath)
        #expect(article.codeBlocks.count == 12)
        #expect(try article.codeMissing(from: #filePath) == [])
    }

    @Test func anAnswerIsKeptAndRead() throws {
        let temporary = try TemporaryDirectory()
        let directory = temporary.path
        let store = try SegmentStore(directory: directory)

        let question = "What is a granary?"
        try store.set(question, to: Array("A storehouse for grain.".utf8))
        if let answer = try store.get(question) {
            print(String(decoding: answer, as: UTF8.self))
        }
        #expect(try store.get(question) == Array("A storehouse for grain.".utf8))

        let now = StoreClock.system.milliseconds()
        let forADay = SetOptions(expiry: now + 86_400_000, tag: Array("weather".utf8))
        try store.set("Is it raining?", to: Array("Yes.".utf8), options: forADay)
        if let entry = try store.entry("Is it raining?"), let expiry = entry.expiry {
            print("\(entry.valueLength) bytes, for another \((expiry - now) / 1_000) seconds")
        }
        #expect(try store.entry("Is it raining?")?.expiry == now + 86_400_000)
        #expect(try store.entry("Is it raining?")?.tag == Array("weather".utf8))

        let wordCount = try store.withValue(question) { answer in
            answer.withUnsafeBytes { bytes in bytes.count { $0 == UInt8(ascii: " ") } + 1 }
        }
        #expect(wordCount == 4)
        try store.close()
    }

    @Test func manyAnswersAreKeptListedAndRemoved() throws {
        let temporary = try TemporaryDirectory()
        let store = try SegmentStore(directory: temporary.path)

        let batch = (1...1_000).map { number in
            BatchEntry(key: Array("square/\(number)".utf8), value: Array("\(number * number)".utf8))
        }
        try store.set(batch)

        var squares: [String] = []
        try store.forEachKey(hasPrefix: Array("square/".utf8)) { key in
            squares.append(key.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
        }
        #expect(Set(squares) == Set((1...1_000).map { "square/\($0)" }) && squares.count == 1_000)

        let wasThere = try store.remove("square/7")
        #expect(wasThere)
        #expect(try store.get("square/7") == nil)

        try store.flush()
        let atRisk = try store.statistics().unforcedBytes
        #expect(atRisk == 0)
        try store.close()
    }

    @Test func errorsSayWhatToDo() throws {
        func keep(_ answer: [UInt8], for question: String, in store: SegmentStore) -> Bool {
            do throws(StoreError) {
                try store.set(question, to: answer)
                return true
            } catch {
                switch error.code {
                case .noSpace:
                    // The disk or quota is full. What is stored can be read; try again once there is room.
                    return false
                case .writesStopped, .inputOutput:
                    // A flush failed. Reads go on; look at the device, close the store and open it again.
                    return false
                case .invalidKey, .valueTooLarge:
                    // This entry never fits.
                    return false
                default:
                    print(error)
                    return false
                }
            }
        }

        let temporary = try TemporaryDirectory()
        let directory = temporary.path
        let store = try SegmentStore(directory: directory)
        #expect(keep([1], for: "question", in: store))
        #expect(!keep([1], for: "", in: store))
        #expect(throws: StoreError.self) { _ = try SegmentStore(directory: directory) }

        do throws(StoreError) {
            _ = try SegmentStore(directory: directory)
        } catch {
            guard error.code == .locked else { throw error }
            print("process \(error.holder?.processID ?? 0) writes there")
        }

        let reader = try SegmentStore(directory: directory, options: StoreOptions(access: .readOnly))
        try store.set("news", to: [1])
        try reader.refresh()
        let news = try reader.get("news")
        #expect(news == [1])

        try reader.close()
        try store.close()
        #expect(!keep([1], for: "question", in: store))
    }
}
