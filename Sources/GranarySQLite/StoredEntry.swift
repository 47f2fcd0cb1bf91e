internal import CXXHash
internal import Foundation
internal import GRDB
internal import Granary

/// An entry as the database has it.
struct StoredEntry: Sendable {
    let key: Data
    let value: CacheValue
    /// Milliseconds since 1970; nil: never.
    let expiry: Int64?
    let tag: Data?
    /// Bytes that its row takes.
    let byteCount: Int

    init(_ entry: CacheEntry, now: UInt64) {
        key = Data(entry.key.utf8)
        value = entry.value
        expiry = entry.options.expiry.map { Int64(clamping: $0.milliseconds(now: now)) }
        tag = entry.options.tag.flatMap(Self.storedTag)
        byteCount = Self.byteCount(of: entry)
    }

    /// The tag as it is kept, the first 255 bytes; nil for an empty one, which is none.
    static func storedTag(_ tag: String) -> Data? { tag.isEmpty ? nil : Data(tag.utf8.prefix(255)) }

    /// Bytes that an entry's row takes, with room for its numbers and what SQLite adds.
    static func byteCount(of entry: CacheEntry) -> Int {
        entry.key.utf8.count + entry.value.bytes.count + min(entry.options.tag?.utf8.count ?? 0, 255) + 64
    }

    /// Stores it as the newest entry, in place of what the key had.
    func insert(into database: Database) throws {
        try database.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO entries (key, expiry, tag, coding, checksum, value) VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            key, expiry, tag, Int64(value.coding.rawValue),
            Self.checksum(key, value.bytes, expiry: expiry, coding: value.coding), Data(value.bytes),
        ])
    }

    /// What looking for a key finds.
    enum Found: Sendable {
        case hit(CacheHit)
        case nothing
        case damaged
    }

    /// Looks for the key's entry, and checks it if it has not expired.
    static func find(_ key: Data, in database: Database, now: Int64) throws -> Found {
        // Nothing is longer than that.
        try find(key, in: database, now: now, longest: .max) ?? .damaged
    }

    /// The same for a value that is no longer than that; nil for one that is, and was not read.
    static func find(_ key: Data, in database: Database, now: Int64, longest: Int) throws -> Found? {
        // The length is known without the pages that the value goes on in.
        let statement = try database.cachedStatement(
            sql: """
                SELECT expiry, coding, checksum, CASE WHEN length(value) <= ?2 THEN value END, length(value) > ?2
                FROM entries WHERE key = ?1
                """
        )
        let rows = try Row.fetchCursor(statement, arguments: [key, longest])
        guard let row = try rows.next() else { return Found.nothing }
        let expiry = integer(row, 0)
        if let expiry, expiry <= now { return .nothing }
        if integer(row, 4) == 1 { return nil }
        guard let coding = integer(row, 1).flatMap(UInt8.init(exactly:)).map(ValueCoding.init(rawValue:)),
            let checksum = integer(row, 2),
            let bytes = try row.withUnsafeData(atIndex: 3, { $0.map { [UInt8]($0) } }),
            checksum == Self.checksum(key, bytes, expiry: expiry, coding: coding)
        else { return .damaged }
        let end = expiry.map { CacheHit.End.at(UInt64(clamping: $0)) } ?? .never
        return .hit(CacheHit(CacheValue(bytes, coding: coding), end: end))
    }

    /// Removes the key's entry; false if it had none, or one that has expired.
    @discardableResult
    static func remove(_ key: Data, from database: Database, now: Int64) throws -> Bool {
        let statement = try database.cachedStatement(
            sql: "DELETE FROM entries WHERE key = ? RETURNING coalesce(expiry > ?, TRUE)"
        )
        return try Bool.fetchOne(statement, arguments: [key, now]) ?? false
    }

    /// The column's number; nil if it holds none, as only a damaged row does where one is due.
    private static func integer(_ row: Row, _ index: Int) -> Int64? {
        let value: DatabaseValue = row[index]
        guard case .int64(let number) = value.storage else { return nil }
        return number
    }

    /// XXH3 of the value, seeded with the hash of all else that a reader relies on: SQLite checks no page that it reads, and
    /// a row that belongs to another key would be whole.
    private static func checksum(_ key: Data, _ value: [UInt8], expiry: Int64?, coding: ValueCoding) -> Int64 {
        let seed = UInt64(bitPattern: expiry ?? -1) ^ UInt64(coding.rawValue) << 56
        let keyHash = key.withUnsafeBytes { granary_xxh3_seeded($0.baseAddress, UInt($0.count), seed) }
        let hash = value.withUnsafeBytes { granary_xxh3_seeded($0.baseAddress, UInt($0.count), keyHash) }
        return Int64(bitPattern: hash)
    }
}
