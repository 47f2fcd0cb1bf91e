public import Granary
internal import SegmentStore

/// Listing is for managing only: S3 gives 1,000 names a request, and asks more for each than for a get.
extension S3Cache {
    /// Removes the key's entry, by two requests: S3 does not say whether a removal had anything to remove. False if there
    /// was none; where several remove one at a time, each may say true.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked.
    @discardableResult
    public func remove(_ key: String) async throws -> Bool {
        guard (1...ObjectBody.longestKey).contains(key.utf8.count) else { return false }
        let name = ObjectName(key: key)
        guard let object = try await look(at: name) else { return false }
        _ = try await client.send(S3Request(method: "DELETE", name: name.text, expected: [404]))
        return !object.hasEnded(at: options.clock.milliseconds())
    }

    /// Removes every entry, by two requests for each 1,000. Objects right under the prefix whose names no entry could have
    /// stay; one whose name is like an entry's goes, whoever put it there: let the cache have a prefix of its own.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked, or some object may not be removed.
    public func removeAll() async throws {
        var token: String?
        repeat {
            let page = try await list(namesBeginningWith: "", at: token)
            token = page.next
            guard !page.objects.isEmpty else { continue }
            var rest = page.objects.map(\.name)[...]
            while !rest.isEmpty {
                let request = Deletion.request(client.place, Array(rest.prefix(Deletion.limit)))
                // Deleted twice is deleted.
                _ = try await client.send(request) { [place = client.place] reply throws(S3CacheError) in
                    try Deletion.check(reply, place)
                }
                rest = rest.dropFirst(Deletion.limit)
            }
        } while token != nil
    }

    /// Entries stored, by a request for each 1,000. Those that have expired are among them until they are set again or
    /// removed; a lifecycle rule of the bucket removes what nobody sets again.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked.
    public func count() async throws -> Int { try await sum { _ in 1 } }

    /// Bytes of the objects, as S3 charges for them; a request for each 1,000.
    ///
    /// - Throws: `S3CacheError` where S3 cannot be asked.
    public func byteCount() async throws -> Int { try await sum(\.byteCount) }

    private func sum(_ number: (Listing.Object) -> Int) async throws -> Int {
        var sum = 0
        var token: String?
        repeat {
            let page = try await list(namesBeginningWith: "", at: token)
            for object in page.objects { sum = sum.addingCapped(number(object)) }
            token = page.next
        } while token != nil
        return sum
    }

    /// The keys that begin with the prefix. A listing tells neither when an entry ends nor a key of more than 255 bytes, so
    /// each object is asked about in a request of its own, as many at a time as the options say.
    public func keys(hasPrefix prefix: String) -> CacheKeys {
        let escaped = ObjectName.escape(prefix)
        // Names with a digest begin with no key's beginning, and are looked through after the others.
        let isLong = escaped.utf8.count > ObjectName.longestPart
        let first = ListingPlace(names: isLong ? ObjectName.digestMark : escaped)
        return CacheKeys(from: first) { [self] place in
            let page = try await list(namesBeginningWith: place.names, at: place.token)
            let found = try await concurrently(page.objects, atOnce: options.concurrency) { object in
                try await self.key(of: object.name)
            }
            let keys = found.compactMap { $0 }.filter { $0.utf8.starts(with: prefix.utf8) }
            if let next = page.next { return (keys, ListingPlace(names: place.names, token: next)) }
            let isLast = place.names.isEmpty || place.names == ObjectName.digestMark
            return (keys, isLast ? nil : ListingPlace(names: ObjectName.digestMark))
        }
    }

    private struct ListingPlace: Sendable {
        var names: String
        var token: String?
    }

    private func list(namesBeginningWith text: String, at token: String?) async throws -> Listing {
        let request = Listing.request(client.place, namesBeginningWith: text, at: token)
        return try Listing(try await client.send(request), after: token, client.place)
    }

    /// The key of a living entry's object; nil if that has ended, is gone, or belongs to nobody.
    private func key(of name: ObjectName) async throws -> String? {
        guard let object = try await look(at: name), !object.hasEnded(at: options.clock.milliseconds()) else {
            return nil
        }
        if let key = name.key { return key }
        guard let key = ObjectBody.key(object.start), ObjectName(key: key) == name else { return nil }
        return key
    }

    /// The figures since the cache was opened.
    public func statistics() async throws -> CacheStatistics { figures.statistics }

    /// Does nothing: S3 has stored a set for good before it returns.
    public func flush() async throws {}

    /// Closes the connections; a second call does nothing.
    public func close() async throws { await client.close() }
}
