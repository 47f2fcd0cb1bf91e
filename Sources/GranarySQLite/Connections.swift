internal import Dispatch
internal import GRDB
internal import Glibc
internal import Synchronization

/// One connection that writes and several that read. Of all that they do only the search for one key and a short value is
/// done on the thread that asks, which may be a cooperative one: it waits for no writer, and handing it over would take
/// several times as long.
///
/// A call whose task is cancelled goes on to its end all the same: what was paid for is stored.
final class Connections: Sendable {
    /// The database file's absolute path, without symbolic links.
    let path: String
    /// nil once closed. The lock is held while work is handed to the pool, not while it is done: GRDB's own `close` may not
    /// run beside that.
    private let pool: Mutex<DatabasePool?>
    /// Reading connections that are at work or about to be.
    private let readersInUse = Atomic(0)
    /// Those of them that are at it on the threads of who asks, whom closing waits for.
    private let searches = DispatchGroup()
    /// What closing takes from its beginning on.
    private let closing = DispatchGroup()

    /// As many readers as find work on a few processors.
    private static let readerCount = 4
    /// Of each connection.
    private static let pageCacheBytes = 8 << 20
    /// What remains of the log after a large transaction has made it longer.
    private static let logBytes = 8 << 20
    /// How long opening sleeps between two attempts, in microseconds.
    private static let pause: UInt32 = 5_000

    private static let waiting = DispatchQueue(label: "granary.sqlite", attributes: .concurrent)

    /// Opens the database, and makes it where there is none.
    static func open(_ path: String, _ options: SQLiteCacheOptions) async throws(SQLiteCacheError) -> Connections {
        try await suspending(path) { finish in
            waiting.async { finish(Result { try Connections(opening: path, options) }) }
        }
    }

    private init(opening path: String, _ options: SQLiteCacheOptions) throws {
        let path = try DatabaseFile.create(path)
        let configuration = Self.configuration(path, options)
        let pool = try Self.retrying(for: options.busyTimeout) {
            let pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { try Schema.create($0, path: path) }
            if options.durability == .everySet {
                try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            }
            return pool
        }
        self.path = path
        self.pool = Mutex(pool)
    }

    private static func configuration(_ path: String, _ options: SQLiteCacheOptions) -> Configuration {
        var configuration = Configuration()
        configuration.label = "granary.sqlite"
        configuration.foreignKeysEnabled = false
        configuration.maximumReaderCount = readerCount
        configuration.busyMode = .timeout(options.busyTimeout.boundedSeconds)
        configuration.prepareDatabase { database in
            try Schema.checkWritable(database, path: path)
            // A file from elsewhere has no say in what runs here, and its pages are looked at before they are used.
            try database.execute(
                sql: """
                    PRAGMA page_size = \(Room.pageSize);
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA cache_size = \(-pageCacheBytes / 1_024);
                    PRAGMA journal_size_limit = \(logBytes);
                    """
            )
            try Schema.check(database, path: path)
        }
        return configuration
    }

    /// Entering the mode that keeps a log takes the file for oneself for a moment, and SQLite does not wait for that.
    private static func retrying<Result>(for duration: Duration, _ body: () throws -> Result) throws -> Result {
        let end = ContinuousClock.now + duration
        while true {
            do {
                return try body()
            } catch let error as DatabaseError
                where [.SQLITE_BUSY, .SQLITE_PROTOCOL].contains(error.resultCode) && ContinuousClock.now < end
            {
                usleep(pause)
            }
        }
    }

    /// Runs the body, which is to be short, on a reading connection and on this thread; nil if none is free, or all are
    /// closed.
    func search<Value>(_ body: (Database) throws -> Value) throws(SQLiteCacheError) -> Value? {
        let pool = pool.withLock { pool -> DatabasePool? in
            guard let pool, readersInUse.load(ordering: .relaxed) < Self.readerCount else { return nil }
            readersInUse.add(1, ordering: .relaxed)
            searches.enter()
            return pool
        }
        guard let pool else { return nil }
        defer {
            readersInUse.subtract(1, ordering: .relaxed)
            searches.leave()
        }
        do {
            return try pool.unsafeRead(body)
        } catch {
            throw SQLiteCacheError(error, path: path)
        }
    }

    /// Runs the body on a reading connection, each of its statements on what is committed then.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(SQLiteCacheError) -> Value {
        try await handing { [self] pool, finish in
            pool.asyncUnsafeRead(using(body, finish))
        }
    }

    /// Runs the body on a reading connection, all of it on what is committed when it begins.
    func readSnapshot<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(SQLiteCacheError) -> Value {
        try await handing { [self] pool, finish in
            pool.asyncRead(using(body, finish))
        }
    }

    /// The body for a reader, which is in use from now on until it is through.
    private func using<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value,
        _ finish: @escaping Finish<Value>
    ) -> @Sendable (Result<Database, any Error>) -> Void {
        readersInUse.add(1, ordering: .relaxed)
        return { [self] database in
            let result = Result { try body(database.get()) }
            readersInUse.subtract(1, ordering: .relaxed)
            finish(result)
        }
    }

    /// Runs the body in a transaction that holds the right to write from its beginning.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(SQLiteCacheError) -> Value {
        try await handing { pool, finish in
            pool.asyncWrite(body) { _, result in finish(result) }
        }
    }

    /// Runs the body on the writing connection, outside any transaction.
    func writeAlone<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(SQLiteCacheError) -> Value {
        try await handing { pool, finish in
            pool.asyncWriteWithoutTransaction { database in finish(Result { try body(database) }) }
        }
    }

    /// Whether nobody has closed it.
    var isOpen: Bool { pool.withLock { $0 != nil } }

    /// Waits for the calls that are under way and closes the file; if somebody else does, waits until that is done.
    func close() async throws(SQLiteCacheError) {
        let pool = pool.withLock { pool in
            if pool != nil { closing.enter() }
            return pool.take()
        }
        try await Self.suspending(path) { [searches, closing] finish in
            guard let pool else { return closing.notify(queue: Self.waiting) { finish(.success(())) } }
            searches.notify(queue: Self.waiting) {
                finish(Result { try pool.close() })
                closing.leave()
            }
        }
    }

    private typealias Finish<Value> = @Sendable (Result<Value, any Error>) -> Void

    private func handing<Value: Sendable>(
        _ start: (DatabasePool, @escaping Finish<Value>) -> Void
    ) async throws(SQLiteCacheError) -> Value {
        try await Self.suspending(path) { finish in
            let isOpen = pool.withLock { pool in
                guard let pool else { return false }
                start(pool, finish)
                return true
            }
            if !isOpen {
                finish(.failure(SQLiteCacheError(.closed, path: path, detail: "the cache was closed; open it again")))
            }
        }
    }

    /// Suspends until what was started has finished.
    private static func suspending<Value: Sendable>(
        _ path: String,
        _ start: (@escaping Finish<Value>) -> Void
    ) async throws(SQLiteCacheError) -> Value {
        do {
            return try await withCheckedThrowingContinuation { continuation in
                start { continuation.resume(with: $0) }
            }
        } catch {
            throw SQLiteCacheError(error, path: path)
        }
    }
}

extension Duration {
    /// Seconds, of which SQLite takes no more than 2^31 milliseconds.
    fileprivate var boundedSeconds: Double {
        let seconds = Double(components.seconds) + Double(components.attoseconds) / 1e18
        return min(max(seconds, 0), 1_000_000)
    }
}
