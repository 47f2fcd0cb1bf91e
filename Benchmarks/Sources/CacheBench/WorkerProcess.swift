import Foundation

/// A worker, seen from the process that measures.
final class WorkerProcess {
    let engine: EngineName
    let directory: String
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var received = Data()

    init(_ engine: EngineName, directory: String, entries: Int, overwrites: Int, sizeLimit: Int? = nil) throws {
        self.engine = engine
        self.directory = directory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        process.executableURL = Self.executable
        process.arguments = [
            "serve", "--engine", engine.rawValue, "--directory", directory, "--entries", String(entries),
            "--overwrites", String(overwrites),
        ]
        if let sizeLimit { process.arguments? += ["--size-limit", String(sizeLimit)] }
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    static let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()

    /// Sends the command and waits for its answer.
    func ask(_ command: WorkerCommand) throws -> WorkerAnswer {
        try input.fileHandleForWriting.write(contentsOf: JSONEncoder().encode(command) + [10])
        while !received.contains(10) {
            let part = output.fileHandleForReading.availableData
            if part.isEmpty { throw BenchError("the worker of \(engine.rawValue) ended without an answer") }
            received.append(part)
        }
        let line = received.prefix { $0 != 10 }
        received.removeFirst(line.count + 1)
        let answer = try JSONDecoder().decode(WorkerAnswer.self, from: line)
        if let error = answer.error { throw BenchError("\(engine.rawValue): \(error)") }
        return answer
    }

    /// Ends the worker; what it made stays.
    func end() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Bytes that the directory takes on the disk.
    var diskBytes: Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.reduce(0) { sum, name in
            var status = stat()
            return stat(directory + "/" + name, &status) == 0 ? sum + Int(status.st_blocks) * 512 : sum
        }
    }

    /// Runs the executable once for an opening of the directory.
    static func open(_ directory: String, entries: Int) throws -> Opening {
        let process = Process()
        process.executableURL = executable
        process.arguments = ["open-once", "--directory", directory, "--entries", String(entries)]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw BenchError("opening \(directory) failed") }
        return try JSONDecoder().decode(Opening.self, from: data)
    }
}
