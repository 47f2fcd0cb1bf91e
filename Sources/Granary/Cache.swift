public import FoundationEssentials

/// Values of one type in a cache, computed once: whoever asks for a value that is being computed waits for that.
///
/// ```swift
/// let cache = Cache<Answer>(over: try SegmentCache(directory: ".cache/answers"))
/// let answer = try await cache.value(forKey: question) { try await model.answer(question) }
/// ```
public struct Cache<Value: Sendable>: Sendable {
    /// Where the values are kept.
    public let strategy: any CacheStrategy
    private let codec: ValueCodec<Value>
    private let flights = SingleFlight<Value>()

    /// A cache of values that the codec turns into bytes.
    public init(over strategy: any CacheStrategy, codec: ValueCodec<Value>) {
        self.strategy = strategy
        self.codec = codec
    }

    /// The value of the key; nil if there is none, or one of another coding or shape.
    ///
    /// - Throws: what the strategy throws.
    public func value(forKey key: String) async throws -> Value? {
        guard let stored = try await strategy.get(key), stored.coding == codec.coding else { return nil }
        return codec.decode(stored.bytes)
    }

    /// The values of many keys, in their order; nil for each that `value(forKey:)` gives nil for.
    ///
    /// - Throws: what the strategy throws.
    public func values(forKeys keys: [String]) async throws -> [Value?] {
        try await strategy.get(keys).map { stored in
            guard let stored, stored.coding == codec.coding else { return nil }
            return codec.decode(stored.bytes)
        }
    }

    /// Stores the value under the key.
    ///
    /// - Throws: what encoding and the strategy throw.
    public func set(_ value: Value, forKey key: String, options: CacheSetOptions = CacheSetOptions()) async throws {
        try await strategy.set(key, to: CacheValue(codec.encode(value), coding: codec.coding), options: options)
    }

    /// The value of the key, computed and stored if there is none.
    ///
    /// Of all who ask for a key at once, through this value or a copy of it, one computes and the others wait for it.
    /// A waiter that is cancelled stops waiting; the computing goes on for the others, and is cancelled with the last.
    /// The value is stored before anyone gets it. A cache that fails counts as a miss; a value that cannot be stored is
    /// given back all the same.
    ///
    /// - Throws: what computing throws, to all who waited for it, and `CancellationError` to a waiter whose task is
    ///   cancelled.
    public func value(
        forKey key: String,
        options: CacheSetOptions = CacheSetOptions(),
        orCompute compute: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        if let value = try? await value(forKey: key) { return value }
        return try await flights.value(forKey: Array(key.utf8)) { [self] in
            // Another flight may have landed between the look above and this one's start.
            if let value = try? await value(forKey: key) { return value }
            let value = try await compute()
            try? await set(value, forKey: key, options: options)
            return value
        }
    }
}

extension Cache where Value: Codable {
    /// A cache of values stored as JSON.
    public init(over strategy: any CacheStrategy) { self.init(over: strategy, codec: .json) }
}

extension Cache where Value == String {
    /// A cache of texts, stored as their UTF-8.
    public init(over strategy: any CacheStrategy) { self.init(over: strategy, codec: .text) }
}

extension Cache where Value == [UInt8] {
    /// A cache of bytes, stored as they are.
    public init(over strategy: any CacheStrategy) { self.init(over: strategy, codec: .bytes) }
}

extension Cache where Value == Data {
    /// A cache of bytes, stored as they are.
    public init(over strategy: any CacheStrategy) { self.init(over: strategy, codec: .data) }
}

extension Cache where Value == [Float] {
    /// A cache of embeddings, stored as four bytes a number.
    public init(over strategy: any CacheStrategy) { self.init(over: strategy, codec: .floats) }
}
