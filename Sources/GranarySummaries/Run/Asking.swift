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

    func ask(_ conversation: Conversation, key: String) async -> Answer {
        do {
            return .success(
                try await flights.landing(forKey: key) {
                    if let landing = await found(key) { return landing }
                    try Task.checkCancellation()
                    let request = model.request(for: conversation)
                    let answer = try await model.answer(to: request, meter: meter)
                    return await store(answer, request, conversation, key)
                }
            )
        } catch {
            return .failure(error)
        }
    }

    /// The answer that another run has stored since this one looked.
    private func found(_ key: String) async -> SummaryFlights.Landing? {
        guard let cache, options.mode.reads else { return nil }
        let begin = clock.now
        guard let envelope = try? await cache.value(forKey: key) else { return nil }
        return SummaryFlights.Landing(
            envelope: envelope,
            payer: nil,
            cacheTime: clock.now - begin,
            cacheFailure: nil
        )
    }

    private func store(
        _ answer: SummaryAnswer,
        _ request: SummaryRequest,
        _ conversation: Conversation,
        _ key: String
    ) async -> SummaryFlights.Landing {
        var envelope = SummaryEnvelope(content: answer.content, usage: answer.usage)
        var failure: String?
        let begin = clock.now
        if let cache, options.mode.writes {
            envelope.components = KeyComponents(
                of: request,
                for: conversation,
                prompt: model.prompt,
                options: options.key
            )
            do {
                try await cache.set(envelope, forKey: key, options: CacheSetOptions(tag: model.name))
            } catch {
                failure = "\(error)"
            }
        }
        return SummaryFlights.Landing(
            envelope: envelope,
            payer: ObjectIdentifier(meter),
            cacheTime: clock.now - begin,
            cacheFailure: failure
        )
    }
}
