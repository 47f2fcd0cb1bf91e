import Foundation
import Testing

@testable import Replay

/// A file in the temporary directory, there for the duration of the body.
private func withFile(_ bytes: Data, _ body: (String) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "trace-\(UUID().uuidString)").path
    try bytes.write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
}

/// The bytes as the command makes them of its standard input.
private func pack(_ text: Data, with command: String) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [command, "-c"]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: text)
    try input.fileHandleForWriting.close()
    let packed = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return packed
}

@Suite struct TraceFileTests {
    /// 3,000 lines, which fill no buffer exactly.
    private let text = Data((0..<3_000).map { "key \($0 * $0 % 401),\($0 * $0 % 401 + 5)\n" }.joined().utf8)

    private func check(_ bytes: Data) throws {
        try withFile(bytes) { path in
            let trace = try TraceFile(path).read()
            #expect(trace.requests.count == 3_000)
            #expect(trace.objectCount == Set((0..<3_000).map { $0 * $0 % 401 }).count)
            for (number, request) in trace.requests.enumerated() {
                let wanted = number * number % 401
                #expect(request.size == wanted + 5)
                let isRight = trace.keys.withKey(of: Int(request.object)) { $0.elementsEqual("key \(wanted)".utf8) }
                #expect(isRight)
            }
        }
    }

    @Test func aPlainFileIsRead() throws { try check(text) }

    @Test(arguments: ["gzip", "xz"])
    func aPackedFileIsReadAndSoAreSeveralInARow(command: String) throws {
        try check(try pack(text, with: command))
        let half = text.firstIndex(of: UInt8(ascii: "\n")) ?? 0
        try check(try pack(text[...half], with: command) + pack(text[(half + 1)...], with: command))
    }

    @Test(arguments: ["gzip", "xz"])
    func aPackedFileThatIsCutOffOrDamagedIsAnError(command: String) throws {
        let packed = try pack(text, with: command)
        try withFile(packed.dropLast(20)) { path in
            #expect(throws: ReplayError.self) { try TraceFile(path).read() }
        }
        var damaged = packed
        damaged[packed.count / 2] ^= 0x55
        try withFile(damaged) { path in #expect(throws: ReplayError.self) { try TraceFile(path).read() } }
    }

    @Test func aHeadingSpacesCarriageReturnsAndCommasInKeysAreTaken() throws {
        try withFile(Data("key,size\r\na,b, 12\r\na,b,12\r\n\u{e9},0".utf8)) { path in
            let trace = try TraceFile(path).read()
            #expect(trace.requests.map(\.object) == [0, 0, 1])
            #expect(trace.requests.map(\.size) == [12, 12, 0])
            #expect(trace.keys.withKey(of: 0) { $0.elementsEqual("a,b".utf8) })
            #expect(trace.footprint == 12)
            #expect(trace.requestedBytes == 24)
        }
    }

    @Test func keysAreBytes() throws {
        // One character in two spellings, which Swift's strings hold for equal.
        try withFile(Data("\u{e9},1\ne\u{301},1\n".utf8)) { path in
            let trace = try TraceFile(path).read()
            #expect(trace.objectCount == 2)
        }
    }

    @Test(arguments: [
        "b", "b,", "b,x", "b,-1", "b,+1", "b,1.5", ",1", "", "b,1 1", "b,1073741825", "b,99999999999999999999",
        "key,size", String(repeating: "k", count: 65_536) + ",1", String(repeating: "k", count: 100_000),
    ])
    func aMalformedLineIsAnErrorThatNamesFileAndLine(line: String) throws {
        try withFile(Data("a,1\n\(line)\nc,1\n".utf8)) { path in
            let error = try #require(throws: ReplayError.self) { try TraceFile(path).read() }
            #expect(error.description.hasPrefix("\(path), line 2: "))
        }
    }

    @Test func aFileWithoutRequestsOrNoFileIsAnError() throws {
        try withFile(Data()) { path in #expect(throws: ReplayError.self) { try TraceFile(path).read() } }
        #expect(throws: ReplayError.self) { try TraceFile("/nonexistent/trace").read() }
    }
}

@Suite struct GeneratorTests {
    @Test func theSameSeedGivesTheSameRequestsAndAnotherOthers() {
        func make(_ seed: UInt64) -> [UInt32] {
            ZipfTrace(alpha: 0.9, objects: 500, requests: 2_000, seed: seed, sizes: .summaries).make()
                .requests.map(\.size)
        }
        #expect(make(1) == make(1))
        #expect(make(1) != make(2))
    }

    @Test(arguments: [0.7, 0.9, 1.1])
    func ranksAreAskedForByZipfsLaw(alpha: Double) throws {
        let trace = ZipfTrace(alpha: alpha, objects: 1_000, requests: 200_000, seed: 3, sizes: .fixed(10)).make()
        var counts = [Int](repeating: 0, count: trace.objectCount)
        for request in trace.requests { counts[Int(request.object)] += 1 }
        counts.sort(by: >)
        let wanted = (1...1_000).map { pow(Double($0), -alpha) }
        let sum = wanted.reduce(0, +)
        for rank in [0, 1, 4, 20] {
            let expected = wanted[rank] / sum * 200_000
            // Six standard deviations.
            #expect(abs(Double(counts[rank]) - expected) < 6 * expected.squareRoot(), "rank \(rank)")
        }
        #expect(trace.commonSize == 10)
        #expect(trace.footprint == 10 * trace.objectCount)
    }

    @Test func aRerunRepeatsItsKeysInOrderButForTheNewOnes() {
        let trace = RerunTrace(objects: 2_000, passes: 3, newShare: 0.05, seed: 4, sizes: .summaries).make()
        #expect(trace.requests.count == 6_000)
        let passes = (0..<3).map { pass in trace.requests[(pass * 2_000)..<(pass * 2_000 + 2_000)].map(\.object) }
        #expect(passes[0] == (0..<2_000).map { UInt32($0) })
        for pass in 1..<3 {
            let new = zip(passes[pass - 1], passes[pass]).filter { $0 != $1 }
            #expect((60...140).contains(new.count))
            // Each that differs was never asked for.
            #expect(new.allSatisfy { old, new in new > (passes[pass - 1].max() ?? 0) })
        }
        #expect(trace.objectCount == Set(trace.requests.map(\.object)).count)
    }

    @Test func sizesAreThoseOfSummaries() {
        let trace = RerunTrace(objects: 50_000, passes: 1, newShare: 0, seed: 5, sizes: .summaries).make()
        #expect(trace.requests.allSatisfy { (300...8_192).contains($0.size) })
        #expect((1_050...1_150).contains(trace.footprint / trace.objectCount))
    }
}

@Suite struct LimitTests {
    @Test(arguments: [
        ("10%", Limit.percent(10)), ("0.5%", .percent(0.5)), ("1048576", .bytes(1 << 20)), ("64MiB", .bytes(64 << 20)),
        ("2GB", .bytes(2_000_000_000)),
    ])
    func limitsAreRead(text: String, limit: Limit) { #expect(Limit(text) == limit) }

    @Test(arguments: ["", "%", "0%", "101%", "-1", "0", "1XB", "MiB", "9223372036854775807GiB"])
    func whatIsNoneIsRefused(text: String) { #expect(Limit(text) == nil) }
}
