internal import GRDB
internal import GranarySummaries

/// A row of diskcache's table, its value apart, which is large.
///
///     rowid        rises with every insertion
///     key          anything; Kura's is a text
///     raw          1 if `key` is the key itself, 0 if it is a pickle of it
///     expire_time  seconds since 1970, or NULL: never
///     mode         what the value is: 1 as it is, 2 bytes in a file, 3 text in a file, 4 a pickle, here or in a file
///     filename     the file beside the database that has the value, or NULL: it is here
///     value        the value, or NULL: it is in a file
///
/// Source: `diskcache/core.py` 5.6.3. A row is anybody's, so that nothing about the kinds of its columns is taken for
/// granted, and only what may be needed is fetched.
struct DiskRow {
    let number: Int64
    private let key: DatabaseValue
    private let isRaw: Bool
    private let expiry: DatabaseValue
    private let mode: DatabaseValue
    private let file: DatabaseValue

    /// Rows behind a number, at most so many.
    static let query = """
        SELECT rowid, CASE WHEN typeof(key) = 'text' AND length(key) = 32 THEN key END, raw, expire_time, mode,
            CASE WHEN typeof(filename) = 'text' AND length(filename) > 4096 THEN '' ELSE filename END
        FROM Cache WHERE rowid > ? ORDER BY rowid LIMIT ?
        """

    static let valueQuery = """
        SELECT CASE WHEN typeof(value) = 'blob' AND length(value) <= ? THEN value END, typeof(value) FROM Cache
        WHERE rowid = ?
        """

    /// Bytes of a pickled summary at most; what a model says is a thousandth of that.
    static let valueLimit = 16 << 20

    init?(_ row: Row) {
        guard case .int64(let number) = (row[0] as DatabaseValue).storage else { return nil }
        self.number = number
        key = row[1]
        isRaw = (row[2] as DatabaseValue).storage == .int64(1)
        expiry = row[3]
        mode = row[4]
        file = row[5]
    }

    /// What the row comes to at a moment, in milliseconds since 1970.
    func entry(in database: Database, _ directory: OpenFile, now: UInt64) -> DiskEntry {
        guard isRaw, case .string(let md5) = key.storage, KuraKeys.isMD5(md5) else {
            return .skipped(.foreignKey, detail: "row \(number): its key is none of Kura's")
        }
        func skipped(_ reason: KuraSkip.Reason, _ detail: String) -> DiskEntry {
            .skipped(reason, detail: "\(md5): \(detail)")
        }
        let end: UInt64?
        switch expiry.storage {
        case .null: end = nil
        case .double(let seconds): end = Self.milliseconds(seconds)
        case .int64(let seconds): end = Self.milliseconds(Double(seconds))
        default: return skipped(.foreignValue, "its expiry is no number")
        }
        if let end, end <= now { return .expired }
        guard mode.storage == .int64(4) else { return skipped(.foreignValue, "it is no pickle") }
        do {
            let pickle = try pickle(in: database, directory)
            return .summary(try PickledSummary.content(of: pickle), md5: md5, expiry: end)
        } catch let error as PickleError {
            return skipped(error.isRefusal ? .refusedPickle : .damagedPickle, error.description)
        } catch let error as NotASummary {
            return skipped(.notASummary, error.description)
        } catch let error as ValueFile.Failure {
            return skipped(KuraSkip.Reason(error), "the file beside the database: \(error)")
        } catch {
            return skipped(.unreadable, "\(error)")
        }
    }

    private static func milliseconds(_ seconds: Double) -> UInt64 {
        let milliseconds = (seconds * 1_000).rounded(.up)
        return milliseconds >= 0x1p63 ? .max : milliseconds > 0 ? UInt64(milliseconds) : 0
    }

    private func pickle(in database: Database, _ directory: OpenFile) throws -> [UInt8] {
        switch file.storage {
        case .string(let path): return try ValueFile.bytes(at: path, in: directory, limit: Self.valueLimit)
        case .null: break
        default: throw ValueFile.Failure.refused
        }
        let statement = try database.cachedStatement(sql: Self.valueQuery)
        let row = try Row.fetchOne(statement, arguments: [Self.valueLimit, number])
        guard case .blob(let bytes)? = row.map({ ($0[0] as DatabaseValue).storage }) else {
            let isTooLarge = row.map { ($0[1] as DatabaseValue).storage == .string("blob") } ?? false
            throw isTooLarge ? ValueFile.Failure.tooLarge : NotASummary()
        }
        return Array(bytes)
    }
}

extension KuraSkip.Reason {
    fileprivate init(_ failure: ValueFile.Failure) {
        self =
            switch failure {
            case .refused: .refusedPath
            case .missing: .missingFile
            case .tooLarge: .tooLarge
            case .unreadable: .unreadable
            }
    }
}
