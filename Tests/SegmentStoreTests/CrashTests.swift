import Foundation
import TestSupport
import Testing

@testable import SegmentStore

/// A child with four writing threads is killed with SIGKILL at random moments; whatever it acknowledged must be there.
@Suite(.inTurnOnOwnThread) struct CrashTests {
    @Test func keepsEverythingAcknowledgedAcrossKills() throws {
        let kills = ProcessInfo.processInfo.environment["GRANARY_KILLS"].flatMap { Int($0) } ?? 200
        let seed = SeededGenerator.seed()
        print("crash test: seed \(seed), \(kills) kills")
        var generator = SeededGenerator(seed: seed)
        let directory = try TemporaryDirectory()
        var known = KnownState(seed: seed)
        var tornKills = 0
        for kill in 0..<kills {
            // A fresh directory now and then, so that young and old stores are both hit.
            if kill % 25 == 24 {
                for path in directory.segmentPaths { try FileManager.default.removeItem(atPath: path) }
                known = KnownState(seed: seed)
            }
            let lines = try runChild(directory.path, seed: seed, generation: kill, killAfter: &generator)
            known.apply(lines, generation: kill)

            // One in three is first looked at by a reader, which must not change anything for the writer after it.
            if kill % 3 == 0 {
                let reader = try SegmentStore(directory: directory.path, options: .readOnly)
                let wrong = known.disagreements(with: reader)
                #expect(wrong.isEmpty, "seed \(seed), kill \(kill), reader: \(wrong.prefix(5))")
            }
            let store = try SegmentStore(directory: directory.path, options: .stepped())
            if store.recoveryReport.tornRecords > 0 { tornKills += 1 }
            #expect(store.recoveryReport.damagedRecords == 0, "seed \(seed), kill \(kill): \(store.recoveryReport)")
            let wrong = known.disagreements(with: store)
            #expect(wrong.isEmpty, "seed \(seed), kill \(kill): \(wrong.prefix(5))")
            #expect(store.invariantViolations() == [], "seed \(seed), kill \(kill)")
            known.settle(from: store)
            if kill % 2 == 0 { try store.close() }
            if !wrong.isEmpty { return }
        }
        print("crash test: \(tornKills) of \(kills) kills left a torn record")
        #expect(tornKills > 0, "no kill hit a write in the middle: the test proves nothing; seed \(seed)")
    }

    /// The same with a size limit, so that most kills come while room is won back: what is there is exact, and the directory
    /// never takes more than it may.
    @Test(arguments: [1 << 20, 4 << 20])
    func keepsToItsLimitAcrossKills(limit: Int) throws {
        let kills = (ProcessInfo.processInfo.environment["GRANARY_KILLS"].flatMap { Int($0) } ?? 200) / 4
        let seed = SeededGenerator.seed()
        print("crash test with a limit of \(limit): seed \(seed), \(kills) kills")
        var generator = SeededGenerator(seed: seed)
        let directory = try TemporaryDirectory()
        var known = KnownState(seed: seed, mayLose: true)
        for kill in 0..<kills {
            var most = 0
            let lines = try runChild(
                directory.path,
                seed: seed,
                generation: kill,
                sizeLimit: limit,
                killAfter: &generator
            ) { most = max(most, directory.allocatedBytes) }
            known.apply(lines, generation: kill)
            #expect(most <= limit, "seed \(seed), kill \(kill): \(most) bytes")
            if generator.chance(50) { try directory.removeFooters() }
            var options = StoreOptions.stepped()
            options.sizeLimit = limit
            let store = try SegmentStore(directory: directory.path, options: options)
            #expect(store.recoveryReport.damagedRecords == 0, "seed \(seed), kill \(kill): \(store.recoveryReport)")
            let wrong = known.disagreements(with: store)
            #expect(wrong.isEmpty, "seed \(seed), kill \(kill): \(wrong.prefix(5))")
            #expect(store.invariantViolations() == [], "seed \(seed), kill \(kill)")
            known.settle(from: store)
            if kill % 2 == 0 { try store.close() }
            #expect(directory.allocatedBytes <= limit, "seed \(seed), kill \(kill), closed")
            if !wrong.isEmpty { return }
        }
    }

    /// Runs the child until it has written a random number of lines, kills it, and returns the whole lines it wrote.
    private func runChild(
        _ directory: String,
        seed: UInt64,
        generation: Int,
        sizeLimit: Int? = nil,
        killAfter generator: inout SeededGenerator,
        meanwhile: () -> Void = {}
    ) throws -> [String] {
        let child = Process()
        let products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        child.executableURL = products.appending(path: "crash-child")
        child.arguments = ["write", directory, String(seed), String(generation)]
        if let sizeLimit { child.arguments?.append(String(sizeLimit)) }
        let pipe = Pipe()
        child.standardOutput = pipe
        try child.run()
        let limit = Int.random(in: 1...40_000, using: &generator)
        var output = Data()
        while output.count < limit {
            let part = pipe.fileHandleForReading.availableData
            if part.isEmpty { break }
            output.append(part)
            meanwhile()
        }
        kill(child.processIdentifier, SIGKILL)
        output.append(pipe.fileHandleForReading.readDataToEndOfFile())
        child.waitUntilExit()
        #expect(child.terminationReason == .uncaughtSignal && child.terminationStatus == 9)
        return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

/// What the child has said: the last acknowledged operation of each key, and the one in flight.
private struct KnownState {
    struct Operation: Equatable {
        var number: Int
        /// nil: removed.
        var length: Int?
    }

    let seed: UInt64
    private var acknowledged: [String: [UInt8]?] = [:]
    private var inFlight: [String: [UInt8]?] = [:]
    /// Entries may have left for want of room.
    private let mayLose: Bool

    init(seed: UInt64, mayLose: Bool = false) {
        self.seed = seed
        self.mayLose = mayLose
    }

    mutating func apply(_ lines: [String], generation: Int) {
        inFlight = [:]
        for line in lines {
            let fields = line.split(separator: " ").map(String.init)
            guard fields.count == 6, let number = Int(fields[2]), let length = Int(fields[5]) else { continue }
            let key = fields[4]
            let value: [UInt8]? =
                fields[3] == "set" ? CrashValue.bytes(key: key, number: number, seed: seed, length: length) : nil
            if fields[0] == "I" {
                inFlight[key] = .some(value)
            } else {
                acknowledged[key] = .some(value)
                inFlight[key] = nil
            }
        }
    }

    func disagreements(with store: SegmentStore) -> [String] {
        var wrong: [String] = []
        for key in Set(acknowledged.keys).union(inFlight.keys).sorted() {
            let got: [UInt8]?
            do { got = try store.get(key) } catch { return ["\(error)"] }
            if let expected = acknowledged[key] ?? .some(nil), got == expected { continue }
            if got == nil, mayLose || (acknowledged[key] ?? nil) == nil { continue }
            if let pending = inFlight[key], got == pending { continue }
            wrong.append("\(key): got \(got.map { "\($0.count) bytes" } ?? "nothing")")
        }
        var count = 0
        do {
            try store.forEachKey { key in
                let name = key.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                if acknowledged[name] == nil && inFlight[name] == nil { wrong.append("\(name): never set") }
                count += 1
            }
        } catch { wrong.append("\(error)") }
        return wrong
    }

    /// What was in flight has been decided by now, and what has left stays away.
    mutating func settle(from store: SegmentStore) {
        let undecided = mayLose ? Set(acknowledged.keys).union(inFlight.keys) : Set(inFlight.keys)
        for key in undecided { acknowledged[key] = .some((try? store.get(key)) ?? nil) }
        inFlight = [:]
    }
}
