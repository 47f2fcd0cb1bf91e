import Foundation
import Granary
import GranaryS3
import Synchronization
import Testing

/// A program that is missing, and how to get it.
struct MissingProgram: Error, CustomStringConvertible {
    var description: String {
        "moto's S3 server is missing; run in the package's directory: python3 -m venv .build/moto && "
            + ".build/moto/bin/pip install 'moto[server]'"
    }
}

/// moto's S3 server, a program of its own, on a port that it chooses; all tests share one. It ends with the test process.
final class MotoServer: Sendable {
    let endpoint: String
    private let process: Process
    /// Kept open: the server ends with it.
    private let input: Pipe

    private static let started = Result { try MotoServer() }
    private static let buckets = Atomic(0)

    static func shared() throws -> MotoServer { try started.get() }

    /// `GRANARY_MOTO_SERVER`, else the one in the package's virtual environment, else the one on the path.
    static func program() throws -> URL {
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
    static func python() throws -> URL {
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

    /// A cache in a bucket of its own.
    func cache(
        prefix: String = "granary/",
        bucket: String? = nil,
        configure: (inout S3CacheOptions) -> Void = { _ in }
    ) async throws -> S3Cache {
        var options = S3CacheOptions(
            endpoint: endpoint,
            credentials: try S3Credentials(accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "secret"),
            environment: [:]
        )
        configure(&options)
        let name = bucket ?? "bucket-\(Self.buckets.add(1, ordering: .relaxed).newValue)"
        let cache = try S3Cache(bucket: name, prefix: prefix, options: options)
        if bucket == nil { try await cache.createBucket() }
        return cache
    }
}
