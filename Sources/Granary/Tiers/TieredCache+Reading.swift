internal import SegmentStore
internal import Synchronization

/// Looking for values from tier to tier.
extension TieredCache {
    /// Looks for the key in the tiers from that number on; those above it are known to have nothing.
    func search(_ key: String, below start: Int) async throws -> CacheHit? {
        try checkOpen()
        let name = TierKey(key)
        // Before any tier is asked: a value that was replaced since is not copied.
        let mark = order.mark(name)
        var isAnswered = start > 0
        var lastError: (any Error)?
        for number in start..<tiers.count {
            let tier = tiers[number]
            recover(tier)
            switch tier.backlog.content(of: name) {
            case .nothing:
                isAnswered = true
                continue
            case .queued(let entry):
                isAnswered = true
                if let hit = hit(of: entry) { return await found(hit, name, key, mark, in: number) }
                continue
            case .tiers: break
            }
            switch await tier.read({ try await $0.hit(key) }) {
            case .success(let hit?): return await found(hit, name, key, mark, in: number)
            case .success(nil):
                isAnswered = true
                tier.figures.misses.add(1, ordering: .relaxed)
            case .failure(let error):
                if isCancellation(error) { throw error }
                lastError = error
            case nil: lastError = tier.reading.lastError ?? lastError
            }
        }
        if !isAnswered, let lastError { throw lastError }
        misses.add(1, ordering: .relaxed)
        return nil
    }

    private func found(
        _ hit: CacheHit,
        _ name: TierKey,
        _ key: String,
        _ mark: WriteOrder.Mark,
        in number: Int
    ) async -> CacheHit {
        tiers[number].gauge.hits.add(1, ordering: .relaxed)
        if number > 0 { await fill([Found(key: key, name: name, mark: mark, hit: hit)], above: number) }
        return hit
    }

    /// What waits for a tier, as the tier would give it; nil if it has ended.
    func hit(of entry: CacheEntry) -> CacheHit? {
        guard let expiry = entry.options.expiry else { return CacheHit(entry.value, end: .never) }
        let now = options.clock.milliseconds()
        let end = expiry.milliseconds(now: now)
        return end > now ? CacheHit(entry.value, end: .at(end)) : nil
    }

    /// Looks for many keys, each tier being asked for those that the ones above it lack.
    func search(_ keys: [String]) async throws -> [CacheHit?] {
        try checkOpen()
        let names = keys.map(TierKey.init)
        let marks = names.map(order.mark)
        var hits = [CacheHit?](repeating: nil, count: keys.count)
        var isAnswered = [Bool](repeating: false, count: keys.count)
        var lastError: (any Error)?
        for (number, tier) in tiers.enumerated() {
            recover(tier)
            var asked: [Int] = []
            var found: [Int] = []
            for place in keys.indices where hits[place] == nil {
                switch tier.backlog.content(of: names[place]) {
                case .tiers: asked.append(place)
                case .nothing: isAnswered[place] = true
                case .queued(let entry):
                    isAnswered[place] = true
                    hits[place] = hit(of: entry)
                    if hits[place] != nil { found.append(place) }
                }
            }
            if !asked.isEmpty {
                switch await tier.read({ [asked] in try await $0.hits(asked.map { keys[$0] }) }) {
                case .success(let given):
                    for (place, hit) in zip(asked, given) {
                        isAnswered[place] = true
                        hits[place] = hit
                        if hit != nil { found.append(place) }
                    }
                    tier.figures.misses.add(given.count { $0 == nil }, ordering: .relaxed)
                case .failure(let error):
                    if isCancellation(error) { throw error }
                    lastError = error
                case nil: lastError = tier.reading.lastError ?? lastError
                }
            }
            tier.gauge.hits.add(found.count, ordering: .relaxed)
            if number > 0 {
                let copies = found.compactMap { place in
                    hits[place].map { Found(key: keys[place], name: names[place], mark: marks[place], hit: $0) }
                }
                await fill(copies, above: number)
            }
            if !hits.contains(where: { $0 == nil }) { return hits }
        }
        if let lastError, isAnswered.contains(false) { throw lastError }
        misses.add(hits.count { $0 == nil }, ordering: .relaxed)
        return hits
    }

    // MARK: Filling

    /// What a tier gave, and the moment before it was asked.
    struct Found {
        let key: String
        let name: TierKey
        let mark: WriteOrder.Mark
        let hit: CacheHit
    }

    /// Stores what was found in the tiers above, unless its key was written to since.
    private func fill(_ found: [Found], above number: Int) async {
        if !options.fillsTiersAbove { return }
        let now = options.clock.milliseconds()
        let wanted = found.filter { found in
            switch found.hit.end {
            case .never: true
            case .at(let end): end > now
            case .unknown: false
            }
        }
        if wanted.isEmpty { return }
        let isMine = order.beginCopy(wanted.map { ($0.name, $0.mark) })
        let mine = zip(wanted, isMine).filter(\.1).map(\.0)
        defer { for found in mine { order.endCopy(found.name) } }
        let entries = mine.map { found in
            var options = CacheSetOptions()
            if case .at(let end) = found.hit.end { options.expiry = .at(milliseconds: end) }
            return CacheEntry(found.key, found.hit.value, options: options)
        }
        if entries.isEmpty { return }
        for tier in tiers[..<number] where !tier.backlog.mustBeCleared {
            // A reader does not wait for what is on its way to the tier; what is found again fills it later.
            await tier.locks.holdingFree(mine.map(\.name)) { isFree in
                let entries = zip(entries, isFree).filter(\.1).map(\.0)
                if entries.isEmpty { return }
                guard case .success = await tier.write({ try await $0.store(entries) }) else { return }
                for (found, isFree) in zip(mine, isFree) where isFree { tier.backlog.noteWritten(found.name) }
                tier.figures.fills.add(entries.count, ordering: .relaxed)
            }
        }
    }
}

extension CacheStrategy {
    /// Stores the entries, a single one by the call that is made for it.
    func store(_ entries: [CacheEntry]) async throws {
        if let entry = entries.first, entries.count == 1 {
            try await set(entry.key, to: entry.value, options: entry.options)
        } else {
            try await set(entries)
        }
    }
}
