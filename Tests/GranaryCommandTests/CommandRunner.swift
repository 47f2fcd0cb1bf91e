import Foundation
import Testing

/// Runs the command as a process of its own, as its users do.
struct CommandRunner {
    struct Result {
        var status: Int32
        var output: Data
        var messages: String
        var text: String { String(decoding: output, as: UTF8.self) }
    }

    let directory: URL
    /// What the command's environment has besides the test's own.
    var environment: [String: String] = [:]

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "granary-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(at: directory) }

    func path(_ name: String) -> String { directory.appending(path: name).path }

    var store: String { path("store") }

    static var executable: URL {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "granary")
    }

    func process(_ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = Self.executable
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        return process
    }

    /// Runs to the end; `input` is all of standard input.
    @discardableResult
    func run(_ arguments: String..., input: Data = Data(), output path: String? = nil) throws -> Result {
        try run(arguments, input: input, output: path)
    }

    /// Runs to the end; `input` is all of standard input.
    @discardableResult
    func run(_ arguments: [String], input: Data = Data(), output path: String? = nil) throws -> Result {
        let process = process(arguments)
        let (stdin, stdout) = (Pipe(), Pipe())
        // Standard error goes to a file, so that neither pipe can fill while the other one is read.
        let errors = directory.appending(path: "stderr-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
        process.standardInput = stdin
        process.standardOutput = stdout
        if let path { process.standardOutput = FileHandle(forWritingAtPath: path) }
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        try? stdin.fileHandleForWriting.write(contentsOf: input)
        try? stdin.fileHandleForWriting.close()
        let output = path == nil ? stdout.fileHandleForReading.readDataToEndOfFile() : Data()
        process.waitUntilExit()
        let messages = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
        try FileManager.default.removeItem(at: errors)
        return Result(status: process.terminationStatus, output: output, messages: messages)
    }

    /// Bytes that the store takes on the disk, as `du` counts them.
    var allocatedBytes: Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: store)) ?? []
        return ([store] + names.map { store + "/" + $0 }).reduce(0) { sum, path in
            var status = stat()
            return stat(path, &status) == 0 ? sum + Int(status.st_blocks) * 512 : sum
        }
    }

    /// The segment files of the store.
    var segments: [URL] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: store)) ?? []
        return files.filter { $0.hasSuffix(".segment") }.sorted().map { URL(fileURLWithPath: store + "/" + $0) }
    }
}

func object(_ data: Data) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
}
