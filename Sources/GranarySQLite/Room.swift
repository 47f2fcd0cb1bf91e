internal import GRDB

/// Wins back room: from entries that have ended and, under a size limit, from those stored least recently.
struct Room: Sendable {
    /// Pages that may be in use; nil: as many as there are.
    private let pageLimit: Int?

    /// Bytes of a page, in every database that is made here.
    static let pageSize = 4_096
    /// Pages of a database without entries: the header and the roots of table and indexes, rounded up.
    private static let emptyPages = 8
    /// Expired entries that a set removes at most for each entry that it stores, so that it stays short.
    private static let expiredAtOnce = 16
    /// Pages that a set may split in the table and its indexes, besides those that its entry fills.
    private static let splitPages = 8
    /// Pages that a set gives back at most, beyond what it needs itself, in a database that is larger than the limit.
    private static let surplusPages = 64
    /// More entries than this have no room in a page.
    private static let entriesInAPage = 100

    init(sizeLimit: Int?) { pageLimit = sizeLimit.map { $0 / Self.pageSize } }

    /// Whether there is a limit.
    var isLimited: Bool { pageLimit != nil }

    /// Whether an entry of so many bytes fits at all.
    func mayHold(_ byteCount: Int) -> Bool {
        pageLimit.map { Self.emptyPages + Self.pages(for: byteCount) <= $0 } ?? true
    }

    /// Pages that an entry of so many bytes may take.
    private static func pages(for byteCount: Int) -> Int { byteCount / (pageSize - 4) + 1 + splitPages }

    /// Removes some expired entries, as many as a set of so many entries does; returns how many there were.
    @discardableResult
    func removeExpired(in database: Database, now: Int64, forSetsOf count: Int = 1) throws -> Int {
        try database.cachedStatement(
            sql: """
                DELETE FROM entries WHERE sequence IN
                    (SELECT sequence FROM entries WHERE expiry <= ? ORDER BY expiry LIMIT ?)
                """
        ).execute(arguments: [now, count * Self.expiredAtOnce])
        return database.changesCount
    }

    /// Makes room for an entry of so many bytes that is about to be stored; returns how many entries left that had not
    /// expired. Afterwards there is room, unless the database was larger than the limit before: then it is smaller.
    func make(for byteCount: Int, in database: Database, now: Int64) throws -> Int {
        guard let pageLimit else { return 0 }
        let wanted = Self.pages(for: byteCount)
        var used = try usedPages(database)
        let enough = max(pageLimit - wanted, used - wanted - Self.surplusPages)
        var mayHaveExpired = true
        var evicted = 0
        while used > enough, evicted < (wanted + Self.surplusPages) * Self.entriesInAPage {
            if mayHaveExpired {
                mayHaveExpired = try removeExpired(in: database, now: now) == Self.expiredAtOnce
            } else {
                try database.cachedStatement(
                    sql: "DELETE FROM entries WHERE sequence = (SELECT min(sequence) FROM entries)"
                ).execute()
                guard database.changesCount > 0 else { break }
                evicted += 1
            }
            used = try usedPages(database)
        }
        return evicted
    }

    /// Pages of the file that are not free.
    private func usedPages(_ database: Database) throws -> Int {
        let all = try Int.fetchOne(database.cachedStatement(sql: "PRAGMA page_count")) ?? 0
        let free = try Int.fetchOne(database.cachedStatement(sql: "PRAGMA freelist_count")) ?? 0
        return all - free
    }
}
