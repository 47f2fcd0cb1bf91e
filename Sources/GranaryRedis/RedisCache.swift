public import Granary
internal import SegmentStore

/// A strategy that keeps entries in a Redis 6 (or later) or Valkey server, which any number of machines share.
///
/// ```swift
/// let cache = try RedisCache(url: "rediss://:secret@cache.example:6379/0?prefix=summaries:")
/// try await cache.set("question", to: CacheValue(Array("answer".utf8), coding: .text))
/// for try await key in cache.keys(hasPrefix: "que") { print(key) }
/// try await cache.close()
/// ```
///
/// Nothing is connected before the first call, so that a program starts without its cache; `ping()` tells whether the server
/// can be reached. A connection that breaks is made anew, and what was on its way is asked once more, except for removals,
/// and for sets that the server may yet do.
///
/// Every value lies in the server as a `StoredValue`: one that somebody else put there, or that is damaged, is a miss.
///
/// Protocol: RESP3, <https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md>.
public final class RedisCache: ManagedCacheStrategy {
    /// Keys that one command asks for.
    private static let keysInACommand = 64
    /// Entries, and bytes of commands unless a single one has more, that are stored before the server is waited for.
    private static let entriesInABatch = 256
    private static let bytesInABatch = 4 << 20
    /// The longest key, as in the default strategy.
    private static let keyBytes = 65_535

    let pool: Pool
    let options: RedisCacheOptions
    /// What every key begins with in the server.
    private let prefix: [UInt8]
    let figures = CacheFigures()

    /// A cache in the server.
    ///
    /// - Throws: `RedisCacheError`: `.invalidOptions`, or `.tlsFailed` where a certificate's file cannot be used.
    public init(
        server: RedisServer,
        options: RedisCacheOptions = RedisCacheOptions()
    ) throws(RedisCacheError) {
        guard options.connections > 0 else {
            throw RedisCacheError(.invalidOptions, server: server.address, detail: "no connections; allow one at least")
        }
        self.options = options
        prefix = Array(options.prefix.utf8)
        pool = try Pool(server, options)
    }

    /// A cache in the server that the URL names:
    ///
    ///     redis[s]://[[user]:password@]host[:port][/database][?option=value&…]
    ///
    /// `rediss` is TLS. What the URL says counts before the options: `prefix`; `expiry`, in seconds or `none`; with TLS
    /// `verify` (`full`, `host-off` or `none`), and `ca`, `cert` and `key`, paths of PEM files with the certificates to
    /// trust and the client's own. Names and values may be percent-encoded.
    ///
    /// - Throws: `RedisCacheError`: `.invalidOptions`, never with the URL, or `.tlsFailed` where a certificate's file cannot
    ///   be used.
    public convenience init(
        url: String,
        options: RedisCacheOptions = RedisCacheOptions()
    ) throws(RedisCacheError) {
        let url = try RedisURL(url)
        var options = options
        if let prefix = url.prefix { options.prefix = prefix }
        if let expiry = url.expiry { options.defaultExpiry = expiry }
        try self.init(server: url.server, options: options)
    }

    deinit { pool.abandon() }

    // MARK: CacheStrategy

    /// The value of the key.
    ///
    /// - Throws: `RedisCacheError` where the server cannot be asked, `CancellationError` where the task is cancelled.
    public func get(_ key: String) async throws -> CacheValue? { try await stored(key)?.value }

    /// The values of many keys, 64 to a command.
    ///
    /// - Throws: as `get` of one key.
    public func get(_ keys: [String]) async throws -> [CacheValue?] { try await read(keys) { $0.value } }

    /// The value of the key, and when it ends.
    ///
    /// - Throws: as `get`.
    public func hit(_ key: String) async throws -> CacheHit? { try await stored(key).map(Self.hit) }

    private nonisolated(nonsending) func stored(_ key: String) async throws -> StoredValue? {
        let reply = try await pool.reply(to: RESPCommand("GET", prefix: prefix, CollectionOfOne(key)))
        return try read(consume reply, key, now: options.clock.milliseconds())
    }

    /// The same for many keys, 64 to a command.
    ///
    /// - Throws: as `get`.
    public func hits(_ keys: [String]) async throws -> [CacheHit?] { try await read(keys, Self.hit) }

    private static func hit(_ stored: StoredValue) -> CacheHit {
        CacheHit(stored.value, end: stored.expiry.map { .at($0) } ?? .never)
    }

    private func read<Result>(_ keys: [String], _ result: (StoredValue) -> Result) async throws -> [Result?] {
        var results: [Result?] = []
        results.reserveCapacity(keys.count)
        var rest = keys[...]
        while !rest.isEmpty {
            let part = rest.prefix(Self.keysInACommand)
            rest = rest[part.endIndex...]
            let reply = try await pool.reply(to: RESPCommand("MGET", prefix: prefix, part))
            var replies: [RESPValue]
            switch consume reply {
            case .array(let elements) where elements.count == part.count: replies = elements
            case let other: throw unexpected(other)
            }
            let now = options.clock.milliseconds()
            for (place, key) in part.enumerated() {
                // Taken out of the list, so that its bytes need no copy.
                let reply = exchange(&replies[place], with: .null)
                results.append(try read(consume reply, key, now: now).map(result))
            }
        }
        return results
    }

    private func read(_ reply: consuming RESPValue, _ key: String, now: UInt64) throws(RedisCacheError) -> StoredValue?
    {
        var isDamaged = false
        switch consume reply {
        case .bytes(let bytes):
            guard let stored = StoredValue(decoding: consume bytes, forKey: key) else {
                isDamaged = true
                break
            }
            if stored.hasEnded(at: now) { break }
            figures.noteHit()
            return stored
        case .null: break
        // A list or another kind of thing that somebody put under the key.
        case .error(let text):
            guard text.starts(with: "WRONGTYPE".utf8) else { throw unexpected(.error(text)) }
            isDamaged = true
        case let other: throw unexpected(other)
        }
        figures.noteMiss(isDamaged: isDamaged)
        return nil
    }

    /// Stores the value under the key, which has 1 to 65,535 bytes of UTF-8, until its expiry or else the default one. Tags
    /// are ignored. A set whose task is cancelled goes on to its end.
    ///
    /// One that threw for want of an answer may have been done, or may yet be. One whose connection the server let go is sent
    /// again, so that it may be done twice: what somebody else set in between, here or elsewhere, is then replaced. One that
    /// waited behind another for an answer that did not come in time is not, for the server may yet read it.
    ///
    /// - Throws: `RedisCacheError`: `.valueTooLarge` from 512 MiB on, and others where the server cannot store it.
    public func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws {
        try await set([CacheEntry(key, value, options: options)])
    }

    /// Stores many entries, up to 256 or 4 MiB on their way at a time.
    ///
    /// - Throws: `RedisCacheError`, as `set` of one key; some entries may be stored.
    public func set(_ entries: [CacheEntry]) async throws {
        for entry in entries { try check(entry) }
        var rest = entries[...]
        while let first = rest.first {
            var command = RESPCommand()
            var batch = rest.prefix(1)
            append(first, to: &command)
            while let entry = rest[batch.endIndex...].first, batch.count < Self.entriesInABatch,
                command.bytes.count + entry.value.bytes.count <= Self.bytesInABatch
            {
                append(entry, to: &command)
                batch = rest[batch.startIndex...batch.endIndex]
            }
            rest = rest[batch.endIndex...]
            for reply in try await pool.replies(to: command, repeated: .onceWithdrawn, isSeenThrough: true) {
                if case .error = reply { throw unexpected(reply) }
            }
            figures.noteSets(batch.count)
        }
    }

    private func append(_ entry: CacheEntry, to command: inout RESPCommand) {
        let now = options.clock.milliseconds()
        let end = (entry.options.expiry ?? options.defaultExpiry.map { .after($0) })?.milliseconds(now: now)
        let key = storedKey(entry.key)
        // Redis refuses to store what ends at once.
        if let end, end <= now { return command.append("UNLINK", [key]) }
        var arguments = [key, StoredValue(entry.value, expiry: end).encoded(forKey: entry.key)]
        // Redis refuses moments beyond 64 bits, which nobody lives to see; the value says when it ends all the same.
        if let end, end < UInt64(Int64.max) { arguments += [Array("PX".utf8), Array("\(end - now)".utf8)] }
        command.append("SET", arguments)
    }

    private func check(_ entry: CacheEntry) throws(RedisCacheError) {
        guard (1...Self.keyBytes).contains(entry.key.utf8.count) else {
            throw RedisCacheError(
                .invalidKey,
                server: pool.server.address,
                detail: "a key of \(entry.key.utf8.count) bytes; use 1 to \(Self.keyBytes)"
            )
        }
        guard entry.value.bytes.count + StoredValue.headerLength <= RESPParser.longestBytes else {
            throw RedisCacheError(
                .valueTooLarge,
                server: pool.server.address,
                detail: "a value of \(entry.value.bytes.count) bytes; store less than 512 MiB under one key"
            )
        }
    }

    // MARK: Server

    /// Asks the server for a sign of life.
    ///
    /// - Throws: `RedisCacheError`, which says why there is none.
    public func ping() async throws {
        let reply = try await pool.reply(to: RESPCommand("PING"))
        if case .error = reply { throw unexpected(reply) }
    }

    /// The key as the server has it.
    func storedKey(_ key: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(prefix.count + key.utf8.count)
        bytes += prefix
        bytes += key.utf8
        return bytes
    }

    /// The error for a reply that is one, or that is of the wrong kind.
    func unexpected(_ reply: RESPValue) -> RedisCacheError {
        if case .error(let text) = reply { return RedisCacheError(reply: text, from: pool.server) }
        return RedisCacheError(
            .protocolViolation,
            server: pool.server.address,
            detail: "a reply of a kind that the command does not have; check that a Redis server listens there"
        )
    }
}
