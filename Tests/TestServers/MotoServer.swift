package import Foundation

/// A program that is missing, and how to get it.
package struct MissingProgram: Error, CustomStringConvertible {
    package init() {}

    package var description: String {
        "moto's S3 server is missing; run in the package's directory: python3 -m venv .build/moto && "
            + ".build/moto/bin/pip install 'moto[server]'"
    }
}

/// moto's S3 server, a program of its own, on a port that it chooses; all tests share one. It ends with the test process.
package final class MotoServer: Sendable {
    package let endpoint: String
    private let process: Process
    /// Kept open: the server ends with it.
    private let input: Pipe

    private static let started = Result { try MotoServer() }

    package static func shared() throws -> MotoServer { try started.get() }

    /// `GRANARY_MOTO_SERVER`, else the one in the package's virtual environment, else the one on the path.
    package static func program() throws -> URL {
        let environment = ProcessInfo.processInfo.environment
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let directories = (environment["PATH"] ?? "").split(separator: ":").map { URL(filePath: String($0)) }
        let places =
            [package.appending(path: ".build/moto/bin/moto_server")]
            + directories.map { $0.appending(path: "moto_server") }
        let named = environment["GRANARY_MOTO_SERVER"].map { [URL(filePath: $0)] }
        guard
            let program = (named ?? places).first(where: {
                FileManager.default.isExecutableFile(atPath: $0.path)
            })
        else { throw MissingProgram() }
        return program
    }

    /// The Python that has botocore: the one beside moto's server.
    package static func python() throws -> URL {
        let python = try program().deletingLastPathComponent().appending(path: "python3")
        guard FileManager.default.isExecutableFile(atPath: python.path) else { throw MissingProgram() }
        return python
    }

    private init() throws {
        process = Process()
        input = Pipe()
        let output = Pipe()
        process.executableURL = URL(filePath: "/bin/sh")
        // The shell ends the server when its own input ends, however the test process does; by a signal that cannot be
        // blocked, because threads that start processes may have the others blocked.
        process.arguments = [
            "-c", #""$0" -H 127.0.0.1 -p 0 </dev/null & server=$!; cat >/dev/null; kill -KILL $server"#,
            try Self.program().path,
        ]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let lines = output.fileHandleForReading
        var text = ""
        var url: Substring?
        repeat {
            let part = lines.availableData
            if part.isEmpty { throw MissingProgram() }
            text += String(decoding: part, as: UTF8.self)
            url =
                text.split(separator: "\n").lazy.compactMap { line in
                    line.firstRange(of: "http://127.0.0.1:").map { line[$0.lowerBound...].prefix { !$0.isWhitespace } }
                }.first
        } while url == nil || !text.hasSuffix("\n")
        endpoint = String(url ?? "")
        Thread.detachNewThread { while !lines.availableData.isEmpty {} }
    }

    /// Makes a bucket, as anybody may there.
    package func createBucket(_ name: String) throws {
        let process = Process()
        process.executableURL = try Self.python()
        let script = "import sys, urllib.request as r; r.urlopen(r.Request(sys.argv[1], method='PUT'))"
        process.arguments = ["-c", script, "\(endpoint)/\(name)"]
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 { throw NoBucket(name: name) }
    }

    private struct NoBucket: Error {
        let name: String
    }
}
