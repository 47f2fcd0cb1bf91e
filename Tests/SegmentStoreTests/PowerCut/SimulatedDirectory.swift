/// The names of a directory as the kernel has them, and as the disk has them.
struct SimulatedDirectory {
    enum Node: Equatable {
        case file(Int)
        case directory
    }

    enum Change {
        case add(String, Node)
        case remove(String)
        case rename(String, to: String)
    }

    private(set) var live: [String: Node] = [:]
    private(set) var durable: [String: Node] = [:]
    /// What changed since the directory was last forced, in order.
    private var pending: [(change: Change, node: Node?)] = []

    mutating func make(_ change: Change) {
        let node: Node? =
            switch change {
            case .add(_, let node): node
            case .remove(let name): live[name]
            case .rename(let source, _): live[source]
            }
        pending.append((change, node))
        Self.apply(change, node, to: &live)
    }

    private static func apply(_ change: Change, _ node: Node?, to names: inout [String: Node]) {
        switch change {
        case .add(let name, _): names[name] = node
        case .remove(let name):
            // Another file may have the name on the disk: the one that was removed never got there.
            if names[name] == node { names[name] = nil }
        case .rename(let source, let destination):
            if names[source] == node { names[source] = nil }
            names[destination] = node
        }
    }

    /// Forcing the directory.
    mutating func persist() { persist { _ in true } }

    /// The first changes reach the disk, as a journal writes them.
    mutating func persist(first count: Int) {
        for (change, node) in pending.prefix(count) { Self.apply(change, node, to: &durable) }
        pending.removeFirst(min(count, pending.count))
    }

    /// Of all changes those chosen by their numbers reach the disk, the others never will.
    mutating func persist(choosing isChosen: (Int) -> Bool) {
        for (number, (change, node)) in pending.enumerated() where isChosen(number) {
            Self.apply(change, node, to: &durable)
        }
        pending = []
    }

    var pendingCount: Int { pending.count }

    /// After a cut: what the disk has is all there is.
    mutating func restore() {
        live = durable
        pending = []
    }
}
