internal import Dispatch
internal import GRDB

/// A cache of Kura's on the disk, as it was at one moment: a database of diskcache's, and files beside it.
final class KuraDiskCache: Sendable {
    /// Rows there are; nil where they cannot be counted for damage.
    let rowCount: Int?
    private let directory: OpenFile
    private let queue: DatabaseQueue

    /// Rows of a batch at most, and bytes of summaries after which it ends.
    private static let batchRows = 500
    private static let batchBytes = 4 << 20

    private static let waiting = DispatchQueue(label: "granary.kura", attributes: .concurrent)

    /// Opens a copy of the cache in the directory, made below `temporaryDirectory`.
    static func open(_ path: String, temporaryDirectory: String) async throws(KuraImportError) -> KuraDiskCache {
        let result = await withCheckedContinuation { continuation in
            waiting.async {
                continuation.resume(
                    returning: Result { () throws(KuraImportError) in
                        try KuraDiskCache(path, temporaryDirectory: temporaryDirectory)
                    }
                )
            }
        }
        return try result.get()
    }

    private init(_ path: String, temporaryDirectory: String) throws(KuraImportError) {
        directory = try OpenFile(directory: path)
        let copy = try PrivateCopy.make(of: directory, below: temporaryDirectory)
        let file = "\(path)/cache.db"
        do {
            queue = try DatabaseQueue(path: copy.database, configuration: Self.configuration)
            // Without a transaction, whose end would fail once damage has been met.
            rowCount = try queue.inDatabase { database in
                try Self.check(database, file)
                return try? Int.fetchOne(database, sql: "SELECT count(*) FROM Cache")
            }
        } catch {
            throw Self.error(error, file)
        }
        // SQLite holds the copy's files open; without names they go with it, however this process ends.
        _ = consume copy
    }

    /// A file from elsewhere has no say in what runs here, and its pages are looked at before they are used.
    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "granary.kura"
        configuration.foreignKeysEnabled = false
        configuration.prepareDatabase { database in
            try database.execute(
                sql: """
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA mmap_size = 0;
                    PRAGMA temp_store = MEMORY;
                    """
            )
        }
        return configuration
    }

    /// Refuses what only looks like diskcache's table: a view or a computed column is a program.
    private static func check(_ database: Database, _ file: String) throws {
        let definition = try String.fetchOne(
            database,
            sql: "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'Cache' AND length(sql) < 10000"
        )
        let columns = try Row.fetchAll(database, sql: "PRAGMA table_xinfo(Cache)")
        let stored = Set(
            columns.compactMap { column -> String? in
                guard (column["hidden"] as DatabaseValue).storage == .int64(0),
                    case .string(let name) = (column["name"] as DatabaseValue).storage
                else { return nil }
                return name
            }
        )
        guard definition?.uppercased().hasPrefix("CREATE TABLE") ?? false, stored.count == columns.count,
            stored.isSuperset(of: ["rowid", "key", "raw", "expire_time", "mode", "filename", "value"])
        else {
            throw KuraImportError(
                .notACache,
                path: file,
                detail: "the database has no table of diskcache's; give the directory that Kura caches in"
            )
        }
    }

    /// What some of the rows come to.
    struct Batch: Sendable {
        var entries: [DiskEntry] = []
        /// The number behind which there may be more; nil once there is nothing left.
        var lastRow: Int64?
        /// Why rows between these and the next cannot be read.
        var damage: String?
    }

    /// The rows behind a number, some of them, and what they come to at a moment.
    func batch(after number: Int64, now: UInt64) async -> Batch {
        await withCheckedContinuation { continuation in
            Self.waiting.async { [self] in
                let batch = queue.inDatabase { database in
                    readBatch(database, after: number, now: now)
                }
                continuation.resume(returning: batch)
            }
        }
    }

    private func readBatch(_ database: Database, after number: Int64, now: UInt64) -> Batch {
        var batch = Batch()
        var byteCount = 0
        do {
            let statement = try database.cachedStatement(sql: DiskRow.query)
            let rows = try Row.fetchCursor(statement, arguments: [number, Self.batchRows])
            while byteCount < Self.batchBytes, let fetched = try rows.next() {
                guard let row = DiskRow(fetched), row.number > batch.lastRow ?? number else {
                    batch.damage = "its rows are not numbered as diskcache numbers them"
                    batch.lastRow = nil
                    return batch
                }
                let entry = row.entry(in: database, directory, now: now)
                byteCount += entry.byteCount
                batch.entries.append(entry)
                batch.lastRow = row.number
            }
        } catch {
            batch.damage = Self.error(error, "cache.db").detail
            batch.lastRow = readablePlace(database, after: batch.lastRow ?? number)
        }
        return batch
    }

    /// A number, not far behind the one given, from which on rows can be read again; nil if there is none.
    private func readablePlace(_ database: Database, after number: Int64) -> Int64? {
        for doubling in 0..<40 {
            // diskcache's numbers are positive.
            let (place, overflow) = max(number, 0).addingReportingOverflow(1 << doubling)
            if overflow { return nil }
            do {
                let next = try DatabaseValue.fetchOne(
                    database,
                    sql: "SELECT rowid FROM Cache WHERE rowid > ? ORDER BY rowid LIMIT 1",
                    arguments: [place]
                )
                return next == nil ? nil : place
            } catch {
                continue
            }
        }
        return nil
    }

    private static func error(_ error: any Error, _ path: String) -> KuraImportError {
        if let error = error as? KuraImportError { return error }
        guard let error = error as? DatabaseError else {
            return KuraImportError(.inputOutput, path: path, detail: "\(error)")
        }
        let (code, remedy): (KuraImportError.Code, String) =
            switch error.resultCode {
            case .SQLITE_NOTADB: (.notACache, "give the directory that Kura caches in")
            case .SQLITE_CORRUPT: (.damaged, "what is behind the damage cannot be read")
            case .SQLITE_FULL: (.noSpace, "free disk space, or let TMPDIR name a directory with room")
            default: (.inputOutput, "check the device and the system's log")
            }
        return KuraImportError(
            code,
            path: path,
            detail: "SQLite says \"\(error.message ?? "nothing")\" (\(error.extendedResultCode.rawValue)); \(remedy)"
        )
    }
}
