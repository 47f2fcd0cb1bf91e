internal import Granary
internal import Synchronization

/// Calls under way: whoever wants an answer that is being asked for waits for that one.
///
/// All summarisers over the same cache object share them; where there is none, or where it is no object, those of one
/// summariser and its copies.
final class SummaryFlights: Sendable {
    /// What a flight brought.
    struct Landing: Sendable {
        let envelope: SummaryEnvelope
        /// The run that asked the model; nil where the answer had come into the cache in the meantime.
        let payer: ObjectIdentifier?
        /// False of an answer that was paid for by a run that writes nothing.
        let wasForStoring: Bool
        /// Time spent in the cache.
        let cacheTime: Duration
        let cacheFailure: String?
    }

    private let flights = SingleFlight<Landing>()

    /// What the flight of the key brings; the first to ask starts it. It is cancelled with the last who wait for it.
    func landing(
        forKey key: String,
        compute: @escaping @Sendable () async throws -> Landing
    ) async throws -> Landing {
        try await flights.value(forKey: Array(key.utf8), compute: compute)
    }

    /// How many wait for the flight of the key.
    func waiters(forKey key: String) -> Int { flights.waiters(forKey: Array(key.utf8)) }

    // MARK: Sharing

    private struct Weak: Sendable {
        weak let flights: SummaryFlights?
    }

    private static let shared = Mutex<[ObjectIdentifier: Weak]>([:])

    /// The flights over the cache. Who keeps them must keep the cache too, so that its identity stays its own.
    static func over(_ cache: (any CacheStrategy)?) -> SummaryFlights {
        guard let cache, type(of: cache) is any AnyObject.Type else { return SummaryFlights() }
        let identity = ObjectIdentifier(cache as AnyObject)
        return shared.withLock { shared in
            if let flights = shared[identity]?.flights { return flights }
            shared = shared.filter { $0.value.flights != nil }
            let flights = SummaryFlights()
            shared[identity] = Weak(flights: flights)
            return flights
        }
    }
}
