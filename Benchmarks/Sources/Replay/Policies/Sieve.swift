/// SIEVE (Zhang, Yang, Yue, Vigfusson and Rashmi, "SIEVE is Simpler than LRU: an Efficient Turn-Key Eviction Algorithm for
/// Web Caches", NSDI 2024).
///
/// One queue in the order of setting. A hand goes from the oldest to the newest and round again; it spares whoever was
/// asked for since it last came by, and evicts the first who was not. Whoever is spared stays where it is.
struct Sieve: Policy {
    private let capacity: Int
    private var queue: ObjectQueue
    private var wasVisited: [Bool]
    /// Where the hand stands; nil: before the oldest.
    private var hand: Int?

    init(capacity: Int, objectCount: Int) {
        self.capacity = capacity
        queue = ObjectQueue(objectCount: objectCount)
        wasVisited = [Bool](repeating: false, count: objectCount)
    }

    mutating func request(_ object: Int, size: Int) -> Bool {
        if queue.contains(object) {
            wasVisited[object] = true
            return true
        }
        guard size <= capacity else { return false }
        while queue.bytes + size > capacity { evict() }
        queue.insert(object, size: size)
        wasVisited[object] = false
        return false
    }

    private mutating func evict() {
        while let object = hand ?? queue.oldest {
            hand = queue.neighbour(newerThan: object)
            if !wasVisited[object] {
                queue.remove(object)
                return
            }
            wasVisited[object] = false
        }
    }
}
