import Foundation
import Testing

/// A process of `Tests/CrashChild` that runs beside the tests.
final class ChildProcess {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var received: [UInt8] = []

    init(_ arguments: [String]) throws {
        let products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        process.executableURL = products.appending(path: "crash-child")
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    deinit { if process.isRunning { kill() } }

    /// The next line that the process says; nil once it has said everything and ended.
    func line() -> String? {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                defer { received.removeSubrange(...end) }
                return String(decoding: received[..<end], as: UTF8.self)
            }
            let part = output.fileHandleForReading.availableData
            if part.isEmpty { return nil }
            received += part
        }
    }

    /// The numbers of the next line.
    func numbers() throws -> [Int] {
        let line = try #require(self.line())
        return line.split(separator: " ").compactMap { Int($0) }
    }

    /// Has the process say how things stand.
    func askForReport() throws { try input.fileHandleForWriting.write(contentsOf: Data([10])) }

    /// Has the process come to its end.
    func endInput() throws { try input.fileHandleForWriting.close() }

    /// The exit status, once the process has ended.
    func status() -> Int32 {
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}

/// A process that measures what a directory takes on the disk, about once a millisecond.
final class Sampler {
    struct Report {
        var mostBytes: Int
        var samples: Int
        var longestGap: Duration
        var duration: Duration

        init(_ numbers: [Int]) throws {
            try #require(numbers.count == 4)
            (mostBytes, samples) = (numbers[0], numbers[1])
            (longestGap, duration) = (.microseconds(numbers[2]), .microseconds(numbers[3]))
        }
    }

    private let process: ChildProcess

    init(_ directory: String) throws {
        process = try ChildProcess(["sample", directory])
        // It has begun once it answers.
        _ = try report()
    }

    /// What was measured up to now, this moment included.
    func report() throws -> Report {
        try process.askForReport()
        return try Report(process.numbers())
    }

    func end() throws -> Report {
        try process.endInput()
        let report = try Report(process.numbers())
        #expect(process.status() == 0)
        return report
    }
}
