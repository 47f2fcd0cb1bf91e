internal import Granary

/// Asks a run's model for one answer and stores it, before anything else can come between.
struct Asking: Sendable {
    typealias Answer = Result<SummaryFlights.Landing, any Error>

    let model: any SummaryModel
    let cache: Cache<SummaryEnvelope>?
    let options: Summariser.Options
    let flights: SummaryFlights
    let meter: SummaryMeter
    let clock: ContinuousClock
    let ending: EndingFlights

    func ask(_ conversation: Conversation, key: String) async -> Answer {
        do {
            let landing = try await flights.landing(forKey: key) { [ending] in
                try await ending.watch { flight in
                    let begin = clock.now
                    let known = await found(key)
                    let lookTime = clock.now - begin
                    if let known {
                        return SummaryFlights.Landing(
                            envelope: known,
                            payer: nil,
                            wasForStoring: true,
                            cacheTime: lookTime,
                            cacheFailure: nil
                        )
                    }
                    try Task.checkCancellation()
                    let request = model.request(for: conversation)
                    let answer = try await model.answer(to: request, meter: meter)
                    ending.add(flight)
                    let envelope = SummaryEnvelope(content: answer.content, usage: answer.usage)
                    let stored = await store(envelope, of: conversation, key)
                    return SummaryFlights.Landing(
                        envelope: envelope,
                        payer: ObjectIdentifier(meter),
                        wasForStoring: options.mode.writes,
                        cacheTime: lookTime + stored.time,
                        cacheFailure: stored.failure
                    )
                }
            }
            guard !landing.wasForStoring, options.mode.writes else { return .success(landing) }
            // Whoever paid for it keeps nothing.
            let stored = await store(landing.envelope, of: conversation, key)
            return .success(
                SummaryFlights.Landing(
                    envelope: landing.envelope,
                    payer: landing.payer,
                    wasForStoring: true,
                    cacheTime: landing.cacheTime + stored.time,
                    cacheFailure: stored.failure
                )
            )
        } catch {
            return .failure(error)
        }
    }

    /// The answer that another run has stored since this one looked.
    private func found(_ key: String) async -> SummaryEnvelope? {
        guard let cache, options.mode.reads else { return nil }
        return try? await cache.value(forKey: key)
    }

    /// Stores the answer, where the run does that; cancelling does not end it, for the answer was paid for.
    private func store(
        _ envelope: SummaryEnvelope,
        of conversation: Conversation,
        _ key: String
    ) async -> (time: Duration, failure: String?) {
        guard let cache, options.mode.writes else { return (.zero, nil) }
        let begin = clock.now
        var envelope = envelope
        envelope.components = KeyComponents(
            of: model.request(for: conversation),
            for: conversation,
            prompt: model.prompt,
            options: options.key
        )
        let tag = model.name
        let result = await Task { [envelope] in
            try await cache.set(envelope, forKey: key, options: CacheSetOptions(tag: tag))
        }.result
        var failure: String?
        if case .failure(let error) = result { failure = "\(error)" }
        return (clock.now - begin, failure)
    }
}
