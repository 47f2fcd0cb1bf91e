import ArgumentParser
import Glibc
import Granary
import Logging

/// The command `granary`: parsing, printing and progress; what it does is the libraries' business.
@main
struct Main {
    static func main() {
        // Who reads our output may go away; a write then says so.
        signal(SIGPIPE, SIG_IGN)
        StandardStreams.fillClosed()
        Interruption.shared.install()
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            // A cache that is left out changes what is found and what is paid for: that is never silent.
            handler.logLevel = label == TieredCache.logLabel ? min(LogOption.level, .warning) : LogOption.level
            return handler
        }
        // Not an async main: its main thread would take the signals that every thread here blocks.
        Task.detached {
            let status = await run()
            Interruption.shared.finish(with: status)
        }
        while true { pause() }
    }

    private nonisolated static func run() async -> ExitStatus {
        do {
            try Arguments.requireText()
            var command = try GranaryCommandLine.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return .done
        } catch let failure as CommandFailure {
            if let message = failure.message { Output.message("granary: \(message)") }
            return failure.status
        } catch {
            return report(parsing: error)
        }
    }

    /// Help and version are answers, on standard output; everything else the parser says is bad usage.
    private nonisolated static func report(parsing error: any Error) -> ExitStatus {
        let text = GranaryCommandLine.fullMessage(for: error)
        guard GranaryCommandLine.exitCode(for: error) == .success else {
            Output.message(text)
            return .badUsage
        }
        do throws(CommandFailure) {
            try Output.write(Array("\(text)\n".utf8))
            return .done
        } catch {
            if let message = error.message { Output.message("granary: \(message)") }
            return error.status
        }
    }
}

struct GranaryCommandLine: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "granary",
        abstract: "Keeps the results of expensive calls on the local disk, and summarises conversations through them.",
        discussion: """
            Example: granary summarise conversations.json --cache .cache/summaries

            Exit codes: 0 done, 1 failed, 2 not found, 3 damage found, 64 bad usage, 130 and 143 after a signal.
            """,
        version: "0.1.0",
        subcommands: [
            Summarise.self, Get.self, Set.self, Delete.self, Keys.self, Stats.self, Verify.self, Clear.self,
            Compact.self, Evict.self, Import.self, ExplainKey.self, WhyMiss.self, Convert.self,
        ]
    )

    func run() throws {
        throw ValidationError("Say what to do: one of the subcommands that 'granary --help' lists.")
    }
}
