/// Says of conversations that missed which entry of the cache is the nearest, and in what it differs.
///
/// Entries are seen one after another, so that a cache of any size can be searched.
public struct MissExplainer: Sendable {
    /// A conversation that missed, and what was found out.
    public struct Miss: Sendable {
        /// What its key is made of.
        public let components: KeyComponents
        /// The key of the nearest entry; nil where no entry is of this conversation or of one that shares a message.
        public private(set) var nearestKey: String?
        /// In what it differs from that entry.
        public private(set) var differences: [KeyComponents.Difference] = []

        private let messages: Set<String>
        private var distance: (messages: Int, components: Int)?

        init(_ components: KeyComponents) {
            self.components = components
            messages = Set(components.conversation)
        }

        /// The same conversation asked in another way is nearer than another conversation asked in the same way.
        mutating func see(_ stored: KeyComponents, _ storedMessages: Set<String>, key: String) {
            if !messages.isEmpty || !storedMessages.isEmpty, messages.isDisjoint(with: storedMessages) { return }
            let changed = messages.symmetricDifference(storedMessages).count
            if let distance, changed > distance.messages { return }
            let differences = components.differences(from: stored)
            let found = (changed, differences.count)
            if let distance, found >= distance { return }
            distance = found
            nearestKey = key
            self.differences = differences
        }
    }

    /// The conversations that missed, in the order in which they were given.
    public private(set) var misses: [Miss]

    /// An explainer of misses whose keys are made of the components.
    public init(_ components: [KeyComponents]) { misses = components.map(Miss.init) }

    /// Takes note of an entry; one without components says nothing.
    public mutating func see(_ envelope: SummaryEnvelope, key: String) {
        guard let stored = envelope.components else { return }
        let messages = Set(stored.conversation)
        for index in misses.indices { misses[index].see(stored, messages, key: key) }
    }
}
