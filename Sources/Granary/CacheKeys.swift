/// Keys of a cache, read in parts as they are asked for, so that a cache of any size can be listed.
public struct CacheKeys: AsyncSequence, Sendable {
    /// The element type: a key.
    public typealias Element = String

    private let nextPart: @Sendable (Int) async throws -> [String]?

    /// Keys that come in parts: the closure gives the part of the number, counted from 0, or nil behind the last one.
    public init(parts nextPart: @escaping @Sendable (Int) async throws -> [String]?) {
        self.nextPart = nextPart
    }

    /// Begins at the first key.
    public func makeAsyncIterator() -> Iterator { Iterator(nextPart: nextPart) }

    /// Goes from key to key.
    public struct Iterator: AsyncIteratorProtocol {
        let nextPart: @Sendable (Int) async throws -> [String]?
        private var part: [String] = []
        private var position = 0
        private var number = 0

        init(nextPart: @escaping @Sendable (Int) async throws -> [String]?) {
            self.nextPart = nextPart
        }

        /// The next key; nil behind the last one.
        ///
        /// - Throws: where the backend cannot be asked, and `CancellationError` once the task is cancelled.
        public mutating func next() async throws -> String? {
            while position == part.count {
                try Task.checkCancellation()
                guard let next = try await nextPart(number) else { return nil }
                part = next
                position = 0
                number += 1
            }
            defer { position += 1 }
            return part[position]
        }
    }
}
