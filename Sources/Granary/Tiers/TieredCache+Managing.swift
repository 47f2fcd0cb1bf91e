internal import Synchronization

/// Calls that ask every tier, also one that is being left out, and say which of them failed.
extension TieredCache {
    /// Removes the key's entry from every tier; false if none had it.
    ///
    /// - Throws: `TieredCacheError` naming the tiers that failed; what they hold is not given back, and removed once they
    ///   work.
    @discardableResult
    public func remove(_ key: String) async throws -> Bool {
        try checkOpen()
        defer { recover() }
        let name = TierKey(key)
        return try await order.writing([name]) {
            var hadOne = false
            var failures: [TieredCacheError.Failure] = []
            for tier in tiers {
                let content = tier.backlog.content(of: name)
                if case .queued(let entry) = content, hit(of: entry) != nil { hadOne = true }
                await tier.locks.holding([name]) {
                    switch await tier.writeAlways({ try await $0.remove(key) }) {
                    case .success(let had):
                        if had, case .tiers = content { hadOne = true }
                        tier.backlog.noteWritten(name)
                    case .failure(let error):
                        tier.backlog.noteOutdated(name)
                        failures.append(TieredCacheError.Failure(tier: tier.name, error: error))
                    }
                }
            }
            try check(
                failures,
                "removing a key",
                "it is gone from the others; what these hold is not given back, and removed once they work"
            )
            return hadOne
        }
    }

    /// Removes every entry from every tier, also those that others stored there.
    ///
    /// - Throws: `TieredCacheError` naming the tiers that failed; nothing that they hold is given back until they are
    ///   cleared, which is done once they work.
    public func removeAll() async throws {
        try checkOpen()
        defer { recover() }
        try await order.clearing {
            var failures: [TieredCacheError.Failure] = []
            let versions = tiers.map(\.backlog.version)
            for (tier, version) in zip(tiers, versions) {
                let mark = tier.backlog.clearingMark
                switch await tier.writeAlways({ try await $0.removeAll() }) {
                case .success: tier.backlog.noteCleared(since: mark)
                case .failure(let error):
                    tier.backlog.demandClearing()
                    failures.append(TieredCacheError.Failure(tier: tier.name, error: error))
                }
                // Only now, for until then it hid older values that the tier held.
                tier.backlog.noteRemoved(until: version)
            }
            try check(
                failures,
                "removing everything",
                "the others are empty; nothing that these hold is given back, and they are cleared once they work"
            )
        }
    }

    /// The count of the tier that has most. The exact number of all would take listing all keys; no tier has more entries
    /// than the whole, and usually one has them all.
    ///
    /// - Throws: `TieredCacheError` naming the tiers that cannot be asked.
    public func count() async throws -> Int {
        try await asking("counting") { try await $0.count() }.max() ?? 0
    }

    /// The bytes of all tiers together.
    ///
    /// - Throws: `TieredCacheError` naming the tiers that cannot be asked.
    public func byteCount() async throws -> Int {
        try await asking("counting bytes") { try await $0.byteCount() }.reduce(0) { $0.addingCapped($1) }
    }

    /// Writes what waits for tiers, and makes all of them as lasting as they can.
    ///
    /// - Throws: `TieredCacheError` naming the tiers that failed; what they lack is kept for them.
    @_optimize(none)  // Optimised, it makes the compiler of Swift 6.3.1 crash.
    public func flush() async throws {
        try checkOpen()
        let failures = await failures { tier in
            try await finishWriting(to: tier)
            try await tier.strategy.flush()
        }
        try check(failures, "flushing", "what they lack is kept for them; flush again")
    }

    /// Writes what the tier lacks now; others may go on writing meanwhile.
    private func finishWriting(to tier: Tier) async throws {
        let ending = await bringUpToDate(tier, until: tier.backlog.version, always: true)
        if case .failed(let error) = ending { throw error }
    }

    /// What the tiers for which the body throws failed with.
    private func failures(_ body: (Tier) async throws -> Void) async -> [TieredCacheError.Failure] {
        var failures: [TieredCacheError.Failure] = []
        for tier in tiers {
            do {
                try await body(tier)
            } catch {
                failures.append(TieredCacheError.Failure(tier: tier.name, error: error))
            }
        }
        return failures
    }

    /// Writes what waits for tiers, and closes all of them; a second call does nothing. What a tier does not take any more
    /// is dropped, and counted.
    ///
    /// - Throws: `TieredCacheError` naming the tiers that failed; all are closed all the same.
    public func close() async throws {
        if isClosed.exchange(true, ordering: .relaxed) { return }
        for tier in tiers { tier.gauge.set(.closed, true) }
        cancelAlarms()
        let unwritten = await failures { tier in
            await finishRecovery(of: tier)
            defer { tier.figures.dropped.add(tier.backlog.seal(), ordering: .relaxed) }
            // Who closes may have been cancelled; what waits is not to be lost for that.
            try await Task { try await finishWriting(to: tier) }.value
        }
        // Only now: what a tier lacks may be copied from those above it.
        let unclosed = await failures { tier in try await tier.strategy.close() }
        let failures = unwritten + unclosed
        try check(failures, "closing", "what they did not take is lost to them")
    }

    private func asking(
        _ action: String,
        _ question: (any ManagedCacheStrategy) async throws -> Int
    ) async throws -> [Int] {
        try checkOpen()
        var answers: [Int] = []
        let failures = await failures { tier in answers.append(try await question(tier.strategy)) }
        try check(failures, action, "try again once they work")
        return answers
    }

    private func check(_ failures: [TieredCacheError.Failure], _ action: String, _ consequence: String) throws {
        if failures.isEmpty { return }
        throw TieredCacheError(action: action, failures: failures, consequence: consequence)
    }
}
