internal import Granary
internal import Logging

/// One run over a list of conversations: first what the cache has, then what it lacks.
///
/// Beyond inputs and outputs it keeps a digest and two numbers a conversation; requests are rendered when they are
/// needed and not kept.
struct SummaryRun {
    private let conversations: [Conversation]
    private let model: any SummaryModel
    private let cache: Cache<SummaryEnvelope>?
    /// The same, for keys of imported summaries.
    private let imports: Cache<SummaryEnvelope>?
    private let options: Summariser.Options
    private let flights: SummaryFlights
    private let onProgress: (@Sendable (SummaryProgress) -> Void)?
    private let meter = SummaryMeter()
    private let logger = Logger(label: "granary.summaries")
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private let keyPrefix: String

    /// The first conversation of each key, in order, with the key's digest.
    private var groups: [(first: Int, digest: KeyDigest)] = []
    /// The next conversation with the same key as this one; -1 behind the last.
    private var nextEqual: [Int] = []
    /// The groups that the cache lacks.
    private var missing: [Int] = []

    private var summaries: [ConversationSummary?]
    private var failures: [SummaryFailure] = []
    private var stopReason: String?
    private var progress: SummaryProgress
    private var cacheTime = Duration.zero
    private var cacheFailure: String?

    /// Conversations are taken in such parts, so that progress shows and cancelling takes effect.
    private static let partLength = 1_000

    init(_ conversations: [Conversation], of summariser: Summariser) {
        self.conversations = conversations
        model = summariser.model
        cache = summariser.cache.map { Cache(over: $0, codec: .summaries) }
        imports = summariser.cache.map { Cache(over: $0, codec: .imported) }
        options = summariser.options
        flights = summariser.flights
        onProgress = summariser.onProgress
        start = clock.now
        keyPrefix = SummaryKey.prefix(prompt: model.prompt, options: options.key)
        summaries = Array(repeating: nil, count: conversations.count)
        progress = SummaryProgress(total: conversations.count)
        logger.info("Starting summarization of \(conversations.count) conversations using \(model.name)")
    }

    /// Finds out which conversations ask the same.
    mutating func index() async throws(CancellationError) {
        nextEqual = Array(repeating: -1, count: conversations.count)
        var last: [KeyDigest: Int] = [:]
        for (index, conversation) in conversations.enumerated() {
            if index % Self.partLength == 0 {
                await Task.yield()
                if Task.isCancelled { throw CancellationError() }
            }
            let digest = KeyDigest(of: model.request(for: conversation), options: options.key)
            if let last = last.updateValue(index, forKey: digest) {
                nextEqual[last] = index
            } else {
                groups.append((index, digest))
            }
        }
    }

    private func key(_ group: Int) -> String { keyPrefix + groups[group].digest.description }

    // MARK: The cache's part

    mutating func reuse() async throws(CancellationError) {
        missing = Array(groups.indices)
        guard cache != nil, options.mode.reads else { return }
        missing = []
        for start in stride(from: 0, to: groups.count, by: Self.partLength) {
            if Task.isCancelled { throw CancellationError() }
            let part = start..<min(groups.count, start + Self.partLength)
            let found = await look(for: part.map { key($0) }, in: cache)
            var absent: [Int] = []
            for (group, envelope) in zip(part, found) {
                if let envelope { settle(group, envelope, isComputed: false) } else { absent.append(group) }
            }
            missing += await reuseAlternatives(absent)
        }
    }

    /// Looks under other keys, if there are any, for what was not found; returns what is not there either.
    private mutating func reuseAlternatives(_ absent: [Int]) async -> [Int] {
        guard let alternativeKey = options.alternativeKey, !absent.isEmpty else { return absent }
        var missing: [Int] = []
        var asked: [(group: Int, key: String)] = []
        for group in absent {
            if let key = alternativeKey(conversations[groups[group].first]) {
                asked.append((group, key))
            } else {
                missing.append(group)
            }
        }
        for (place, envelope) in await look(for: asked.map(\.key), in: imports).enumerated() {
            let group = asked[place].group
            if let envelope { settle(group, envelope, isComputed: false) } else { missing.append(group) }
        }
        return missing.sorted()
    }

    private mutating func look(for keys: [String], in cache: Cache<SummaryEnvelope>?) async -> [SummaryEnvelope?] {
        guard let cache, !keys.isEmpty else { return [] }
        let begin = clock.now
        defer { cacheTime += clock.now - begin }
        do {
            return try await cache.values(forKeys: keys)
        } catch {
            note(cacheFailure: "\(error)")
            return Array(repeating: nil, count: keys.count)
        }
    }

    private mutating func note(cacheFailure failure: String) {
        guard cacheFailure == nil else { return }
        cacheFailure = failure
        logger.warning("The cache failed, the run goes on without it: \(failure)")
    }

    // MARK: The model's part

    mutating func compute() async throws(CancellationError) {
        if options.mode == .offline {
            for group in missing { fail(group, "it is not in the cache, and an offline run asks no model") }
            return
        }
        let concurrency = max(1, options.concurrency ?? model.maxConcurrentRequests)
        let ending = EndingFlights()
        let asking = Asking(
            model: model,
            cache: cache,
            options: options,
            flights: flights,
            meter: meter,
            clock: clock,
            ending: ending
        )
        let missing = FailureStreak.spread(self.missing)
        let wasCancelled = await withTaskGroup(of: (group: Int, Asking.Answer).self) { tasks in
            var streak = FailureStreak(conversations: missing.count)
            var (next, running) = (0, 0)
            while true {
                let room = min(concurrency, streak.room ?? concurrency)
                while running < room, next < missing.count, stopReason == nil, !Task.isCancelled {
                    let group = missing[next]
                    let (conversation, key) = (conversations[groups[group].first], key(group))
                    tasks.addTask { (group, await asking.ask(conversation, key: key)) }
                    next += 1
                    running += 1
                }
                guard let (group, answer) = await tasks.next() else { break }
                running -= 1
                take(answer, for: group, &streak)
                // What is under way when the run stops is paid for.
                if Task.isCancelled { tasks.cancelAll() }
            }
            return Task.isCancelled
        }
        // Whoever closes the cache next must not come before the last answer.
        await ending.wait()
        if wasCancelled { throw CancellationError() }
        logger.info("Generated \(progress.computed) raw summaries")
    }

    private mutating func take(_ answer: Asking.Answer, for group: Int, _ streak: inout FailureStreak) {
        switch answer {
        case .success(let landing):
            cacheTime += landing.cacheTime
            if let failure = landing.cacheFailure { note(cacheFailure: failure) }
            streak.noteAnswer()
            settle(group, landing.envelope, isComputed: landing.payer == ObjectIdentifier(meter))
        case .failure(let error):
            if error is CancellationError { return }
            fail(group, "\(error)")
            let scope = (error as? any SummaryModelError)?.scope ?? .conversation
            if streak.note(scope), stopReason == nil { stopReason = "\(error)" }
        }
    }

    // MARK: Settling

    /// Gives the content to every conversation of the group, each with its own identity.
    private mutating func settle(_ group: Int, _ envelope: SummaryEnvelope, isComputed: Bool) {
        var isPaid = isComputed
        forEachConversation(of: group) { run, index in
            run.summaries[index] = ConversationSummary(envelope.content, of: run.conversations[index])
            if isPaid {
                run.progress.computed += 1
            } else {
                run.progress.reused += 1
                run.progress.savedUsage = run.progress.savedUsage + envelope.usage
            }
            isPaid = false
            run.logger.debug(
                "\(isComputed ? "Generated" : "Found cached") summary for conversation \(run.conversations[index].chatID)"
            )
        }
    }

    private mutating func fail(_ group: Int, _ message: String) {
        forEachConversation(of: group) { run, index in
            run.failures.append(
                SummaryFailure(index: index, chatID: run.conversations[index].chatID, message: message)
            )
            run.progress.failed += 1
        }
    }

    private mutating func forEachConversation(of group: Int, _ body: (inout SummaryRun, Int) -> Void) {
        progress.usage = meter.usage
        var index = groups[group].first
        while index >= 0 {
            body(&self, index)
            onProgress?(progress)
            index = nextEqual[index]
        }
    }

    func report() -> SummaryReport {
        SummaryReport(
            summaries: summaries,
            reused: progress.reused,
            computed: progress.computed,
            failures: failures.sorted { $0.index < $1.index },
            stopReason: stopReason,
            calls: meter.calls,
            usage: meter.usage,
            savedUsage: progress.savedUsage,
            seconds: (clock.now - start) / .seconds(1),
            cacheSeconds: cacheTime / .seconds(1),
            cacheFailure: cacheFailure
        )
    }
}
