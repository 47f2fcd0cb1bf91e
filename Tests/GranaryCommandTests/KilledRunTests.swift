import Foundation
import GranaryTesting
import TestSupport
import Testing

/// `granary summarise`, killed with SIGKILL at random moments of its run and run again: nothing is paid for twice but what
/// was under way.
@Suite(.inTurnOnOwnThread) struct KilledRunTests {
    private let conversations = 80
    private let concurrency = 4
    private let latency = 20
    /// What has arrived that many nanoseconds before the kill is stored.
    private let storedAfter: UInt64 = 50_000_000
    /// Where even the server's timers are later than that, the machine is busy, and a process that has to get at a
    /// processor several times for each answer may take longer: such a round is drawn again.
    private let busyFrom: UInt64 = 10_000_000
    private let rounds = 20
    private let mostTries = 60

    @Test func aKilledRunIsPaidForOnce() throws {
        let given = ProcessInfo.processInfo.environment["GRANARY_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0...UInt64(UInt32.max))
        var generator = SeededGenerator(seed: seed)
        let server = try ChatServer()
        let whole = try wholeRun(server)
        print("killed runs: seed \(seed), a whole run takes \(whole / 1_000_000) ms")
        var (oldAnswers, lost, oldestLost, calm, tries) = (0, 0, 0 as UInt64, 0, 0)
        while calm < rounds && tries < mostTries {
            let moment = UInt64.random(in: 0...whole, using: &generator)
            let outcome = try killedRun(server, after: moment, "seed \(seed), try \(tries)")
            tries += 1
            guard outcome.lateness < busyFrom else { continue }
            calm += 1
            oldAnswers += outcome.oldAnswers
            lost += outcome.agesOfLost.count
            oldestLost = max(oldestLost, outcome.agesOfLost.max() ?? 0)
        }
        print(
            "killed runs: \(oldAnswers) answers were old enough, \(lost) answers were lost, which had arrived up to "
                + "\(oldestLost / 1_000) µs before the kill; \(calm) of \(tries) rounds were calm"
                + (calm < rounds ? ", fewer than the \(rounds) that there should be" : "")
        )
        #expect(calm > 0 && oldAnswers > 0, "no kill of a calm round came 50 ms behind an answer; seed \(seed)")
    }

    /// Ctrl-C in the middle of calls: the run ends as such, begins none after that, and is gone on with by the next one.
    @Test(arguments: [(SIGINT, Int32(130)), (SIGTERM, Int32(143))])
    func anInterruptedRunKeepsWhatItPaidFor(signal: Int32, status: Int32) throws {
        let server = try ChatServer()
        let run = UUID().uuidString
        try withCommand(server, run: run, latency: 250) { granary, arguments in
            let process = granary.process(arguments)
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            while try process.isRunning && server.journal(run).entries.count < 5 * concurrency { sched_yield() }
            let sent = DispatchTime.now().uptimeNanoseconds
            kill(process.processIdentifier, signal)
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == status)
            let first = try server.journal(run).entries
            #expect(first.count <= 6 * concurrency && first.count >= 5 * concurrency)
            let again = try granary.run(arguments)
            #expect(again.status == 0, "\(again.messages)")
            let all = try server.journal(run).entries.map(\.body)
            #expect(all.count <= conversations + concurrency && Set(all).count == conversations)
            // What had come is kept; the machine may be busy, so a while before.
            let arrived = first.filter { ($0.answered ?? .max) < sent - storedAfter }.map(\.body)
            #expect(!arrived.isEmpty && Set(all[first.count...]).isDisjoint(with: arrived))
        }
    }

    /// How long a run takes that nobody kills, in nanoseconds.
    private func wholeRun(_ server: ChatServer) throws -> UInt64 {
        try withCommand(server, run: UUID().uuidString) { granary, arguments in
            let start = DispatchTime.now().uptimeNanoseconds
            let result = try granary.run(arguments)
            #expect(result.status == 0, "\(result.messages)")
            return DispatchTime.now().uptimeNanoseconds - start
        }
    }

    private struct Outcome {
        /// Answers that had arrived long enough before the kill.
        var oldAnswers = 0
        /// How long before the kill those answers had arrived that had to be asked for again.
        var agesOfLost: [UInt64] = []
        /// How much later than it meant the server answered at worst.
        var lateness: UInt64 = 0
    }

    /// Kills a run so many nanoseconds after its start, and runs it again.
    private func killedRun(_ server: ChatServer, after moment: UInt64, _ name: Comment) throws -> Outcome {
        let run = UUID().uuidString
        return try withCommand(server, run: run) { granary, arguments in
            let process = granary.process(arguments)
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            let ended = DispatchSemaphore(value: 0)
            process.terminationHandler = { _ in ended.signal() }
            let start = DispatchTime.now()
            try process.run()
            _ = ended.wait(timeout: start + .nanoseconds(Int(moment)))
            let killed = DispatchTime.now().uptimeNanoseconds
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            process.waitUntilExit()

            let first = try server.journal(run).entries
            let keys = try granary.run("keys", granary.store)
            let stored = keys.text.split(separator: "\n").count
            // A request is made once there is room, and there is room once an earlier answer is stored.
            #expect(stored >= first.count - concurrency, name)
            let report = try object(granary.run(arguments).output)
            #expect(report["failed"] as? Int == 0 && report["reused"] as? Int == stored, name)
            #expect(report["calls"] as? Int == conversations - stored, name)

            let all = try server.journal(run).entries.map(\.body)
            #expect(all.count <= conversations + concurrency && Set(all).count == conversations, name)
            let again = Set(all[first.count...])
            let arrived = first.compactMap { entry in
                entry.answered.flatMap { $0 < killed ? (body: entry.body, asked: entry.asked, at: $0) : nil }
            }
            var outcome = Outcome()
            for answer in arrived {
                let meant = answer.asked + UInt64(latency) * 1_000_000
                if answer.at > meant { outcome.lateness = max(outcome.lateness, answer.at - meant) }
            }
            guard outcome.lateness < busyFrom else { return outcome }
            for answer in arrived {
                let age = killed - answer.at
                if age >= storedAfter { outcome.oldAnswers += 1 }
                guard again.contains(answer.body) else { continue }
                outcome.agesOfLost.append(age)
                #expect(age < storedAfter, "\(name): lost what had arrived \(age / 1_000) µs before the kill")
            }
            return outcome
        }
    }

    private func withCommand<Result>(
        _ server: ChatServer,
        run: String,
        latency: Int? = nil,
        _ body: (CommandRunner, [String]) throws -> Result
    ) throws -> Result {
        var granary = try CommandRunner()
        defer { granary.remove() }
        let url = server.url("ok\(latency ?? self.latency)", run: run)
        granary.environment = ["OPENAI_BASE_URL": url, "OPENAI_API_KEY": "test-key-123"]
        let input = (0..<conversations).map { number in
            ["chat_id": "id-\(number)", "messages": [["role": "user", "content": "text \(number)"]]] as [String: Any]
        }
        let file = granary.path("conversations.json")
        try JSONSerialization.data(withJSONObject: input).write(to: URL(fileURLWithPath: file))
        return try body(
            granary,
            [
                "summarise", file, "--cache", granary.store, "--model", "test/model", "--concurrency", "\(concurrency)",
                "--format", "json",
            ]
        )
    }
}
