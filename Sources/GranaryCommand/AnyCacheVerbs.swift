import Granary
import GranarySummaries

/// What the verbs do on a cache that is not a directory of segments, through `ManagedCacheStrategy` alone.
struct AnyCacheVerbs {
    let location: CacheLocation

    /// Strategies take keys as text.
    private func text(_ key: [UInt8]) throws(CommandFailure) -> String {
        guard let text = String(validating: key, as: UTF8.self) else {
            throw CommandFailure(
                .badUsage,
                "\(location): the key is not UTF-8; only a directory of segments takes such"
            )
        }
        return text
    }

    func get(_ key: [UInt8]) async throws(CommandFailure) -> [UInt8] {
        let name = try text(key)
        return try await OpenedCache(location, for: .reading).using { cache in
            if let value = try await cache.get(name) { return value.bytes }
            let unasked = (cache as? TieredCache)?.tierStatistics.filter(\.isReadingSuspended).map(\.name) ?? []
            guard unasked.isEmpty else {
                throw CommandFailure(
                    .failed,
                    "\(Key.name(key)): not found, but \(unasked.joined(separator: ", ")) could not be asked; try again"
                )
            }
            let isDamaged = try await cache.statistics().damaged > 0
            throw CommandFailure(.notFound, "\(Key.name(key)): \(isDamaged ? "the entry is damaged" : "not found")")
        }
    }

    func set(
        _ key: [UInt8],
        to bytes: [UInt8],
        options: CacheSetOptions,
        limit: SizeLimitOption
    ) async throws(CommandFailure) {
        let name = try text(key)
        let opened = try await OpenedCache(location, for: .creating, limit: limit)
        try await opened.using { cache in
            defer { if let note = opened.note(on: limit) { Output.message(note) } }
            try await cache.set(name, to: CacheValue(bytes), options: options)
        }
    }

    /// Removes the keys; says which were not there, and whether any was not.
    func delete(_ keys: [[UInt8]], limit: SizeLimitOption) async throws(CommandFailure) -> Bool {
        var names: [String] = []
        for key in keys { names.append(try text(key)) }
        return try await OpenedCache(location, for: .changing, limit: limit).using { [names] cache in
            var isAnyMissing = false
            for name in names where try await !cache.remove(name) {
                isAnyMissing = true
                Output.message("granary: \(Key.name(Array(name.utf8))): not found")
            }
            return isAnyMissing
        }
    }

    func clear(limit: SizeLimitOption) async throws(CommandFailure) {
        try await OpenedCache(location, for: .changing, limit: limit).using { try await $0.removeAll() }
    }

    /// Calls the body with every key that begins with the prefix.
    func forEachKey(hasPrefix prefix: String, _ body: ([UInt8]) throws -> Void) async throws(CommandFailure) {
        try await OpenedCache(location, for: .reading).using { cache in
            for try await key in cache.keys(hasPrefix: prefix) { try body(Array(key.utf8)) }
        }
    }

    /// Writes how many entries there are and what they take, in each tier if there are several.
    func reportStatistics(_ format: ReportFormat) async throws(CommandFailure) {
        let opened = try await OpenedCache(location, for: .reading)
        let (whole, tiers) = try await opened.using { cache in
            var tiers: [(name: String, figures: Figures)] = []
            for tier in opened.tiers { tiers.append((tier.name, try await Figures(tier.strategy))) }
            return (try await Figures(cache), tiers)
        }
        guard format == .json else {
            let lines = tiers.map { "\($0.name): \($0.figures.text)\n" }.joined()
            return try Output.write("\(whole.text)\n\(lines)")
        }
        var writer = JSONWriter()
        writer.beginObject()
        whole.write(to: &writer)
        if !tiers.isEmpty {
            writer.name("tiers")
            writer.beginArray()
            for tier in tiers {
                writer.beginObject()
                writer.member("name", tier.name)
                tier.figures.write(to: &writer)
                writer.endObject()
            }
            writer.endArray()
        }
        writer.endObject()
        try Output.write(writer.bytes + [UInt8(ascii: "\n")])
    }

    private struct Figures: Sendable {
        let entries: Int
        let bytes: Int

        init(_ cache: any ManagedCacheStrategy) async throws {
            entries = try await cache.count()
            bytes = try await cache.byteCount()
        }

        var text: String { "\(grouped(entries)) entries, \(grouped(bytes)) bytes" }

        func write(to writer: inout JSONWriter) {
            writer.member("entries", entries)
            writer.member("bytes", bytes)
        }
    }
}
