import HeapModule

/// The fewest misses that any cache can have where all sizes are equal: what is asked for again latest, or never, leaves,
/// be it the object that was just asked for (Belady, "A study of replacement algorithms for a virtual-storage computer",
/// IBM Systems Journal 5(2), 1966).
///
/// It is asked for the requests of its trace, in their order.
struct Belady: Policy {
    private static let never = UInt32.max

    /// A held object and the request that wants it next.
    private struct Held: Comparable {
        var next: UInt32
        var object: UInt32

        static func < (left: Held, right: Held) -> Bool {
            (left.next, left.object) < (right.next, right.object)
        }
    }

    private let capacity: Int
    /// By request: the next one for the same object.
    private let nextRequests: [UInt32]
    private var now = 0
    private var bytes = 0
    /// By object; -1: not held.
    private var sizes: [Int32]
    /// Those that are held, and for each hit one whose request has passed.
    private var heap = Heap<Held>()

    init(capacity: Int, trace: Trace) {
        self.capacity = capacity
        sizes = [Int32](repeating: -1, count: trace.objectCount)
        var latest = [UInt32](repeating: Self.never, count: trace.objectCount)
        var nextRequests = [UInt32](repeating: Self.never, count: trace.requests.count)
        for number in trace.requests.indices.reversed() {
            let object = Int(trace.requests[number].object)
            nextRequests[number] = latest[object]
            latest[object] = UInt32(number)
        }
        self.nextRequests = nextRequests
    }

    mutating func request(_ object: Int, size: Int) -> Bool {
        let isHit = sizes[object] >= 0
        if !isHit {
            sizes[object] = Int32(size)
            bytes += size
        }
        heap.insert(Held(next: nextRequests[now], object: UInt32(object)))
        now += 1
        while bytes > capacity, let last = heap.popMax() {
            // An object's latest entry names a later request than its others, so it comes first of them.
            guard sizes[Int(last.object)] >= 0 else { continue }
            bytes -= Int(sizes[Int(last.object)])
            sizes[Int(last.object)] = -1
        }
        return isHit
    }
}
