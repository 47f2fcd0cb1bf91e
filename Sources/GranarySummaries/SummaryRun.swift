internal import Granary
internal import Logging

/// One run over a list of conversations: first what the cache has, then what it lacks.
struct SummaryRun {
    private let conversations: [Conversation]
    private let model: any SummaryModel
    private let cache: Cache<SummaryContent>?
    private let onProgress: (@Sendable (SummaryProgress) -> Void)?
    private let logger = Logger(label: "granary.summaries")
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant

    /// The conversations that share a key, by key, and the keys in the order of their first conversation.
    private var groups: [String: [Int]] = [:]
    private var keys: [String] = []
    private var missing: [String] = []

    private var summaries: [ConversationSummary?]
    private var failures: [SummaryFailure] = []
    private var progress: SummaryProgress
    private var cacheTime = Duration.zero
    private var cacheFailure: String?

    /// Keys are asked for in such parts, so that progress shows and cancelling takes effect.
    private static let partLength = 1_000

    init(
        _ conversations: [Conversation],
        model: any SummaryModel,
        cache: (any CacheStrategy)?,
        onProgress: (@Sendable (SummaryProgress) -> Void)?
    ) {
        self.conversations = conversations
        self.model = model
        self.cache = cache.map { Cache(over: $0) }
        self.onProgress = onProgress
        start = clock.now
        summaries = Array(repeating: nil, count: conversations.count)
        progress = SummaryProgress(total: conversations.count)
        for (index, conversation) in conversations.enumerated() {
            // The key is ASCII, so that Swift's equality of strings is that of bytes.
            let key = SummaryKey.key(for: conversation, model: model)
            if groups[key] == nil { keys.append(key) }
            groups[key, default: []].append(index)
        }
        logger.info("Starting summarization of \(conversations.count) conversations with \(model.name)")
    }

    // MARK: The cache's part

    mutating func reuse() async throws(CancellationError) {
        missing = keys
        guard let cache else { return }
        missing = []
        var position = 0
        while position < keys.count {
            if Task.isCancelled { throw CancellationError() }
            let part = Array(keys[position..<min(keys.count, position + Self.partLength)])
            position += part.count
            let begin = clock.now
            var found: [SummaryContent?] = Array(repeating: nil, count: part.count)
            do {
                found = try await cache.values(forKeys: part)
            } catch {
                note(cacheFailure: error)
            }
            cacheTime += clock.now - begin
            for (key, content) in zip(part, found) {
                guard let content else {
                    missing.append(key)
                    continue
                }
                settle(key, content, isComputed: false)
            }
        }
    }

    private mutating func note(cacheFailure error: any Error) {
        guard cacheFailure == nil else { return }
        cacheFailure = "\(error)"
        logger.warning("The cache failed, the run goes on without it: \(error)")
    }

    // MARK: The model's part

    private struct Answer: Sendable {
        var key: String
        var result: Result<SummaryContent, any Error>
        var storing: Duration
        var storeFailure: (any Error)?
    }

    mutating func compute(concurrency: Int) async throws(CancellationError) {
        let answers = missing
        let (model, cache, conversations, groups, clock) = (model, cache, conversations, groups, clock)
        let wasCancelled = await withTaskGroup(of: Answer.self) { group in
            var next = 0
            func startNext() {
                guard next < answers.count, let index = groups[answers[next]]?.first else { return }
                let key = answers[next]
                next += 1
                group.addTask {
                    await Self.answer(key, conversations[index], model: model, cache: cache, clock: clock)
                }
            }
            for _ in 0..<concurrency { startNext() }
            while let answer = await group.next() {
                take(answer)
                if Task.isCancelled {
                    group.cancelAll()
                } else {
                    startNext()
                }
            }
            return Task.isCancelled
        }
        if wasCancelled { throw CancellationError() }
        logger.info("Generated \(progress.computed) raw summaries")
    }

    /// Asks the model and stores the answer, before anything else can come between.
    private static func answer(
        _ key: String,
        _ conversation: Conversation,
        model: any SummaryModel,
        cache: Cache<SummaryContent>?,
        clock: ContinuousClock
    ) async -> Answer {
        do {
            try Task.checkCancellation()
            let content = try await model.content(for: conversation)
            let begin = clock.now
            var storeFailure: (any Error)?
            do {
                try await cache?.set(content, forKey: key, options: CacheSetOptions(tag: model.name))
            } catch {
                storeFailure = error
            }
            return Answer(
                key: key,
                result: .success(content),
                storing: clock.now - begin,
                storeFailure: storeFailure
            )
        } catch {
            return Answer(key: key, result: .failure(error), storing: .zero)
        }
    }

    private mutating func take(_ answer: Answer) {
        cacheTime += answer.storing
        if let failure = answer.storeFailure { note(cacheFailure: failure) }
        switch answer.result {
        case .success(let content):
            settle(answer.key, content, isComputed: true)
        case .failure(let error):
            if error is CancellationError { return }
            for index in groups[answer.key] ?? [] {
                failures.append(
                    SummaryFailure(index: index, chatID: conversations[index].chatID, message: "\(error)")
                )
                progress.failed += 1
                onProgress?(progress)
            }
        }
    }

    /// Gives the content to every conversation of the key, each with its own identity.
    private mutating func settle(_ key: String, _ content: SummaryContent, isComputed: Bool) {
        var isFirst = isComputed
        for index in groups[key] ?? [] {
            summaries[index] = ConversationSummary(content, of: conversations[index])
            if isFirst { progress.computed += 1 } else { progress.reused += 1 }
            isFirst = false
            logger.debug(
                "\(isComputed ? "Generated" : "Found cached") summary for conversation \(conversations[index].chatID)"
            )
            onProgress?(progress)
        }
    }

    func report() -> SummaryReport {
        SummaryReport(
            summaries: summaries,
            reused: progress.reused,
            computed: progress.computed,
            failures: failures.sorted { $0.index < $1.index },
            seconds: (clock.now - start) / .seconds(1),
            cacheSeconds: cacheTime / .seconds(1),
            cacheFailure: cacheFailure
        )
    }
}
