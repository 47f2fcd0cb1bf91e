internal import Synchronization

/// Listing keys over all tiers.
extension TieredCache {
    /// The keys that begin with the prefix, of all tiers, each once: the keys of all tiers but the last are kept in memory
    /// until the end, to tell which of them come again.
    ///
    /// Listing throws `TieredCacheError` where a tier cannot be asked.
    public func keys(hasPrefix prefix: String) -> CacheKeys {
        CacheKeys(from: Place()) { [self] place in try await nextPart(prefix, place) }
    }

    /// Keys that are given at once.
    private static let partCount = 1_000

    /// Where a listing is.
    private struct Place: Sendable {
        var tier = 0
        var keys: CacheKeys.Iterator?
        /// What the tiers before have listed.
        var listed: [ListedKeys] = []
        /// Keys that were listed because entries waited for the tier, which may have got them since.
        var queued: Set<TierKey> = []
    }

    /// The keys that one tier has listed; a copied iterator adds the same ones.
    private final class ListedKeys: Sendable {
        private let keys = Mutex<Set<TierKey>>([])
        func insert(_ key: TierKey) { keys.withLock { _ = $0.insert(key) } }
        func contains(_ key: TierKey) -> Bool { keys.withLock { $0.contains(key) } }
    }

    private func nextPart(_ prefix: String, _ place: Place) async throws -> (keys: [String], next: Place?) {
        try checkOpen()
        var place = place
        let tier = tiers[place.tier]
        var part: [String] = []
        if place.keys == nil {
            place.keys = tier.strategy.keys(hasPrefix: prefix).makeAsyncIterator()
            place.listed.append(ListedKeys())
            for entry in tier.backlog.allQueued where entry.key.utf8.starts(with: prefix.utf8) && hit(of: entry) != nil
            {
                place.queued.insert(TierKey(entry.key))
                list(entry.key, &place, &part)
            }
        }
        do {
            while part.count < Self.partCount {
                guard let key = try await place.keys?.next() else {
                    place.tier += 1
                    place.keys = nil
                    place.queued = []
                    return (part, place.tier < tiers.count ? place : nil)
                }
                let name = TierKey(key)
                if !place.queued.contains(name), isThere(name, in: tier) { list(key, &place, &part) }
            }
        } catch {
            if isCancellation(error) { throw error }
            throw TieredCacheError(
                action: "listing keys",
                failures: [TieredCacheError.Failure(tier: tier.name, error: error)],
                consequence: "try again once it works"
            )
        }
        return (part, place)
    }

    /// Whether a key that the tier lists has a value for this cache.
    private func isThere(_ key: TierKey, in tier: Tier) -> Bool {
        switch tier.backlog.content(of: key) {
        case .tiers: true
        case .queued(let entry): hit(of: entry) != nil
        case .nothing: false
        }
    }

    private func list(_ key: String, _ place: inout Place, _ part: inout [String]) {
        let name = TierKey(key)
        if place.listed.dropLast().contains(where: { $0.contains(name) }) { return }
        if place.tier < tiers.count - 1 { place.listed.last?.insert(name) }
        part.append(key)
    }
}
