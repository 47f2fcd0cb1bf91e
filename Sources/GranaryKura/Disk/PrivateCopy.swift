internal import Glibc

/// A copy of diskcache's database and of its log, in a directory that nobody else can enter.
///
/// The original is never opened by SQLite, which would make files beside it, write to them, and fail where it may not. In
/// the copy it may do what it likes: what a killed process left in the log is put in its place there.
///
/// **Consistency.** The copy is made the way SQLite's own readers stand beside writers: a shared lock on the database
/// keeps everybody from deleting the log, and shared locks in the log's index keep them from copying the log into the
/// database and from starting it anew (the bytes are those of SQLite's "WAL-mode file format", section 2.3). Meanwhile
/// writers can do one thing only: append to the log. The database is copied before the log, so that what is appended is
/// whole in the copy, or torn and then ignored, because the log's frames have checksums. Where the system has no locks, or
/// a first writer comes only while the copy is made, what is seen afterwards decides: a database that has changed, or a
/// log that has begun anew, is copied again.
struct PrivateCopy: ~Copyable {
    /// The copied database.
    let database: String
    private let directory: String

    private static let name = "cache.db"
    private static let attempts = 20
    /// Between two attempts, in microseconds.
    private static let pause: UInt32 = 50_000

    /// Copies what lies in the directory, into a new one below `temporaryDirectory`.
    static func make(
        of source: OpenFile,
        below temporaryDirectory: String
    ) throws(KuraImportError) -> PrivateCopy {
        let copy = PrivateCopy(in: try makeDirectory(below: temporaryDirectory))
        for _ in 0..<attempts {
            if try copyOnce(from: source, to: copy.directory) { return copy }
            usleep(pause)
        }
        throw KuraImportError(
            .inUse,
            path: "\(source.path)/\(name)",
            detail: "other processes keep changing it; end them, and import again"
        )
    }

    private init(in directory: String) {
        self.directory = directory
        database = directory + "/" + Self.name
    }

    private static func makeDirectory(below parent: String) throws(KuraImportError) -> String {
        var template = Array("\(parent)/granary-kura-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw KuraImportError(number: errno, path: parent, doing: "making a directory for a copy")
        }
        return template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? parent }
    }

    deinit {
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(database + suffix) }
        rmdir(directory)
    }

    /// False if the copy may be of no one state.
    private static func copyOnce(from source: OpenFile, to directory: String) throws(KuraImportError) -> Bool {
        guard let database = try OpenFile(name, in: source) else {
            throw KuraImportError(number: ENOENT, path: "\(source.path)/\(name)", doing: "opening the file")
        }
        try refuseJournal(in: source)
        let index = try OpenFile("\(name)-shm", in: source)
        guard Locks.areTaken(on: database, index) else { return false }
        let log = try OpenFile("\(name)-wal", in: source)
        let before = try State(database: database, index: index, log: log)

        try write(database, to: "\(directory)/\(name)")
        if let log { try write(log, to: "\(directory)/\(name)-wal") } else { unlink("\(directory)/\(name)-wal") }

        let indexNow = try OpenFile("\(name)-shm", in: source)
        let after = try State(database: database, index: indexNow, log: log)
        // The locks go with the files.
        return withExtendedLifetime((database, index)) { after == before }
    }

    /// The locks of a reader of SQLite's.
    private enum Locks {
        /// The bytes far behind the database's own that stand for reading it.
        private static let reading = (start: 0x4000_0002, count: 510)
        /// The byte of the log's index that stands for copying the log into the database.
        private static let checkpoint = 121
        /// One of those that stand for reading the log, all of which are wanted for starting it anew.
        private static let readingLog = 124

        static func areTaken(on database: OpenFile, _ index: OpenFile?) -> Bool {
            guard database.lockForReading(reading.start, count: reading.count) != .heldByAnother else { return false }
            guard let index else { return true }
            return [checkpoint, readingLog].allSatisfy { index.lockForReading($0, count: 1) != .heldByAnother }
        }
    }

    /// What is the same before and after a copy that is of one state.
    private struct State: Equatable {
        private let database: OpenFile.State
        /// Whoever comes first makes the log's index.
        private let index: UInt64?
        /// The log's own header, which has new numbers whenever the log begins anew.
        private let logHeader: [UInt8]

        init(database: OpenFile, index: OpenFile?, log: OpenFile?) throws(KuraImportError) {
            self.database = try database.state()
            self.index = try index?.state().inode
            logHeader = try log?.bytes(at: 0, count: 32) ?? []
        }
    }

    /// A journal of the kind that undoes, which diskcache never makes unless told to. To follow one is to let a file say
    /// which other files to delete.
    private static func refuseJournal(in source: OpenFile) throws(KuraImportError) {
        guard let journal = try OpenFile("\(name)-journal", in: source),
            // One that is over is empty or begins with zeros.
            try journal.bytes(at: 0, count: 1).first ?? 0 != 0
        else { return }
        throw KuraImportError(
            .notACache,
            path: journal.path,
            detail: "the database has a rollback journal: it is being written to, or was when its writer died; open it "
                + "once with diskcache, then import again"
        )
    }

    private static func write(_ file: OpenFile, to path: String) throws(KuraImportError) {
        let copy = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard copy >= 0 else { throw KuraImportError(number: errno, path: path, doing: "making a copy") }
        defer { close(copy) }
        var offset = 0
        while true {
            let part = try file.bytes(at: offset, count: 1 << 20)
            if part.isEmpty { return }
            offset += part.count
            var done = 0
            while done < part.count {
                let count = part.withUnsafeBytes {
                    Glibc.write(copy, $0.baseAddress.map { $0 + done }, $0.count - done)
                }
                if count < 0 && errno != EINTR {
                    throw KuraImportError(number: errno, path: path, doing: "writing a copy")
                }
                done += max(0, count)
            }
        }
    }
}
