import Foundation
import Granary
import GranarySQLite
import GranaryTesting
import Synchronization
import TestSupport
import Testing

/// Real processes on one file, some of them killed.
@Suite(.inTurnOnOwnThread) struct ProcessTests {
    /// Two children write at once; one is killed with SIGKILL in the middle, the other goes on. What either acknowledged must
    /// be there.
    @Test func keepsEverythingAcknowledgedAcrossKills() async throws {
        let kills = ProcessInfo.processInfo.environment["GRANARY_KILLS"].flatMap { Int($0) } ?? 12
        let seed = SeededGenerator.seed()
        print("process test: seed \(seed), \(kills) kills")
        var generator = SeededGenerator(seed: seed)
        let directory = try TemporaryDirectory()
        var known = KnownState()
        var inFlight = 0
        for kill in 0..<kills {
            let victim = try Child(directory.file, "victim-\(kill % 3)", seed: generator.next())
            let survivor = try Child(directory.file, "survivor", seed: generator.next())
            victim.read(atLeast: Int.random(in: 1...12_000, using: &generator))
            victim.kill()
            // More than a pipe holds: the survivor has gone on writing since.
            survivor.read(atLeast: 70_000)
            survivor.kill()
            #expect(victim.wasKilled && survivor.wasKilled, "seed \(seed), kill \(kill): \(victim.errors)")
            for child in [victim, survivor] {
                #expect(child.errors == [], "seed \(seed), kill \(kill)")
                known.apply(child)
                inFlight += child.hasCallInFlight ? 1 : 0
            }
            let cache = try await SQLiteCache(file: directory.file)
            let wrong = try await known.disagreements(with: cache)
            #expect(wrong == [], "seed \(seed), kill \(kill)")
            try await known.settle(from: cache)
            #expect(try await cache.statistics().damaged == 0, "seed \(seed), kill \(kill)")
            if kill % 2 == 0 { try await cache.close() }
            if !wrong.isEmpty { return }
        }
        #expect(try directory.text("PRAGMA integrity_check") == "ok")
        print("process test: \(inFlight) of \(2 * kills) kills came in the middle of a call")
        #expect(inFlight > 0, "no kill hit a call in the middle: the test proves nothing; seed \(seed)")
    }

    @Test func severalProcessesMayMakeTheCacheAtTheSameMoment() async throws {
        for round in 0..<5 {
            let directory = try TemporaryDirectory()
            let children = try (0..<5).map { number in
                try Child(directory.file, "child-\(number)", seed: UInt64(round * 10 + number), 20)
            }
            var known = KnownState()
            for child in children {
                child.readToEnd()
                #expect(child.errors == [] && child.exitStatus == 0)
                known.apply(child)
            }
            let cache = try await SQLiteCache(file: directory.file)
            #expect(try await known.disagreements(with: cache) == [])
            try await cache.close()
            #expect(try directory.text("PRAGMA integrity_check") == "ok")
        }
    }

    /// What a process sets, another that has the cache open sees at once.
    @Test func processesSeeWhatOthersSet() async throws {
        let directory = try TemporaryDirectory()
        let cache = try await SQLiteCache(file: directory.file)
        let child = try Child(directory.file, "child", seed: 1, 200)
        child.readToEnd()
        var known = KnownState()
        known.apply(child)
        #expect(try await known.disagreements(with: cache) == [])
        #expect(try await cache.count() > 20)
        try await cache.close()
    }
}

/// A process of `sqlite-child`, and what it has said.
private final class Child {
    let name: String
    private let process = Process()
    private let pipe = Pipe()
    private var output = Data()

    init(_ file: String, _ name: String, seed: UInt64, _ operations: Int = .max) throws {
        self.name = name
        let products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        process.executableURL = products.appending(path: "sqlite-child")
        process.arguments = [file, name, String(seed), String(operations)]
        process.standardOutput = pipe
        try process.run()
    }

    func read(atLeast count: Int) {
        while output.count < count {
            let part = pipe.fileHandleForReading.availableData
            if part.isEmpty { return }
            output.append(part)
        }
    }

    func kill() {
        Foundation.kill(process.processIdentifier, SIGKILL)
        readToEnd()
    }

    func readToEnd() {
        output.append(pipe.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()
    }

    var wasKilled: Bool { process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL }
    var exitStatus: Int32 { process.terminationStatus }

    /// The whole lines that it wrote.
    var lines: [[String]] {
        String(decoding: output, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map { $0.split(separator: " ").map(String.init) }
    }
    var errors: [String] { lines.filter { $0.first == "E" }.map { $0.joined(separator: " ") } }
    var hasCallInFlight: Bool { lines.last?.first == "I" }
}

/// What the children have said: the last acknowledged operation of each key that is a child's own, and those in flight.
private struct KnownState {
    private var acknowledged: [String: [UInt8]?] = [:]
    private var inFlight: [String: [[UInt8]?]] = [:]

    mutating func apply(_ child: Child) {
        var begun: [(key: String, value: [UInt8]?)] = []
        for line in child.lines {
            switch line.first {
            case "I" where line.count == 5:
                guard let number = Int(line[1]), let length = Int(line[4]) else { continue }
                let value: [UInt8]? =
                    line[2] == "set"
                    ? ChildValue.bytes(key: line[3], name: child.name, number: number, length: length) : nil
                begun.append((line[3], value))
            case "A":
                for (key, value) in begun { acknowledged[key] = .some(value) }
                begun = []
            default: break
            }
        }
        for (key, value) in begun { inFlight[key, default: []].append(value) }
    }

    func disagreements(with cache: SQLiteCache) async throws -> [String] {
        var wrong: [String] = []
        for key in Set(acknowledged.keys).union(inFlight.keys).sorted() {
            let got = try await cache.bytes(key)
            if key.hasPrefix("shared/") {
                // Any child's value will do, as long as it is whole.
                if got.map({ !ChildValue.isWhole($0, key: key) }) ?? (acknowledged[key] != nil) { wrong.append(key) }
                continue
            }
            if got == acknowledged[key] ?? .none { continue }
            if inFlight[key]?.contains(got) == true { continue }
            wrong.append("\(key): got \(got.map { "\($0.count) bytes" } ?? "nothing")")
        }
        for key in try await cache.keys.all() where acknowledged[key] == nil && inFlight[key] == nil {
            wrong.append("\(key) was never set")
        }
        return wrong
    }

    /// What was in flight is known now.
    mutating func settle(from cache: SQLiteCache) async throws {
        for key in inFlight.keys { acknowledged[key] = .some(try await cache.bytes(key)) }
        inFlight = [:]
    }
}
