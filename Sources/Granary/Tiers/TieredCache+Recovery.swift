internal import Synchronization

/// Bringing tiers up to date that lack what was written.
extension TieredCache {
    /// Entries or keys that are taken care of at once, so that their locks are not held for long.
    private static let batchCount = 64

    /// Begins to bring those tiers up to date that lack something, or has it done later.
    func recover() { for tier in tiers { recover(tier) } }

    /// Begins to bring the tier up to date, if it lacks something and nobody is at it; while it is left alone, has that
    /// done later.
    func recover(_ tier: Tier) {
        guard tier.backlog.hasWork else { return }
        guard tier.writing.isDue else { return setAlarm(for: tier) }
        tier.recovery.withLock { task in
            // Who closes the cache says so first, and then waits for the task that is here.
            guard task == nil, !isClosed.load(ordering: .relaxed) else { return }
            task = Task.detached { [self] in
                var isDone = false
                while !isDone {
                    let ending = await bringUpToDate(tier, always: false)
                    isDone = tier.recovery.withLock { task in
                        // What came since the last look has found this task here and started none.
                        if case .done = ending, tier.backlog.hasWork { return false }
                        task = nil
                        return true
                    }
                }
                if tier.backlog.hasWork { setAlarm(for: tier) }
            }
        }
    }

    /// Waits until the task that brings the tier up to date has ended, if there is one.
    func finishRecovery(of tier: Tier) async { await tier.recovery.withLock { $0 }?.value }

    /// The same for all tiers.
    package func finishRecovery() async { for tier in tiers { await finishRecovery(of: tier) } }

    /// Clears the tier if it must be, empties its queue, and stores or removes what it has of outdated keys. One failure
    /// may be an entry's own, and others are tried after it; several in a row are the tier's. While the tier is left alone
    /// nothing is done unless that is asked for. Of a `version` of the backlog, only what was lacking then is taken up.
    func bringUpToDate(_ tier: Tier, until version: Int = .max, always: Bool) async -> Step {
        var failure: (any Error)?
        var failuresInARow = 0
        while tier.backlog.hasWork(until: version) {
            if Task.isCancelled { return .failed(CancellationError()) }
            guard order.beginCopying() else {
                // While everything is being removed there is nothing to do here, but for what is set meanwhile.
                if !always { return .leftAlone }
                await order.waitWhileClearing()
                continue
            }
            let step = await step(tier, until: version, always: always)
            order.endCopying()
            switch step {
            case .done: failuresInARow = 0
            case .leftAlone: return failure.map { .failed($0) } ?? .leftAlone
            case .failed(let error):
                failure = error
                failuresInARow += 1
                if failuresInARow == Self.mostFailures { return .failed(error) }
            }
        }
        // Nothing of it is lacking any more, whatever failed on the way.
        return always ? .done : failure.map { .failed($0) } ?? .done
    }

    /// So many failures in a row are the tier's.
    private static let mostFailures = 3

    private func step(_ tier: Tier, until version: Int, always: Bool) async -> Step {
        if tier.backlog.mustBeCleared { return await clear(tier, always: always) }
        let queued = tier.backlog.longestQueued(atMost: Self.batchCount, until: version)
        if !queued.isEmpty { return await drain(queued, to: tier, always: always) }
        let outdated = tier.backlog.outdatedKeys(atMost: Self.batchCount, until: version)
        return await repair(outdated, in: tier, always: always)
    }

    /// How far bringing a tier up to date has come.
    enum Step {
        case done
        case leftAlone
        case failed(any Error)
    }

    private func attempt(
        _ tier: Tier,
        always: Bool,
        _ body: (any ManagedCacheStrategy) async throws -> Void
    ) async -> Result<Void, any Error>? {
        always ? await tier.writeAlways(body) : await tier.write(body)
    }

    private func clear(_ tier: Tier, always: Bool) async -> Step {
        do {
            return try await tier.clearing.withSlot {
                // Who was at it before has done so, and what was written since is to stay.
                guard tier.backlog.mustBeCleared else { return .done }
                let mark = tier.backlog.clearingMark
                switch await attempt(tier, always: always, { try await $0.removeAll() }) {
                case .success:
                    tier.backlog.noteCleared(since: mark)
                    return .done
                case .failure(let error): return .failed(error)
                case nil: return .leftAlone
                }
            }
        } catch {
            // Given up while another was at it.
            return .failed(error)
        }
    }

    /// Writes entries that wait, those of them that still do. Nothing but the way to this tier is held: later values of
    /// the keys are set meanwhile, and wait in their place.
    private func drain(_ queued: [TierBacklog.Queued], to tier: Tier, always: Bool) async -> Step {
        await tier.locks.holding(queued.map(\.lack.key)) {
            let current = queued.filter { tier.backlog.isCurrent($0.lack) }
            if current.isEmpty { return .done }
            switch await attempt(tier, always: always, { try await $0.store(current.map(\.entry)) }) {
            case .success:
                for queued in current { tier.backlog.noteMadeGood(queued.lack) }
                tier.backlog.noteBatchWritten(current.count, atMost: Self.batchCount)
                tier.figures.sets.add(current.count, ordering: .relaxed)
                return .done
            case .failure(let error) where isRefusal(error):
                return await drainSingly(current, to: tier, always: always, refused: error)
            case .failure(let error):
                tier.backlog.noteBatchFailed(current)
                return .failed(error)
            case nil: return .leftAlone
            }
        }
    }

    private func drainSingly(
        _ queued: [TierBacklog.Queued],
        to tier: Tier,
        always: Bool,
        refused error: any Error
    ) async -> Step {
        for queued in queued {
            switch await attempt(tier, always: always, { try await $0.store([queued.entry]) }) {
            case .success:
                tier.backlog.noteMadeGood(queued.lack)
                tier.figures.sets.add(1, ordering: .relaxed)
            case .failure(let error) where isRefusal(error):
                if await removeRefused(queued.entry.key, from: tier) {
                    tier.backlog.noteMadeGood(queued.lack)
                } else {
                    tier.backlog.noteRefused(queued.lack)
                }
            case .failure(let error):
                tier.backlog.noteBatchFailed([queued])
                return .failed(error)
            case nil: return .leftAlone
            }
        }
        return .done
    }

    /// Stores what the tiers above have of the keys, and removes from the tier what they have not. What is set meanwhile
    /// makes the key lack something else.
    private func repair(_ lacks: [TierBacklog.Lack], in tier: Tier, always: Bool) async -> Step {
        var failure: Step?
        var failuresInARow = 0
        for lack in lacks {
            let step = await tier.locks.holding([lack.key]) { () -> Step in
                guard tier.backlog.isCurrent(lack) else { return .done }
                let name = String(decoding: lack.key.bytes, as: UTF8.self)
                let newest = await newest(lack.key, name, above: tier)
                // Then nothing was found because nothing was looked for.
                if Task.isCancelled { return .failed(CancellationError()) }
                let result = await attempt(tier, always: always) { strategy in
                    if let newest {
                        try await strategy.set(name, to: newest.value, options: newest.options)
                    } else {
                        try await strategy.remove(name)
                    }
                }
                switch result {
                case .success:
                    tier.backlog.noteMadeGood(lack)
                    tier.figures.repaired.add(1, ordering: .relaxed)
                    return .done
                case .failure(let error) where isRefusal(error):
                    guard await removeRefused(name, from: tier) else { return .failed(error) }
                    tier.backlog.noteMadeGood(lack)
                    return .done
                case .failure(let error): return .failed(error)
                case nil: return .leftAlone
                }
            }
            switch step {
            case .done: failuresInARow = 0
            case .leftAlone: return failure ?? step
            case .failed:
                failure = step
                failuresInARow += 1
                if failuresInARow == Self.mostFailures { return step }
            }
        }
        return failure ?? .done
    }

    /// What was written to the key last, if a tier above has it and tells its end.
    private func newest(_ key: TierKey, _ name: String, above tier: Tier) async -> CacheEntry? {
        for upper in tiers.prefix(while: { $0 !== tier }) {
            switch upper.backlog.content(of: key) {
            case .queued(let entry): return hit(of: entry) == nil ? nil : entry
            case .nothing: continue
            case .tiers: break
            }
            guard case .success(let hit?)? = await upper.read({ try await $0.hit(name) }) else { continue }
            switch hit.end {
            case .never: return CacheEntry(name, hit.value)
            case .at(let end):
                return CacheEntry(name, hit.value, options: CacheSetOptions(expiry: .at(milliseconds: end)))
            case .unknown: return nil
            }
        }
        return nil
    }
}
