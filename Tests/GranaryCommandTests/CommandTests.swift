import Foundation
import SegmentStore
import TestSupport
import Testing

/// The verbs on single entries and stores.
@Suite(.inTurnOnOwnThread) struct CommandTests {
    private func withRunner(_ body: (CommandRunner) throws -> Void) throws {
        let runner = try CommandRunner()
        defer { runner.remove() }
        try body(runner)
    }

    @Test func givesBackExactlyTheBytesThatWereSet() throws {
        try withRunner { granary in
            let bytes = Data((0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            try bytes.write(to: URL(fileURLWithPath: granary.path("file")))
            #expect(try granary.run("set", granary.store, "argument", "a value").status == 0)
            #expect(try granary.run("set", granary.store, "file", "--file", granary.path("file")).status == 0)
            #expect(try granary.run("set", granary.store, "input", input: bytes).status == 0)
            #expect(try granary.run("set", granary.store, "empty", "").status == 0)
            #expect(try granary.run("set", granary.store, "--", "--dashed", "x").status == 0)
            #expect(try granary.run("set", granary.store, "--key-base64", "/w==", "y").status == 0)
            #expect(try granary.run("get", granary.store, "argument").output == Data("a value".utf8))
            #expect(try granary.run("get", granary.store, "file").output == bytes)
            #expect(try granary.run("get", granary.store, "input").output == bytes)
            #expect(try granary.run("get", granary.store, "empty").output == Data())
            #expect(try granary.run("get", granary.store, "--", "--dashed").output == Data("x".utf8))
            #expect(try granary.run("get", granary.store, "--key-base64", "/w==").output == Data("y".utf8))
            let keys = try granary.run("keys", granary.store, "--null").output.split(separator: 0)
            #expect(keys.count == 6 && keys.contains(Data([0xFF])))
            let listed = try #require(
                object(try granary.run("keys", granary.store, "--format", "json").output)["keys"] as? [[String: String]]
            )
            #expect(listed.count == 6 && listed.contains(["key_base64": "/w=="]))
            #expect(try granary.run("keys", granary.store, "--prefix", "arg").text == "argument\n")
        }
    }

    @Test(
        arguments: [
            (["get", "STORE"], 64), (["get", "STORE", ""], 64), (["get", "STORE", "--key-base64", "/w="], 64),
            (["get", "STORE", "key", "--key-base64", "/w=="], 64), (["set", "STORE", "key", "v", "--file", "f"], 64),
            (["set", "STORE", "key", "v", "w"], 64),
            (["set", "STORE", String(repeating: "k", count: 65_536), "v"], 64),
            (["set", "STORE", "key", "v", "--tag", ""], 64),
            (["set", "STORE", "key", "v", "--expires-in", "soon"], 64),
            ([], 64), (["get", "STORE", "--key-base64", "/x=="], 64),
            (["unknown"], 64), (["get", "STORE", "key", "--unknown"], 64), (["delete", "STORE"], 64),
            (["summarise", "f", "--cache", "STORE", "--model", "no/model"], 64), (["summarise", "f"], 64),
            (["get", "STORE", "missing"], 2), (["delete", "STORE", "missing", "present"], 2), (["--help"], 0),
            (["set", "--help"], 0), (["--version"], 0), (["set", "STORE", "key", "--file", "/no/such/file"], 1),
        ] as [([String], Int32)]
    )
    func endsWithTheCodeOf(arguments: [String], status: Int32) throws {
        try withRunner { granary in
            try granary.run("set", granary.store, "present", "v")
            let process = granary.process(arguments.map { $0 == "STORE" ? granary.store : $0 })
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == status)
        }
    }

    @Test func everyVerbShowsAnExample() throws {
        try withRunner { granary in
            for verb in [
                "summarise", "get", "set", "delete", "keys", "stats", "verify", "clear", "compact", "evict",
            ] {
                let help = try granary.run(verb, "--help")
                #expect(help.status == 0 && help.text.contains("Example: granary \(verb)"))
            }
        }
    }

    @Test func deletesEveryKeyThatIsThereAndSaysWhichWereNot() throws {
        try withRunner { granary in
            for key in ["a", "b", "c"] { try granary.run("set", granary.store, key, "v") }
            let result = try granary.run("delete", granary.store, "a", "x", "c")
            #expect(result.status == 2 && result.messages.contains("x: not found"))
            #expect(try granary.run("keys", granary.store).text == "b\n")
        }
    }

    @Test(arguments: ["get", "keys", "stats", "verify", "delete", "clear", "compact", "evict"])
    func createsNothingWhereThereIsNoStore(verb: String) throws {
        try withRunner { granary in
            let more = ["get": ["key"], "delete": ["key"], "evict": ["--prefix", "key"]][verb] ?? []
            let process = granary.process([verb, granary.store] + more)
            let errors = Pipe()
            process.standardError = errors
            try process.run()
            process.waitUntilExit()
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            #expect(process.terminationStatus == 1 && text.contains(granary.store))
            #expect(!FileManager.default.fileExists(atPath: granary.store))
        }
    }

    @Test func readsBesideAWriterAndRefusesASecondOneWithItsProcess() throws {
        try withRunner { granary in
            let writer = try SegmentStore(directory: granary.store)
            try writer.set("key", to: Array("value".utf8))
            #expect(try granary.run("get", granary.store, "key").text == "value")
            #expect(try granary.run("verify", granary.store).status == 0)
            let refused = try granary.run("set", granary.store, "key", "other")
            #expect(refused.status == 1 && refused.messages.contains("process \(getpid())"))
            try writer.close()
            #expect(try granary.run("set", granary.store, "key", "other").status == 0)
        }
    }

    @Test func aThousandSetsLeaveFewFiles() throws {
        try withRunner { granary in
            for number in 0..<1_000 { try granary.run("set", granary.store, "key-\(number)", "value \(number)") }
            #expect(try FileManager.default.contentsOfDirectory(atPath: granary.store).count < 10)
            #expect(
                try object(granary.run("stats", granary.store, "--format", "json").output)["entries"] as? Int == 1_000
            )
        }
    }

    @Test func reportsDamageWithFileOffsetAndLoss() throws {
        try withRunner { granary in
            try granary.run("set", granary.store, "first", "the first value")
            try granary.run("set", granary.store, "second", "the second value")
            let clean = try granary.run("verify", granary.store)
            #expect(clean.status == 0)
            let segment = try #require(granary.segments.first)
            var bytes = try Data(contentsOf: segment)
            let place = try #require(bytes.range(of: Data("the first value".utf8))).lowerBound
            bytes[place] ^= 1
            try bytes.write(to: segment)
            let found = try granary.run("verify", granary.store)
            #expect(found.status == 3)
            #expect(
                found.text.contains(segment.path) && found.text.contains("at byte 1024")
                    && found.text.contains("\"first\"")
            )
            let get = try granary.run("get", granary.store, "first")
            #expect(get.status == 2 && get.output.isEmpty && get.messages.contains("damaged"))
            #expect(try granary.run("get", granary.store, "second").text == "the second value")
            let json = try object(granary.run("verify", granary.store, "--format", "json").output)
            #expect(json["damage"] as? Int == 1)
            // One header copy costs nothing, and is told all the same.
            bytes[place] ^= 1
            bytes[40] ^= 1
            try bytes.write(to: segment)
            #expect(try granary.run("verify", granary.store).status == 3)
            #expect(try granary.run("get", granary.store, "first").text == "the first value")
        }
    }

    @Test func clearWorksOnADamagedStoreAndSparesOtherFiles() throws {
        try withRunner { granary in
            for number in 0..<20 { try granary.run("set", granary.store, "key-\(number)", "value") }
            let segment = try #require(granary.segments.first)
            var bytes = try Data(contentsOf: segment)
            for place in stride(from: 1_100, to: 2_000, by: 50) { bytes[place] ^= 0xFF }
            try bytes.write(to: segment)
            try Data("mine".utf8).write(to: URL(fileURLWithPath: granary.store + "/notes.txt"))
            #expect(try granary.run("clear", granary.store).status == 0)
            #expect(try granary.run("keys", granary.store).text == "")
            #expect(try Data(contentsOf: URL(fileURLWithPath: granary.store + "/notes.txt")) == Data("mine".utf8))
            #expect(try granary.run("set", granary.store, "key", "new").status == 0)
            #expect(try granary.run("get", granary.store, "key").text == "new")
        }
    }

    @Test func anOutputThatCannotBeWrittenIsAFailureAndAClosedPipeIsQuiet() throws {
        try withRunner { granary in
            try granary.run("set", granary.store, "key", String(repeating: "v", count: 100_000))
            let full = try granary.run("get", granary.store, "key", output: "/dev/full")
            #expect(full.status == 1 && full.messages.contains("standard output"))
            let pipe = Pipe()
            let errors = Pipe()
            let process = granary.process(["get", granary.store, "key"])
            process.standardOutput = pipe
            process.standardError = errors
            try pipe.fileHandleForReading.close()
            try process.run()
            try pipe.fileHandleForWriting.close()
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == 0)
            #expect(errors.fileHandleForReading.readDataToEndOfFile().isEmpty)
        }
    }

    @Test(arguments: ["set", "summarise"], [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func aSignalEndsItAndKeepsWhatIsStored(verb: String, ending: (signal: Int32, status: Int32)) throws {
        try withRunner { granary in
            let (signal, status) = ending
            try granary.run("set", granary.store, "key", "value")
            // It waits for its value or conversations on standard input, which never come.
            let arguments = verb == "set" ? [granary.store, "other"] : ["-", "--cache", granary.store]
            let process = granary.process([verb] + arguments)
            let input = Pipe()
            process.standardInput = input
            process.standardError = FileHandle.nullDevice
            try process.run()
            try waitUntilReadingInput(process.processIdentifier)
            kill(process.processIdentifier, signal)
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == status)
            try input.fileHandleForWriting.close()
            #expect(try granary.run("get", granary.store, "key").text == "value")
        }
    }

    /// Watches the process until one of its threads is in read(2) on standard input: it has done all that comes before.
    private func waitUntilReadingInput(_ process: pid_t) throws {
        let tasks = "/proc/\(process)/task"
        while true {
            for task in try FileManager.default.contentsOfDirectory(atPath: tasks) {
                let call = try? String(contentsOfFile: "\(tasks)/\(task)/syscall", encoding: .utf8)
                if call?.hasPrefix("\(Self.readCall) 0x0 ") == true { return }
            }
            sched_yield()
        }
    }

    #if arch(x86_64)
    private static let readCall = 0
    #else
    private static let readCall = 63
    #endif

    @Test func anOutputThatIsNoRegularFileIsWrittenAndALinkStays() throws {
        try withRunner { granary in
            let input = Data("[]".utf8)
            let (file, link, pipe) = (granary.path("file"), granary.path("link"), granary.path("pipe"))
            try Data("old".utf8).write(to: URL(fileURLWithPath: file))
            chmod(file, 0o640)
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
            try granary.run("summarise", "-", "--cache", granary.store, "--output", link, input: input)
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == file)
            #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data("[]\n".utf8))
            var status = stat()
            #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o640)
            #expect(mkfifo(pipe, 0o600) == 0)
            let descriptor = open(pipe, O_RDWR | O_NONBLOCK)
            defer { close(descriptor) }
            #expect(
                try granary.run("summarise", "-", "--cache", granary.store, "--output", pipe, input: input).status == 0
            )
            #expect(stat(pipe, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        }
    }

    @Test func aDamagedEntryIsNotFoundByDeleteAndGone() throws {
        try withRunner { granary in
            try granary.run("set", granary.store, "first", "the first value")
            let segment = try #require(granary.segments.first)
            var bytes = try Data(contentsOf: segment)
            let place = try #require(bytes.range(of: Data("the first value".utf8))).lowerBound
            bytes[place] ^= 1
            try bytes.write(to: segment)
            let result = try granary.run("delete", granary.store, "first")
            #expect(result.status == 2 && result.messages.contains("damaged"))
            #expect(try granary.run("verify", granary.store).text.contains("was replaced or removed since"))
        }
    }
}
