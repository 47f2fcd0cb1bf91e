internal import SegmentStore
internal import Synchronization

/// Storing in all tiers.
extension TieredCache {
    /// Stores the entries under the locks of their keys, so that all tiers see writers in the same order.
    func store(_ given: [CacheEntry]) async throws {
        try checkOpen()
        defer { recover() }
        let now = options.clock.milliseconds()
        // One end for all tiers, whenever each of them gets the entry.
        let entries = given.map { entry in
            var entry = entry
            entry.options.expiry = entry.options.expiry.map { .at(milliseconds: $0.milliseconds(now: now)) }
            return entry
        }
        let keys = entries.map { TierKey($0.key) }
        try await order.writing(keys) {
            try Task.checkCancellation()
            var isTaken = [Bool](repeating: false, count: entries.count)
            var lastError: (any Error)?
            for (number, tier) in tiers.enumerated() {
                // An entry that the first tier did not take must not rest on a queue alone.
                let mayWait = number > 0 && options.writing == .behind && !isTaken.contains(false)
                if mayWait {
                    enqueue(entries, keys, for: tier)
                } else if !tier.writing.isDue {
                    // Without waiting for the one call that tries it.
                    tier.figures.skipped.add(1, ordering: .relaxed)
                    lastError = leaveOut(keys, of: tier)
                } else {
                    let error = await tier.locks.holding(keys) { await write(entries, keys, to: tier, &isTaken) }
                    lastError = error ?? lastError
                }
            }
            if let lastError, isTaken.contains(false) { throw lastError }
            sets.add(entries.count, ordering: .relaxed)
        }
    }

    private func enqueue(_ entries: [CacheEntry], _ keys: [TierKey], for tier: Tier) {
        for (entry, key) in zip(entries, keys) where !tier.backlog.enqueue(entry, key) {
            tier.backlog.noteOutdated(key)
            tier.figures.dropped.add(1, ordering: .relaxed)
        }
    }

    /// The tier does not get what is written to the keys; returns why.
    private func leaveOut(_ keys: [TierKey], of tier: Tier) -> any Error {
        for key in keys { tier.backlog.noteOutdated(key) }
        return tier.writing.lastError
            ?? TieredCacheError(
                action: "writing",
                failures: [],
                consequence: "the tier \(tier.name) has to be cleared before it takes anything"
            )
    }

    /// Writes the entries to the tier, of which the keys are held, and marks those that it took; returns why it did not
    /// take the others.
    private func write(
        _ entries: [CacheEntry],
        _ keys: [TierKey],
        to tier: Tier,
        _ isTaken: inout [Bool]
    ) async -> (any Error)? {
        let result = tier.backlog.mustBeCleared ? nil : await tier.write { try await $0.store(entries) }
        switch result {
        case .success:
            for key in keys { tier.backlog.noteWritten(key) }
            for place in entries.indices { isTaken[place] = true }
            tier.figures.sets.add(entries.count, ordering: .relaxed)
            return nil
        case .failure(let error) where isRefusal(error):
            return await writeSingly(entries, keys, to: tier, &isTaken, refused: error)
        case .failure(let error):
            for key in keys { tier.backlog.noteOutdated(key) }
            return error
        case nil: return leaveOut(keys, of: tier)
        }
    }

    /// Writes one entry after the other; what the tier refuses is removed from it, for it may hold an older value.
    private func writeSingly(
        _ entries: [CacheEntry],
        _ keys: [TierKey],
        to tier: Tier,
        _ isTaken: inout [Bool],
        refused error: any Error
    ) async -> (any Error)? {
        if let key = keys.first, let entry = entries.first, entries.count == 1 {
            if await removeRefused(entry.key, from: tier) {
                tier.backlog.noteWritten(key)
            } else {
                tier.backlog.noteOutdated(key)
            }
            return error
        }
        var lastError: (any Error)?
        for place in entries.indices {
            var isOneTaken = [false]
            if let error = await write([entries[place]], [keys[place]], to: tier, &isOneTaken) { lastError = error }
            if isOneTaken[0] { isTaken[place] = true }
        }
        return lastError
    }

    /// Removes what the tier may hold of a key whose newest value it refuses; false if it may hold it still.
    func removeRefused(_ key: String, from tier: Tier) async -> Bool {
        tier.figures.refused.add(1, ordering: .relaxed)
        return switch await tier.writeAlways({ try await $0.remove(key) }) {
        case .success: true
        // It refuses the key itself, and so has nothing of it.
        case .failure(let error): isRefusal(error)
        }
    }
}
