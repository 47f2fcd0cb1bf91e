/// A cache of so many bytes, of which nothing exists but what it would hold.
///
/// An object has the size that it was set with; one that is larger than the cache is never held.
protocol Policy {
    /// True if the object is held; if not, it is set with the size, and what has to leave for that has left.
    mutating func request(_ object: Int, size: Int) -> Bool
}

/// What was set first leaves first.
struct FIFO: Policy {
    private let capacity: Int
    private var queue: ObjectQueue

    init(capacity: Int, objectCount: Int) {
        self.capacity = capacity
        queue = ObjectQueue(objectCount: objectCount)
    }

    mutating func request(_ object: Int, size: Int) -> Bool {
        if queue.contains(object) { return true }
        queue.insert(object, size: size, within: capacity)
        return false
    }
}

/// What was asked for least recently leaves first.
struct LRU: Policy {
    private let capacity: Int
    private var queue: ObjectQueue

    init(capacity: Int, objectCount: Int) {
        self.capacity = capacity
        queue = ObjectQueue(objectCount: objectCount)
    }

    mutating func request(_ object: Int, size: Int) -> Bool {
        if queue.contains(object) {
            let size = queue.remove(object)
            queue.insert(object, size: size)
            return true
        }
        queue.insert(object, size: size, within: capacity)
        return false
    }
}
