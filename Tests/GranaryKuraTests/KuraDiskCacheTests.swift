import Foundation
import GRDB
import Granary
import GranaryTesting
import TestSupport
import Testing

@testable import GranaryKura

/// Directories that are damaged, made by somebody else, or being written to.
@Suite(.inTurn) struct KuraDiskCacheTests {
    private let pickle = Data(PickleWriter.summary())

    private func report(_ path: String) async throws -> KuraImportReport {
        try await KuraImport(from: path).run(into: MemoryCache())
    }

    private func opening(_ path: String) async -> KuraImportError? {
        do {
            _ = try await KuraImport(from: path)
            return nil
        } catch {
            return error
        }
    }

    // MARK: Rows

    @Test func aRowThatIsNoneOfKurasIsCountedByItsReason() async throws {
        let kura = try KuraDirectory()
        let capital = String.key(0xABC).uppercased()
        let keys: [(any DatabaseValueConvertible)?] = [nil, 7, 1.5, Data(String.key(1).utf8), "question", capital]
        for key in keys { try kura.add(key, pickle) }
        try kura.add(String.key(1), pickle, raw: 0)
        try kura.run("INSERT INTO Cache (key, raw, mode, value) VALUES (?, 'x', 4, ?)", [String.key(2), pickle])
        for mode in [0, 1, 2, 3, 5, -1] { try kura.add(String.key(10 + mode), pickle, mode: mode) }
        try kura.run("INSERT INTO Cache (key, raw, mode, value) VALUES (?, 1, 'pickle', ?)", [String.key(3), pickle])
        for (number, value) in ([nil, 7, 1.5, "text"] as [DatabaseValueConvertible?]).enumerated() {
            try kura.add(String.key(100 + number), value)
        }
        try kura.add(String.key(200), Data())
        try kura.add(String.key(201), Data(PickleWriter().name("os", "system").text("ls").op(.tuple1, .reduce).stop()))
        try kura.add(String.key(202), Data(count: DiskRow.valueLimit + 1))
        try kura.add(String.key(203), pickle)
        let report = try await report(kura.path)
        #expect(report.imported == 1 && report.expired == 0 && report.damage == nil)
        let counts = report.skips.map { "\($0.reason.rawValue) \($0.count)" }
        #expect(
            counts == [
                "foreign_key 8", "foreign_value 7", "refused_pickle 1", "damaged_pickle 1", "not_a_summary 4",
                "too_large 1",
            ]
        )
    }

    @Test func aValueInAFileMustBeARegularOneInTheDirectory() async throws {
        let kura = try KuraDirectory()
        try kura.directory.write(Array(pickle), to: "ab/cd/ef.val")
        try kura.directory.write(Array(pickle), to: "top.val")
        let outside = try TemporaryDirectory()
        try outside.write(Array(pickle), to: "secret.val")
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: kura.path + "/link.val", withDestinationPath: kura.path + "/top.val")
        try manager.createSymbolicLink(atPath: kura.path + "/linked", withDestinationPath: outside.path)
        try manager.createSymbolicLink(atPath: kura.path + "/ab/up", withDestinationPath: "..")
        #expect(mkfifo(kura.path + "/fifo.val", 0o600) == 0)
        let outsideName = (outside.path as NSString).lastPathComponent
        let refused = [
            outside.path + "/secret.val", "../\(outsideName)/secret.val", "ab/../top.val", "./top.val", "ab//cd/ef.val",
            "/top.val", "", ".", "..", "ab/cd/ef.val/", "link.val", "linked/secret.val", "ab/up/top.val", "fifo.val",
            "ab",
            "top.val/x", "a/b/c/d/e/f/g/h/i", "ab/\u{338}/../../top.val", String(repeating: "x", count: 5_000),
        ]
        for (number, path) in refused.enumerated() { try kura.add(String.key(number), nil, file: path) }
        try kura.add(String.key(100), nil, file: Data("top.val".utf8))
        for (number, path) in ["ab/cd/missing.val", "none/cd.val"].enumerated() {
            try kura.add(String.key(200 + number), nil, file: path)
        }
        for (number, path) in ["ab/cd/ef.val", "top.val"].enumerated() {
            try kura.add(String.key(300 + number), nil, file: path)
        }
        let report = try await report(kura.path)
        #expect(report.imported == 2)
        let counts = report.skips.map { "\($0.reason.rawValue) \($0.count)" }
        #expect(counts == ["refused_path \(refused.count + 1)", "missing_file 2"])
    }

    @Test func aFileThatIsTooLargeIsNotRead() async throws {
        let kura = try KuraDirectory()
        try kura.directory.write([], to: "large.val")
        #expect(truncate(kura.path + "/large.val", off_t(1) << 40) == 0)
        try kura.add(String.key(1), nil, file: "large.val")
        #expect(try await report(kura.path).skips.map(\.reason) == [.tooLarge])
    }

    // MARK: Databases

    @Test func whatIsNoCacheOfKurasIsAnErrorThatNamesIt() async throws {
        let directory = try TemporaryDirectory()
        #expect(await opening(directory.path + "/none")?.code == .notFound)
        let missing = await opening(directory.path)
        #expect(missing?.code == .notFound && missing?.path == directory.path + "/cache.db")
        try directory.write(Array("This is no database. It only has its name.".utf8), to: "cache.db")
        #expect(await opening(directory.path)?.code == .notACache)
        #expect(await opening(directory.path + "/cache.db")?.code == .notFound)
    }

    @Test func anEmptyCacheIsNoError() async throws {
        let kura = try KuraDirectory()
        #expect(try await report(kura.path) == KuraImportReport())
    }

    @Test func theDatabaseIsNoSymbolicLink() async throws {
        let kura = try KuraDirectory()
        let directory = try TemporaryDirectory()
        try FileManager.default.createSymbolicLink(
            atPath: directory.path + "/cache.db",
            withDestinationPath: kura.path + "/cache.db"
        )
        #expect(await opening(directory.path)?.code == .refused)
    }

    /// Each would run something, or go on for ever, were its "table" asked for rows.
    @Test(arguments: [
        "CREATE TABLE Other (key)",
        "CREATE TABLE Cache (key BLOB, raw INTEGER, mode INTEGER)",
        """
        CREATE VIEW Cache AS WITH RECURSIVE n(rowid) AS (SELECT 1 UNION ALL SELECT rowid + 1 FROM n)
            SELECT rowid, 'k' AS key, 1 AS raw, NULL AS expire_time, 4 AS mode, NULL AS filename, x'00' AS value FROM n
        """,
        """
        CREATE TABLE Cache (rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, expire_time REAL, mode INTEGER,
            filename TEXT, value BLOB AS (zeroblob(1000000000)))
        """,
        "CREATE VIRTUAL TABLE Cache USING fts5(rowid_, key, raw, expire_time, mode, filename, value)",
    ])
    func aTableThatIsNotDiskcachesIsRefused(table: String) async throws {
        let kura = try KuraDirectory(table: table)
        #expect(await opening(kura.path)?.code == .notACache)
    }

    @Test func rowsThatAreNotNumberedEndTheImport() async throws {
        let kura = try KuraDirectory(
            table: """
                CREATE TABLE Cache (rowid TEXT, key BLOB, raw INTEGER, expire_time REAL, mode INTEGER, filename TEXT,
                    value BLOB)
                """
        )
        try kura.run("INSERT INTO Cache VALUES ('z', ?, 1, NULL, 4, NULL, ?)", [String.key(1), pickle])
        let report = try await report(kura.path)
        #expect(report.imported == 0 && report.damage?.contains("not numbered") == true)
    }

    @Test func damageOfAnyKindNeitherCrashesNorGoesOnForEver() async throws {
        let kura = try KuraDirectory()
        let long = Data(PickleWriter.summary { $0.text("topic").text(String(repeating: "t", count: 3_000)) })
        for number in 0..<100 { try kura.add(String.key(number), long) }
        try kura.close()
        let file = URL(filePath: kura.path + "/cache.db")
        let sound = try Data(contentsOf: file)
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<40 {
            var damaged = sound
            for _ in 0..<Int.random(in: 1...20, using: &generator) {
                let place = Int.random(in: 100..<damaged.count, using: &generator)
                damaged[place] = UInt8.random(in: .min ... .max, using: &generator)
            }
            try damaged.write(to: file)
            // Whatever it finds, it comes to an end and says so.
            guard let report = try? await report(kura.path) else { continue }
            #expect(report.imported + report.skipped + report.expired <= 100)
        }
    }

    @Test func aDamagedPageCostsWhatIsOnItAndAFewMore() async throws {
        let kura = try KuraDirectory()
        let long = Data(PickleWriter.summary { $0.text("topic").text(String(repeating: "t", count: 1_500)) })
        for number in 0..<400 { try kura.add(String.key(number), long) }
        try kura.close()
        let file = URL(filePath: kura.path + "/cache.db")
        var damaged = try Data(contentsOf: file)
        let middle = damaged.count / 2 / 4_096 * 4_096
        damaged.replaceSubrange(middle..<(middle + 4_096), with: Data(repeating: 0xFF, count: 4_096))
        try damaged.write(to: file)
        let report = try await report(kura.path)
        #expect((390..<400).contains(report.imported) && report.damage?.contains("malformed") == true, "\(report)")
    }

    @Test func aJournalThatUndoesIsNotFollowed() async throws {
        let kura = try KuraDirectory()
        try kura.add(String.key(1), pickle)
        try kura.directory.write([0xD9, 0xD5, 0x05, 0xF9], to: "cache.db-journal")
        #expect(await opening(kura.path)?.code == .notACache)
        for ended: [UInt8] in [[], [0, 0, 0, 0]] {
            try kura.directory.write(ended, to: "cache.db-journal")
            #expect(try await report(kura.path).imported == 1)
        }
    }

    @Test func whereTheCopyHasNoRoomTheErrorSaysSo() async throws {
        let kura = try KuraDirectory()
        do {
            _ = try await KuraImport(from: kura.path, temporaryDirectory: "/nowhere/at/all")
            Issue.record("opened")
        } catch {
            #expect(error.path == "/nowhere/at/all")
        }
    }

    // MARK: Beside a writer

    /// A writer that copies its log into the database after every few pages, and uses pages again all the time.
    @Test(arguments: [1, 20, 1_000])
    func aCopyMadeBesideAWriterIsOfOneMoment(checkpointPages: Int) throws {
        let directory = try TemporaryDirectory()
        let writer = Python.process("writer.py", [directory.path + "/cache.db", "\(checkpointPages)"])
        let output = Pipe()
        writer.standardOutput = output
        try writer.run()
        defer {
            kill(writer.processIdentifier, SIGKILL)
            writer.waitUntilExit()
        }
        try #require(!output.fileHandleForReading.availableData.isEmpty, "python3 is missing or failed")
        let source = try OpenFile(directory: directory.path)
        var counts: [Int] = []
        for _ in 0..<30 {
            let copy = try PrivateCopy.make(of: source, below: directory.path)
            let queue = try DatabaseQueue(path: copy.database)
            let (integrity, agrees, last) = try queue.read { database in
                (
                    try String.fetchOne(database, sql: "PRAGMA integrity_check"),
                    try Bool.fetchOne(
                        database,
                        sql: """
                            SELECT (SELECT count(*) FROM Cache) = (SELECT value FROM Settings WHERE key = 'count')
                                AND (SELECT coalesce(sum(size), 0) FROM Cache) = (SELECT value FROM Settings WHERE key = 'sum')
                            """
                    ),
                    try Int.fetchOne(database, sql: "SELECT max(rowid) FROM Cache") ?? 0
                )
            }
            try queue.close()
            #expect(integrity == "ok" && agrees == true)
            counts.append(last)
        }
        #expect(counts == counts.sorted() && counts.last ?? 0 > counts.first ?? 0, "\(counts)")
    }
}
