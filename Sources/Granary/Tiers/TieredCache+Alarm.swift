internal import Synchronization

/// Trying a tier again that lacks something, also if no call comes by that needs the tier: what waits for it would be lost
/// with the process, and what it should have lost would be given to others.
extension TieredCache {
    /// Has the tier brought up to date once its back-off is over, and again until it is, unless that is planned already.
    func setAlarm(for tier: Tier) {
        tier.alarm.withLock { task in
            guard task == nil, !isClosed.load(ordering: .relaxed) else { return }
            // A cache that nobody has any more waits for nothing.
            task = Task.detached { [weak self, options] in
                var attempts = 0
                repeat {
                    attempts += 1
                    // An entry that always fails while others do not leaves the tier well, and is not tried all the time.
                    let shortest = options.backOff.delay(afterFailures: attempts, random: options.random())
                    do {
                        try await options.sleep(max(shortest, tier.writing.timeLeft))
                    } catch {
                        // Cancelled, the cache is closed or gone; else the next call sets another one.
                        return tier.alarm.withLock { $0 = nil }
                    }
                } while await self?.tryAgain(tier) == true
            }
        }
    }

    /// Brings the tier up to date, if it may be asked; whether it lacks something after that.
    private func tryAgain(_ tier: Tier) async -> Bool {
        recover(tier)
        await finishRecovery(of: tier)
        return tier.alarm.withLock { task in
            if tier.backlog.hasWork, !isClosed.load(ordering: .relaxed) { return true }
            task = nil
            return false
        }
    }

    /// Ends the waiting.
    func cancelAlarms() { for tier in tiers { tier.alarm.withLock { $0 }?.cancel() } }
}
