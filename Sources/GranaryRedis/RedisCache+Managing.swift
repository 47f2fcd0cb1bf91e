public import Granary
internal import Synchronization

extension RedisCache {
    /// Removes the key's entry; false if it had none. A removal whose task is cancelled goes on to its end.
    ///
    /// - Throws: `RedisCacheError` where the server cannot be asked; a removal whose connection broke is not sent again, and
    ///   may have been done.
    @discardableResult
    public func remove(_ key: String) async throws -> Bool {
        let command = RESPCommand("UNLINK", [storedKey(key)])
        return try await number(command, repeated: .never) > 0
    }

    /// Removes everything whose key has the prefix of the cache, and nothing else. What is set meanwhile may stay or go.
    ///
    /// - Throws: `RedisCacheError` where the server cannot be asked; some may be removed.
    public func removeAll() async throws {
        var next: ScanPlace? = ScanPlace()
        while let place = next {
            let page = try await scan(from: place, prefix: "")
            next = page.next
            if page.keys.isEmpty { continue }
            _ = try await number(RESPCommand("UNLINK", page.keys), repeated: .onceWithdrawn)
        }
    }

    /// Keys that have the prefix of the cache, found by going through all keys of the database. What the server has not
    /// got round to removing, and what others put there, is counted.
    ///
    /// - Throws: `RedisCacheError` where the server cannot be asked.
    public func count() async throws -> Int {
        var count = 0
        try await forEachPage { count += $0.count }
        return count
    }

    /// The keys that begin with the prefix, in no order, read in parts of about 1,000 by going through all keys of the
    /// database; what others put under the prefix of the cache is among them.
    ///
    /// The server tells some keys more than once while its table grows or shrinks, so that all that were told are remembered
    /// until the listing ends.
    public func keys(hasPrefix prefix: String) -> CacheKeys {
        CacheKeys(from: Listing()) { [self] listing in
            let seen = listing.seen ?? SeenKeys()
            let page = try await scan(from: listing.place, prefix: prefix)
            let keys = seen.firstSeen(of: page.keys).compactMap { key in
                String(validating: key.dropFirst(options.prefix.utf8.count), as: UTF8.self)
            }
            return (keys, page.next.map { Listing(place: $0, seen: seen) })
        }
    }

    /// Bytes of all keys and stored values. What the server needs beyond them is not in it: to ask for that, key by key,
    /// takes the server many times as long.
    ///
    /// - Throws: `RedisCacheError` where the server cannot be asked.
    public func byteCount() async throws -> Int {
        var byteCount = 0
        try await forEachPage { keys in
            guard !keys.isEmpty else { return }
            var command = RESPCommand()
            for key in keys { command.append("STRLEN", [key]) }
            for (key, reply) in zip(keys, try await pool.replies(to: command)) {
                // Something of another kind has no length.
                if case .integer(let length) = reply, length > 0 {
                    // Whatever the server says, the sum stays a number.
                    byteCount = byteCount.addingCapped(key.count).addingCapped(Int(clamping: length))
                }
            }
        }
        return byteCount
    }

    /// The figures since the cache was opened.
    public func statistics() async throws -> CacheStatistics { figures.statistics }

    /// Waits until the server has answered everything that it was asked before. When it writes to its disk is its own affair
    /// (`appendonly`, `save`).
    ///
    /// - Throws: `RedisCacheError` where a connection breaks on the way.
    public func flush() async throws { try await pool.flush() }

    /// Waits for the answers that are due and closes the connections; a second call does nothing.
    public func close() async throws { await pool.close() }

    // MARK: Scanning

    private struct Listing: Sendable {
        var place = ScanPlace()
        var seen: SeenKeys?
    }

    /// How far a scan has come. A cursor says something to the process alone that gave it: another one, which has the keys
    /// in another order, would leave some out.
    private struct ScanPlace: Sendable {
        static let start = [UInt8(ascii: "0")]
        /// Processes that may follow each other in one scan: more is no failover any more.
        static let mostProcesses = 8

        var cursor = Self.start
        /// The process that gave it; nil: it does not tell its name.
        var process: [UInt8]?
        /// How many there were.
        var processes = 1
    }

    private func forEachPage(_ body: ([[UInt8]]) async throws -> Void) async throws {
        let seen = SeenKeys()
        var next: ScanPlace? = ScanPlace()
        while let place = next {
            try Task.checkCancellation()
            let page = try await scan(from: place, prefix: "")
            next = page.next
            try await body(seen.firstSeen(of: page.keys))
        }
    }

    /// Keys as the server has them, and where to go on; nil behind the last ones. From the beginning, if another process
    /// answers now than the one that gave the cursor, so that some come again.
    ///
    /// See <https://redis.io/docs/latest/commands/scan/> for what is promised.
    private func scan(from start: ScanPlace, prefix: String) async throws -> (keys: [[UInt8]], next: ScanPlace?) {
        let pattern = Self.pattern(ofKeysWith: storedKey(prefix))
        let options = [Array("MATCH".utf8), pattern, Array("COUNT".utf8), Array("1000".utf8)]
        var place = start
        while true {
            // One request, so that both answers are of one process.
            var command = RESPCommand("INFO", "server")
            command.append("SCAN", [place.cursor] + options)
            let replies = try await pool.replies(to: command)
            let process = Self.processName(replies[0])
            if place.cursor != ScanPlace.start, process != place.process {
                place = ScanPlace(processes: place.processes + 1)
                if place.processes > ScanPlace.mostProcesses { throw restarted }
                continue
            }
            let (keys, cursor) = try page(replies[1])
            (place.cursor, place.process) = (cursor, process)
            return (keys, cursor == ScanPlace.start ? nil : place)
        }
    }

    private var restarted: RedisCacheError {
        RedisCacheError(
            .connectionLost,
            server: pool.server.address,
            detail: "another process of the server answers again and again while keys are listed; see why it restarts"
        )
    }

    /// The name that the server's process drew when it started.
    private static func processName(_ reply: RESPValue) -> [UInt8]? {
        let text: [UInt8]
        switch reply {
        case .bytes(let bytes): text = bytes
        case .verbatim(let bytes): text = Array(bytes.dropFirst(4))
        // Whoever may not ask is left to trust the cursor.
        default: return nil
        }
        return text.split { $0 == .carriageReturn || $0 == .newline }.first { $0.starts(with: "run_id:".utf8) }
            .map { Array($0) }
    }

    private func page(_ reply: RESPValue) throws -> (keys: [[UInt8]], cursor: [UInt8]) {
        guard case .array(let parts) = reply, parts.count == 2, case .bytes(let cursor) = parts[0],
            case .array(let replies) = parts[1]
        else { throw unexpected(reply) }
        let keys = try replies.map { reply in
            guard case .bytes(let key) = reply else { throw unexpected(reply) }
            return key
        }
        return (keys, cursor)
    }

    /// The pattern of keys that begin with the bytes, whatever these are. In Redis's patterns `*`, `?`, `[` and `\` mean
    /// something, and a `\` takes that from the byte behind it.
    static func pattern(ofKeysWith prefix: [UInt8]) -> [UInt8] {
        prefix.flatMap { "*?[]^-\\".utf8.contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] } + [UInt8(ascii: "*")]
    }

    /// The number that the server answers to a removal.
    private func number(_ command: RESPCommand, repeated repetition: Request.Repetition) async throws -> Int64 {
        let reply = try await pool.reply(to: command, repeated: repetition, isSeenThrough: true)
        guard case .integer(let number) = reply else { throw unexpected(reply) }
        return number
    }
}

/// Keys that a listing has told.
private final class SeenKeys: Sendable {
    private let keys = Mutex<Set<[UInt8]>>([])

    /// Those of the keys that were not seen before.
    func firstSeen(of found: [[UInt8]]) -> [[UInt8]] {
        keys.withLock { keys in found.filter { keys.insert($0).inserted } }
    }
}
