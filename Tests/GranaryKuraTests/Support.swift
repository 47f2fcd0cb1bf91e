import Foundation
import GRDB
import Synchronization
import Testing

@testable import GranaryKura

/// Files that are committed beside the tests.
enum TestFiles {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent()

    static func fixture(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: directory.appending(path: "Fixtures/\(name)")))
    }

    static var pickles: [String] {
        ["plain", "extended"].flatMap { name in (2...5).map { "\(name)-\($0).pickle" } }
    }
}

/// Python, which Kura is written in: what it says counts. The tests fail where it is missing.
enum Python {
    static func process(_ script: String, _ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", TestFiles.directory.appending(path: "Python/\(script)").path] + arguments
        return process
    }

    /// The lines that a script writes.
    static func lines(_ script: String, _ arguments: String...) throws -> [Substring] {
        let process = process(script, arguments)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "python3 is missing or failed; apt-get install python3")
        return String(decoding: data, as: UTF8.self).split(separator: "\n")
    }
}

/// A directory of its own for one test, which goes with it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "granary-kura-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: [UInt8], to name: String) throws {
        let url = URL(filePath: path).appending(path: name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    /// The cache of a killed process, copied here.
    func addKilledCache() throws -> String {
        let cache = path + "/killed"
        let fixture = TestFiles.directory.appending(path: "Fixtures/killed").path
        try FileManager.default.copyItem(atPath: fixture, toPath: cache)
        return cache
    }
}

/// Every file below a directory: its name, bytes, and times of change.
func contents(of directory: String) throws -> [String: [String]] {
    var contents: [String: [String]] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: directory) + ["."] {
        var status = stat()
        try #require(lstat("\(directory)/\(name)", &status) == 0)
        let bytes = (try? Data(contentsOf: URL(filePath: "\(directory)/\(name)")))?.base64EncodedString() ?? ""
        contents[name] = [bytes, "\(status.st_mtim)", "\(status.st_ctim)", "\(status.st_mode)"]
    }
    return contents
}

/// A directory that looks as diskcache leaves one, with rows of a test's choice.
struct KuraDirectory {
    let directory: TemporaryDirectory
    var path: String { directory.path }
    private let queue: DatabaseQueue

    static let table = """
        CREATE TABLE Cache (rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL,
            access_time REAL, access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0,
            filename TEXT, value BLOB)
        """

    init(table: String = table) throws {
        directory = try TemporaryDirectory()
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        queue = try DatabaseQueue(path: directory.path + "/cache.db", configuration: configuration)
        try run(table)
    }

    func run(_ sql: String, _ arguments: StatementArguments = []) throws {
        try queue.inDatabase { try $0.execute(sql: sql, arguments: arguments) }
    }

    func add(
        _ key: (any DatabaseValueConvertible)?,
        _ value: (any DatabaseValueConvertible)?,
        raw: Int = 1,
        mode: Int = 4,
        file: (any DatabaseValueConvertible)? = nil,
        expiry: (any DatabaseValueConvertible)? = nil
    ) throws {
        try run(
            "INSERT INTO Cache (key, raw, mode, filename, value, expire_time) VALUES (?, ?, ?, ?, ?, ?)",
            [key, raw, mode, file, value, expiry]
        )
    }

    /// The file as it lies there, closed.
    func close() throws { try queue.close() }
}

extension String {
    /// A key of the form of Kura's.
    static func key(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}

/// Collects what a progress closure is told.
final class ProgressRecorder: Sendable {
    private let state = Mutex<[Int]>([])
    var values: [Int] { state.withLock { $0 } }
    func add(_ value: Int) { state.withLock { $0.append(value) } }
}
