/// S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023, algorithm 1),
/// with bytes in the place of counts.
///
/// New objects enter a small queue. Whoever was asked for more than once since then moves on to the main queue from its
/// end, the others leave and are remembered as ghosts; a ghost that is asked for enters the main queue. At the end of the
/// main queue an object goes round again as often as it was asked for, up to three times.
struct S3FIFO: Policy {
    /// The part of the bytes that the small queue has before it must give some up.
    private static let smallShare = 0.1
    /// The part of the bytes for whose objects there are ghosts: as much as the main queue's.
    private static let ghostShare = 0.9
    private static let highestFrequency: UInt8 = 3
    /// Requests in the small queue that take an object to the main one.
    private static let promotion: UInt8 = 2

    private let capacity: Int
    private let smallCapacity: Int
    private let mainCapacity: Int
    private let ghostCapacity: Int
    private var small: ObjectQueue
    private var main: ObjectQueue
    private var ghosts: ObjectQueue
    private var frequencies: [UInt8]

    init(capacity: Int, objectCount: Int) {
        self.capacity = capacity
        smallCapacity = Int(Double(capacity) * Self.smallShare)
        mainCapacity = capacity - smallCapacity
        ghostCapacity = Int(Double(capacity) * Self.ghostShare)
        small = ObjectQueue(objectCount: objectCount)
        main = small
        ghosts = small
        frequencies = [UInt8](repeating: 0, count: objectCount)
    }

    mutating func request(_ object: Int, size: Int) -> Bool {
        if small.contains(object) || main.contains(object) {
            frequencies[object] = min(Self.highestFrequency, frequencies[object] + 1)
            return true
        }
        guard size <= capacity else { return false }
        while small.bytes + main.bytes + size > capacity { evict() }
        frequencies[object] = 0
        if ghosts.contains(object) {
            ghosts.remove(object)
            main.insert(object, size: size)
        } else {
            small.insert(object, size: size)
        }
        return false
    }

    private mutating func evict() {
        let isSmallFull = small.bytes >= smallCapacity && small.oldest != nil
        if isSmallFull || main.oldest == nil { evictFromSmall() } else { evictFromMain() }
    }

    /// Until one has left, or all have moved on.
    private mutating func evictFromSmall() {
        while let object = small.oldest {
            let size = small.remove(object)
            guard frequencies[object] >= Self.promotion else { return remember(object, size: size) }
            frequencies[object] = 0
            main.insert(object, size: size)
            if main.bytes > mainCapacity { evictFromMain() }
        }
    }

    private mutating func evictFromMain() {
        while let object = main.oldest {
            let size = main.remove(object)
            guard frequencies[object] > 0 else { return }
            frequencies[object] -= 1
            main.insert(object, size: size)
        }
    }

    private mutating func remember(_ object: Int, size: Int) {
        ghosts.insert(object, size: size)
        while ghosts.bytes > ghostCapacity, let oldest = ghosts.oldest { ghosts.remove(oldest) }
    }
}
