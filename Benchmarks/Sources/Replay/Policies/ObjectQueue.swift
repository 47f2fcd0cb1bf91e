/// Objects in a line from the newest to the oldest, from anywhere in which one can be taken.
///
/// Links lie in arrays by the objects' numbers, so that a queue over all objects of a trace takes no memory for each move.
struct ObjectQueue {
    private static let none: Int32 = -1

    private var newer: [Int32]
    private var older: [Int32]
    /// By object; -1: not in the queue.
    private var sizes: [Int32]
    private var ends = (newest: none, oldest: none)
    /// Bytes of all objects in the queue.
    private(set) var bytes = 0

    init(objectCount: Int) {
        newer = [Int32](repeating: Self.none, count: objectCount)
        older = newer
        sizes = newer
    }

    var oldest: Int? { ends.oldest == Self.none ? nil : Int(ends.oldest) }

    func contains(_ object: Int) -> Bool { sizes[object] != Self.none }

    func size(of object: Int) -> Int { Int(sizes[object]) }

    /// The one that came next after the object; nil: it is the newest.
    func neighbour(newerThan object: Int) -> Int? { newer[object] == Self.none ? nil : Int(newer[object]) }

    /// Adds an object that is not in the queue.
    mutating func insert(_ object: Int, size: Int) {
        let number = Int32(object)
        sizes[object] = Int32(size)
        bytes += size
        older[object] = ends.newest
        newer[object] = Self.none
        if ends.newest == Self.none { ends.oldest = number } else { newer[Int(ends.newest)] = number }
        ends.newest = number
    }

    /// Adds an object for which the oldest ones leave until there is room; not one that is larger than all room there is.
    mutating func insert(_ object: Int, size: Int, within capacity: Int) {
        guard size <= capacity else { return }
        while bytes + size > capacity, let oldest { remove(oldest) }
        insert(object, size: size)
    }

    /// Takes out an object that is in the queue, and says its size.
    @discardableResult
    mutating func remove(_ object: Int) -> Int {
        let size = Int(sizes[object])
        let (next, previous) = (newer[object], older[object])
        if next == Self.none { ends.newest = previous } else { older[Int(next)] = previous }
        if previous == Self.none { ends.oldest = next } else { newer[Int(previous)] = next }
        sizes[object] = Self.none
        bytes -= size
        return size
    }
}
