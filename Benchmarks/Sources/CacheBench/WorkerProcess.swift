import Foundation

/// A worker, seen from the process that measures.
final class WorkerProcess {
    let engine: EngineName
    let directory: String
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var received = Data()

    init(_ engine: EngineName, _ settings: EngineSettings) throws {
        self.engine = engine
        directory = settings.directory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Self.prepare(process, "serve", engine, settings)
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    static let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()

    /// diskcache has a worker in Python; the arguments are the same.
    private static func prepare(
        _ process: Process,
        _ command: String,
        _ engine: EngineName,
        _ settings: EngineSettings
    ) throws {
        var arguments = [command, "--engine", engine.rawValue, "--directory", settings.directory]
        arguments += ["--entries", String(settings.entries), "--overwrites", String(settings.overwrites)]
        if let sizeLimit = settings.sizeLimit { arguments += ["--size-limit", String(sizeLimit)] }
        process.executableURL = executable
        if engine == .diskcache {
            process.executableURL = URL(fileURLWithPath: DiskcacheDriver.interpreter)
            let dataset = try DiskcacheDriver.dataset(beside: settings.directory)
            arguments = [DiskcacheDriver.script] + arguments + ["--dataset", dataset]
        }
        process.arguments = arguments
    }

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
        guard process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Bytes that the directory takes on the disk; nil for an engine that keeps nothing there.
    var diskBytes: Int? {
        guard engine.isPersistent else { return nil }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.reduce(0) { sum, name in
            var status = stat()
            return stat(directory + "/" + name, &status) == 0 ? sum + Int(status.st_blocks) * 512 : sum
        }
    }

    /// Runs the executable once for an opening of the directory; `scans`: of a store without footers.
    static func open(_ engine: EngineName, _ settings: EngineSettings, scans: Bool = false) throws -> Opening {
        let process = Process()
        try prepare(process, "open-once", engine, settings)
        if scans { process.arguments?.append("--scans") }
        return try JSONDecoder().decode(Opening.self, from: outcome(of: process, "opening \(settings.directory)"))
    }

    /// What the process prints.
    static func outcome(of process: Process, _ what: String) throws -> Data {
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw BenchError("\(what) failed") }
        return data
    }
}
