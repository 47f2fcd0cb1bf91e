/// What reads count, on every processor by itself.
final class Counters: Sendable {
    let hits = StripedCounter()
    let misses = StripedCounter()
    let damagedReads = StripedCounter()
}
