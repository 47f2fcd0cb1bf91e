/// Keys of a cache, read in parts as they are asked for, so that a cache of any size can be listed.
public struct CacheKeys: AsyncSequence, Sendable {
    /// The element type: a key.
    public typealias Element = String

    private let first: Step

    /// Keys that come in parts: the closure gives the part of the number, counted from 0, or nil behind the last one.
    public init(parts nextPart: @escaping @Sendable (Int) async throws -> [String]?) {
        self.init(from: 0) { number in
            guard let keys = try await nextPart(number) else { return ([], nil) }
            return (keys, number + 1)
        }
    }

    /// Keys of a backend that is told where to go on: the closure gives the part that begins at the place, and the place
    /// where the next one begins, or nil behind the last one. Every iterator goes its own way from the start.
    public init<Place: Sendable>(
        from start: Place,
        nextPart: @escaping @Sendable (Place) async throws -> (keys: [String], next: Place?)
    ) {
        first = Self.step(at: start, nextPart)
    }

    /// Begins at the first key.
    public func makeAsyncIterator() -> Iterator { Iterator(step: first) }

    /// Goes from key to key.
    public struct Iterator: AsyncIteratorProtocol, Sendable {
        private var step: Step?
        private var part: [String] = []
        private var position = 0

        fileprivate init(step: @escaping Step) {
            self.step = step
        }

        /// The next key; nil behind the last one.
        ///
        /// - Throws: where the backend cannot be asked, and `CancellationError` once the task is cancelled.
        public mutating func next() async throws -> String? {
            while position == part.count {
                try Task.checkCancellation()
                guard let step else { return nil }
                let read = try await step()
                part = read.keys
                position = 0
                self.step = read.next
            }
            defer { position += 1 }
            return part[position]
        }
    }

    /// Reads one part.
    fileprivate typealias Step = @Sendable () async throws -> Part

    fileprivate struct Part: Sendable {
        var keys: [String]
        var next: Step?
    }

    private static func step<Place: Sendable>(
        at place: Place,
        _ nextPart: @escaping @Sendable (Place) async throws -> (keys: [String], next: Place?)
    ) -> Step {
        {
            let (keys, next) = try await nextPart(place)
            return Part(keys: keys, next: next.map { step(at: $0, nextPart) })
        }
    }
}
