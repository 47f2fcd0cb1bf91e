import ArgumentParser
import Granary
import GranaryKura
import GranarySummaries
import SegmentStore

struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings over what another program has cached.",
        discussion: "Example: granary import kura .kura-cache --cache .cache/summaries",
        subcommands: [ImportKura.self]
    )

    func run() throws {
        throw ValidationError("Say whose: one of the subcommands that 'granary import --help' lists.")
    }
}

struct ImportKura: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kura",
        abstract: "Brings over the summaries of a Kura disk cache, which is only read.",
        discussion: """
            Example: granary import kura .kura-cache --cache .cache/summaries

            Kura's pickles are read as data, and nothing in them is executed; entries that are not understood are \
            counted and left. What is imported has keys that begin with kura/, and is used only where it is asked for.
            """
    )

    @Argument(help: "The directory that Kura caches in, where cache.db is.")
    var directory: String

    @Option(help: "The cache's directory; it is created, parents included.")
    var cache: String

    @Option(
        help: ArgumentHelp(
            "The model that made the summaries; they get its name as their tag.",
            valueName: "provider/model"
        )
    )
    var model: String?

    @OptionGroup var report: FormatOption

    @OptionGroup var limit: SizeLimitOption

    func run() async throws {
        if let model { _ = try Tag.bytes(model) }
        let target = try CacheLocation.directory(self.cache, for: "import")
        let source: KuraImport
        do throws(KuraImportError) {
            source = try await KuraImport(from: directory)
        } catch {
            throw CommandFailure(.failed, error.description)
        }
        let cache = try reporting { () throws(StoreError) in
            try SegmentCache(directory: target, sizeLimit: limit.bytes)
        }
        Opening.announce(cache.store)
        let result = try await run(source, into: cache)
        for skip in result.skips {
            Output.message("granary: \(grouped(skip.count)) skipped as \(skip.reason.rawValue), first \(skip.example)")
        }
        if report.format == .json {
            try Output.write(json(result) + [UInt8(ascii: "\n")])
        } else {
            try Output.write(
                "\(grouped(result.imported)) entries imported, \(grouped(result.expired)) expired, "
                    + "\(grouped(result.skipped)) skipped\n"
            )
        }
        if let damage = result.damage {
            throw CommandFailure(.failed, "\(directory): not everything could be read: \(damage)")
        }
    }

    private func run(_ source: KuraImport, into cache: SegmentCache) async throws -> KuraImportReport {
        let progress = ProgressDisplay()
        let result: KuraImportReport
        let note: String?
        do {
            result = try await source.run(into: cache, model: model) {
                progress.show($0, of: source.entryCount ?? 0, "entries")
            }
            note = limit.note(on: cache.store)
            try await cache.close()
        } catch {
            progress.end()
            throw (error as? StoreError).map { CommandFailure($0) } ?? error
        }
        progress.end()
        if let note { Output.message(note) }
        return result
    }

    private func json(_ result: KuraImportReport) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("imported", result.imported)
        writer.member("expired", result.expired)
        writer.member("skipped", result.skipped)
        writer.name("skips")
        writer.beginArray()
        for skip in result.skips {
            writer.beginObject()
            writer.member("reason", skip.reason.rawValue)
            writer.member("count", skip.count)
            writer.member("example", skip.example)
            writer.endObject()
        }
        writer.endArray()
        writer.member("is_complete", result.damage == nil)
        writer.endObject()
        return writer.bytes
    }
}
